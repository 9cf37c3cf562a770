// What the API server offers. Features that a server lacks (policy/v1 before 1.21, pods/resize before 1.33) are asked for
// here once in a while instead of failing on every pass.

using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Shoal.Operator.Kubernetes;

internal sealed class Discovery(KubernetesApi api, TimeProvider clock)
{
    // A CRD may be installed at any time, so "no" is believed for less long than "yes".
    private static readonly TimeSpan YesLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan NoLifetime = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (HashSet<string> Names, DateTimeOffset At)> _known = new();

    public async Task<bool> ServesAsync(string apiVersion, string plural, CancellationToken ct)
    {
        if (_known.TryGetValue(apiVersion, out var known))
        {
            var serves = known.Names.Contains(plural);
            if (clock.GetUtcNow() - known.At < (serves ? YesLifetime : NoLifetime))
            {
                return serves;
            }
        }

        var list = await api.ReadAsync(PathOf(apiVersion), ct).ConfigureAwait(false);
        var names = Resources(list).Select(r => Text(r, "name")).ToHashSet();
        _known[apiVersion] = (names, clock.GetUtcNow());
        return names.Contains(plural);
    }

    public async Task<IReadOnlyList<ApiResource>> AllAsync(CancellationToken ct)
    {
        var all = new List<ApiResource>();
        var versions = new List<string> { "v1" };
        var groups = await api.ReadAsync("/apis", ct).ConfigureAwait(false);
        foreach (var group in groups?["groups"]?.AsArray() ?? [])
        {
            if (group?["preferredVersion"]?["groupVersion"]?.GetValue<string>() is { } preferred)
            {
                versions.Add(preferred);
            }
        }

        foreach (var version in versions)
        {
            try
            {
                Add(all, version, await api.ReadAsync(PathOf(version), ct).ConfigureAwait(false));
            }
            catch (KubernetesException)
            {
                // An aggregated API whose backend is down must not hide the others.
            }
        }

        return all;
    }

    private static void Add(List<ApiResource> all, string apiVersion, JsonNode? list)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var (group, version) = slash < 0 ? ("", apiVersion) : (apiVersion[..slash], apiVersion[(slash + 1)..]);
        var entries = Resources(list).ToList();
        foreach (var entry in entries)
        {
            var name = Text(entry, "name");
            if (name.Contains('/', StringComparison.Ordinal))
            {
                continue;
            }

            var type = new ResourceType(group, version, Text(entry, "kind"), name, entry["namespaced"]?.GetValue<bool>() ?? false);
            var verbs = (entry["verbs"]?.AsArray() ?? []).Select(v => v!.GetValue<string>()).ToList();
            var subresources = entries.Select(e => Text(e, "name")).Where(n => n.StartsWith(name + "/", StringComparison.Ordinal))
                .Select(n => n[(name.Length + 1)..]).ToList();
            all.Add(new ApiResource(type, verbs, subresources));
        }
    }

    private static IEnumerable<JsonNode> Resources(JsonNode? list) => (list?["resources"]?.AsArray() ?? []).Where(r => r is not null)!;

    private static string Text(JsonNode node, string name) => node[name]?.GetValue<string>() ?? "";

    private static string PathOf(string apiVersion) =>
        apiVersion.Contains('/', StringComparison.Ordinal) ? $"/apis/{apiVersion}" : $"/api/{apiVersion}";
}
