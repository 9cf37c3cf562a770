// The client against a server that misbehaves: pages that expire, tokens that rotate, throttling, refusals, cut streams.

using System.Text.Json;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class KubernetesApiTests
{
    private const string Gone = """{"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410}""";

    [Fact]
    public async Task A_list_follows_its_pages()
    {
        await using var server = new FakeApiServer(r => new FakeReply(200, r.Parameter("continue") is null ? Page("7", "more", "a", "b") : Page("7", "", "c")));
        using var api = server.Client();

        var list = await api.ListAsync<V1ConfigMap>(ResourceType.Of<V1ConfigMap>(), "ns", new ListOptions { PageSize = 2, LabelSelector = "a=b" });

        Assert.Equal(["a", "b", "c"], list.Items.Select(i => i.Metadata.Name));
        Assert.Equal(("7", "v1", "ConfigMap"), (list.ResourceVersion, list.Items[0].ApiVersion, list.Items[0].Kind));
        Assert.Equal(["2", "2"], server.Requests.Select(r => r.Parameter("limit")));
        Assert.All(server.Requests, r => Assert.Equal("a=b", r.Parameter("labelSelector")));
    }

    [Fact]
    public async Task A_page_that_expired_makes_it_list_in_one_go()
    {
        await using var server = new FakeApiServer(r =>
            r.Parameter("continue") is not null ? new FakeReply(410, Gone) : new FakeReply(200, r.Parameter("limit") is null ? Page("9", "", "a", "b") : Page("7", "more", "a")));
        using var api = server.Client();

        var list = await api.ListAsync<V1ConfigMap>("ns");

        Assert.Equal(["a", "b"], list.Items.Select(i => i.Metadata.Name));
    }

    [Fact]
    public async Task Refusals_carry_the_servers_words()
    {
        await using var server = new FakeApiServer(r => r.Path.EndsWith("/gone", StringComparison.Ordinal)
            ? new FakeReply(404, """{"kind":"Status","reason":"NotFound","message":"configmaps \"gone\" not found","code":404}""")
            : r.Method == "PUT" ? new FakeReply(409, """{"kind":"Status","reason":"Conflict","message":"the object has been modified","code":409}""")
            : r.Method == "POST" ? new FakeReply(409, """{"kind":"Status","reason":"AlreadyExists","message":"exists","code":409}""")
            : new FakeReply(500, "upstream broke") { ContentType = "text/plain" });
        using var api = server.Client();
        var map = new V1ConfigMap { Metadata = new() { Namespace = "ns", Name = "a" } };

        Assert.Null(await api.GetAsync<V1ConfigMap>("ns", "gone"));
        Assert.False(await api.DeleteAsync<V1ConfigMap>("ns", "gone"));
        Assert.True((await Assert.ThrowsAsync<KubernetesException>(() => api.ReplaceAsync(map))).IsConflict);
        Assert.True((await Assert.ThrowsAsync<KubernetesException>(() => api.CreateAsync(map))).IsAlreadyExists);
        var plain = await Assert.ThrowsAsync<KubernetesException>(() => api.GetAsync<V1ConfigMap>("ns", "a"));
        Assert.Equal(500, plain.Status);
        Assert.Contains("upstream broke", plain.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_throttled_request_is_sent_again_when_the_server_says()
    {
        var asked = 0;
        await using var server = new FakeApiServer(_ => ++asked < 3
            ? new FakeReply(429, "{}") { Headers = new() { ["Retry-After"] = "0" } }
            : new FakeReply(200, """{"metadata":{"name":"a"}}"""));
        using var api = server.Client();

        Assert.NotNull(await api.GetAsync<V1ConfigMap>("ns", "a"));
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task A_rotated_token_file_is_read_again_after_a_401()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "old\n");
        await using var server = new FakeApiServer(r => r.Headers.GetValueOrDefault("Authorization") == "Bearer new"
            ? new FakeReply(200, """{"metadata":{"name":"a"}}""") : new FakeReply(401, "{}"));
        using var api = server.Client(c => c with { TokenFile = file });
        await Assert.ThrowsAsync<KubernetesException>(() => api.GetAsync<V1ConfigMap>("ns", "a"));

        await File.WriteAllTextAsync(file, "new\n");

        Assert.NotNull(await api.GetAsync<V1ConfigMap>("ns", "a"));
        File.Delete(file);
    }

    [Fact]
    public async Task A_token_file_is_read_again_every_minute()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "one");
        var clock = new ManualClock();
        await using var server = new FakeApiServer(_ => new FakeReply(200, """{"metadata":{"name":"a"}}"""));
        using var api = server.Client(c => c with { TokenFile = file }, clock);
        await api.GetAsync<V1ConfigMap>("ns", "a");
        await File.WriteAllTextAsync(file, "two");
        await api.GetAsync<V1ConfigMap>("ns", "a");
        clock.Advance(TimeSpan.FromMinutes(1));

        await api.GetAsync<V1ConfigMap>("ns", "a");

        Assert.Equal(["Bearer one", "Bearer one", "Bearer two"], server.Requests.Select(r => r.Headers["Authorization"]));
        File.Delete(file);
    }

    [Fact]
    public async Task An_exec_plugin_is_run_again_when_its_credential_expires()
    {
        var count = Path.GetTempFileName();
        var clock = new ManualClock();
        var exec = new ExecCredentialPlugin
        {
            ApiVersion = "client.authentication.k8s.io/v1",
            Command = "/bin/sh",
            Args =
            [
                "-c",
                "echo x >> $COUNT; printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t%s\",\"expirationTimestamp\":\"2026-01-01T01:00:00Z\"}}' $(wc -l < $COUNT)",
            ],
            Env = new Dictionary<string, string> { ["COUNT"] = count },
        };
        await using var server = new FakeApiServer(_ => new FakeReply(200, """{"metadata":{"name":"a"}}"""));
        using var api = server.Client(c => c with { Exec = exec }, clock);
        await api.GetAsync<V1ConfigMap>("ns", "a");
        await api.GetAsync<V1ConfigMap>("ns", "a");
        clock.Advance(TimeSpan.FromHours(1));

        await api.GetAsync<V1ConfigMap>("ns", "a");

        Assert.Equal(["Bearer t1", "Bearer t1", "Bearer t2"], server.Requests.Select(r => r.Headers["Authorization"]));
        File.Delete(count);
    }

    [Fact]
    public async Task A_missing_exec_plugin_is_named_with_its_hint()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "{}"));
        using var api = server.Client(c => c with { Exec = new() { ApiVersion = "client.authentication.k8s.io/v1", Command = "no-such-plugin", InstallHint = "get it at example.org" } });

        var error = await Assert.ThrowsAsync<KubernetesConfigException>(() => api.GetAsync<V1ConfigMap>("ns", "a"));

        Assert.Contains("no-such-plugin", error.Message, StringComparison.Ordinal);
        Assert.Contains("example.org", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_names_its_manager_and_leaves_managed_fields_out()
    {
        await using var server = new FakeApiServer(r => new FakeReply(200, r.Body));
        using var api = server.Client();
        var read = KubernetesJson.Read<V1ConfigMap>("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"ns","name":"a","managedFields":[{"manager":"x"}]},"data":{"k":"v"}}""");

        await api.ApplyAsync(read);

        var request = Assert.Single(server.Requests);
        Assert.Equal(("PATCH", "shoal-operator", "true"), (request.Method, request.Parameter("fieldManager"), request.Parameter("force")));
        Assert.StartsWith("application/apply-patch+yaml", request.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.DoesNotContain("managedFields", request.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_delete_carries_propagation_grace_and_preconditions()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "{}"));
        using var api = server.Client();

        await api.DeleteAsync<V1Pod>("ns", "a", new DeleteOptions { Propagation = "Orphan", GracePeriodSeconds = 0, Uid = "u", ResourceVersion = "5" });

        using var body = JsonDocument.Parse(Assert.Single(server.Requests).Body);
        Assert.Equal("Orphan", body.RootElement.GetProperty("propagationPolicy").GetString());
        Assert.Equal(0, body.RootElement.GetProperty("gracePeriodSeconds").GetInt32());
        Assert.Equal("u", body.RootElement.GetProperty("preconditions").GetProperty("uid").GetString());
    }

    [Fact]
    public async Task Discovery_knows_resources_and_subresources_and_asks_only_once()
    {
        await using var server = new FakeApiServer(r => r.Path == "/api/v1"
            ? new FakeReply(200, """{"kind":"APIResourceList","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list"]},{"name":"pods/status","kind":"Pod","namespaced":true,"verbs":["get"]}]}""")
            : new FakeReply(404, "404 page not found") { ContentType = "text/plain" });
        using var api = server.Client();

        Assert.True(await api.ServesAsync<V1Pod>());
        Assert.True(await api.ServesAsync<V1Pod>("status"));
        Assert.False(await api.ServesAsync<V1PodDisruptionBudget>());
        Assert.False(await api.ServesAsync<V1PodDisruptionBudget>());
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task A_watch_reads_events_and_ends_when_the_server_ends_it()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "") { Stream = Pieces(Event("ADDED", "a", "1")[..20], Event("ADDED", "a", "1")[20..] + Event("BOOKMARK", "", "9")) });
        using var api = server.Client();

        var events = await ReadAsync(api, "0");

        Assert.Equal([(WatchEventType.Added, "1"), (WatchEventType.Bookmark, "9")], events.Select(e => (e.Type, e.Object.Metadata.ResourceVersion!)));
        var request = Assert.Single(server.Requests);
        Assert.Equal(("true", "true", "0"), (request.Parameter("watch"), request.Parameter("allowWatchBookmarks"), request.Parameter("resourceVersion")));
    }

    [Fact]
    public async Task A_watch_cut_inside_a_line_is_an_error()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "") { Stream = Pieces(Event("ADDED", "a", "1"), """{"type":"ADD"""), CutOff = true });
        using var api = server.Client();

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAsync(api, "0"));
    }

    [Fact]
    public async Task An_error_event_is_thrown_as_what_it_says()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "") { Stream = Pieces("""{"type":"ERROR","object":""" + Gone + "}\n") });
        using var api = server.Client();

        Assert.True((await Assert.ThrowsAsync<KubernetesException>(() => ReadAsync(api, "0"))).IsGone);
    }

    [Fact]
    public async Task A_watch_that_goes_silent_is_given_up()
    {
        await using var server = new FakeApiServer(_ => new FakeReply(200, "") { Stream = Forever() });
        using var api = server.Client();

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAsync(api, "0", TimeSpan.FromMilliseconds(200)));
    }

    internal static string Event(string type, string name, string version) =>
        $$$"""{"type":"{{{type}}}","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"ns","name":"{{{name}}}","uid":"u-{{{name}}}","resourceVersion":"{{{version}}}"} } }""" + "\n";

    internal static string Page(string version, string next, params string[] names) => JsonSerializer.Serialize(new
    {
        kind = "ConfigMapList",
        apiVersion = "v1",
        metadata = new { resourceVersion = version, @continue = next },
        items = names.Select(n => new { metadata = new { @namespace = "ns", name = n, uid = "u-" + n, resourceVersion = version } }),
    });

    internal static async IAsyncEnumerable<string> Pieces(params string[] pieces)
    {
        foreach (var piece in pieces)
        {
            await Task.Yield();
            yield return piece;
        }
    }

    internal static async IAsyncEnumerable<string> Forever(string first = "", [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct = default)
    {
        if (first.Length > 0)
        {
            yield return first;
        }

        await Task.Delay(Timeout.Infinite, ct);
        yield break;
    }

    private static async Task<List<WatchEvent<V1ConfigMap>>> ReadAsync(KubernetesApi api, string version, TimeSpan? timeout = null)
    {
        var events = new List<WatchEvent<V1ConfigMap>>();
        await foreach (var change in api.WatchAsync<V1ConfigMap>("ns", new WatchOptions { ResourceVersion = version, Timeout = timeout ?? TimeSpan.FromMinutes(1) }))
        {
            events.Add(change);
        }

        return events;
    }
}
