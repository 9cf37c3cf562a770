// The status of a CacheCluster as kubectl prints it: what a user of the sandbox can see, and no more.
using System.Text.Json;
using Shoal.TestKit;

namespace Shoal.Integration.EndToEnd;

/// <summary>One node as status lists it.</summary>
public sealed record ClusterNodeStatus(string Pod, string Id, string Role, string Link, NodeAddress Address);

/// <summary>A CacheCluster's status at one moment.</summary>
public sealed record ClusterStatus
{
    /// <summary>status.phase.</summary>
    public string Phase { get; private init; } = "";

    /// <summary>status.phaseReason.</summary>
    public string Reason { get; private init; } = "";

    /// <summary>The status speaks of the current spec.</summary>
    public bool IsCurrent { get; private init; }

    /// <summary>Slots of each shard, by index.</summary>
    public IReadOnlyList<int> SlotCounts { get; private init; } = [];

    /// <summary>The nodes that have an address.</summary>
    public IReadOnlyList<ClusterNodeStatus> Nodes { get; private init; } = [];

    /// <summary>Progress of the operation under way, 0 of 0 without one.</summary>
    public int Done { get; private init; }

    /// <inheritdoc cref="Done"/>
    public int Total { get; private init; }

    private IReadOnlyList<string> Primaries { get; init; } = [];

    /// <summary>Reads <c>kubectl get -o json</c>.</summary>
    public static ClusterStatus Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        var status = document.RootElement.TryGetProperty("status", out var s) ? s : default;
        var progress = In(In(status, "operation"), "progress");
        return new ClusterStatus
        {
            Phase = Text(status, "phase"),
            Reason = Text(status, "phaseReason"),
            IsCurrent = Number(status, "observedGeneration") == Number(document.RootElement.GetProperty("metadata"), "generation"),
            SlotCounts = [.. Each(status, "shardStatus").Select(x => Number(x, "slotCount"))],
            Primaries = [.. Each(status, "shardStatus").Select(x => Text(x, "primaryNodeId"))],
            Nodes = [.. Each(status, "nodeStatus").Where(n => Text(n, "address").Length > 0).Select(n =>
                new ClusterNodeStatus(Text(n, "pod"), Text(n, "nodeId"), Text(n, "role"), Text(n, "linkStatus"), NodeAddress.Parse(Text(n, "address"))))],
            Done = Number(progress, "done"),
            Total = Number(progress, "total"),
        };
    }

    /// <summary>Node id of a shard's primary, empty while there is none.</summary>
    public string PrimaryId(int shard) => Primaries[shard];

    /// <summary>The primary of a shard.</summary>
    public ClusterNodeStatus PrimaryOf(int shard) => Nodes.Single(n => n.Id == Primaries[shard]);

    /// <inheritdoc/>
    public override string ToString() => $"{Phase}: {Reason} (slots {string.Join(' ', SlotCounts)}, moved {Done} of {Total})";

    private static JsonElement In(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var found) ? found : default;

    private static string Text(JsonElement parent, string name) => In(parent, name) is { ValueKind: JsonValueKind.String } found ? found.GetString()! : "";

    private static int Number(JsonElement parent, string name) => In(parent, name) is { ValueKind: JsonValueKind.Number } found ? found.GetInt32() : 0;

    private static IEnumerable<JsonElement> Each(JsonElement parent, string name) => In(parent, name) is { ValueKind: JsonValueKind.Array } found ? found.EnumerateArray() : [];
}
