// All resources being served right now: the built-in ones and those the living CustomResourceDefinitions declare.
// Swapped whole when a definition changes, so a request sees one consistent catalogue.
using System.Collections.Immutable;

namespace Shoal.Sandbox.Api.Resources;

internal sealed class ResourceCatalog
{
    private volatile Snapshot current = new([.. BuiltInResources.All]);

    /// <summary>Every served resource; custom ones after built-in ones.</summary>
    public IReadOnlyList<ResourceType> All => current.Types;

    /// <summary>Grows with every change of the custom part; part of discovery's and OpenAPI's ETag.</summary>
    public int Edition { get; private set; }

    public ResourceType? Find(string group, string version, string plural) =>
        current.ByPath.GetValueOrDefault((group, version, plural));

    public ResourceType? FindKind(string apiVersion, string kind) =>
        current.Types.FirstOrDefault(t => t.ApiVersion == apiVersion && t.Kind == kind);

    /// <summary>Types under one storage name; the first is the one objects are stored as.</summary>
    public IEnumerable<ResourceType> StoredAs(string storage) => current.Types.Where(t => t.Storage == storage);

    /// <summary>Versions of a group, the preferred one first.</summary>
    public IReadOnlyList<string> Versions(string group) =>
        [.. current.Types.Where(t => t.Group == group).Select(t => t.Version).Distinct().OrderByDescending(Priority)];

    public void SetCustom(IEnumerable<ResourceType> custom)
    {
        current = new Snapshot([.. BuiltInResources.All, .. custom]);
        Edition++;
    }

    /// <summary>Kubernetes's version order: v2 before v1, v1 before v1beta1, betas before alphas.</summary>
    private static (int Stability, int Major, int Minor) Priority(string version)
    {
        var stability = version.Contains("alpha") ? 0 : version.Contains("beta") ? 1 : 2;
        var numbers = version.Split(["v", "alpha", "beta"], StringSplitOptions.RemoveEmptyEntries);
        return (stability, Number(0), Number(1));

        int Number(int at) => at < numbers.Length && int.TryParse(numbers[at], out var n) ? n : 0;
    }

    private sealed class Snapshot(ImmutableArray<ResourceType> types)
    {
        public ImmutableArray<ResourceType> Types { get; } = types;

        public Dictionary<(string, string, string), ResourceType> ByPath { get; } =
            types.GroupBy(t => (t.Group, t.Version, t.Plural)).ToDictionary(g => g.Key, g => g.First());
    }
}
