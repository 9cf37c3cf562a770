// The seam between decisions and the nodes: what the operator may ask of a node, and nothing else. Every call names the
// node by address; identities (node ids) are what the caller learnt from the node itself.
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Nodes;

/// <summary>Where a node listens for clients.</summary>
/// <param name="Host">IP address or name.</param>
/// <param name="Port">Client port.</param>
public readonly record struct NodeAddress(string Host, int Port)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>A slot move as a node reports it.</summary>
public sealed record SlotTask
{
    /// <summary>The id the operator gave it.</summary>
    public required string Id { get; init; }

    /// <summary>Reported by the source (else by the target).</summary>
    public bool IsExport { get; init; }

    /// <summary>What moves.</summary>
    public SlotSet Slots { get; init; } = SlotSet.Empty;

    /// <summary>Node id of the source.</summary>
    public string Source { get; init; } = "";

    /// <summary>Node id of the target.</summary>
    public string Target { get; init; } = "";

    /// <summary>The node's word for how far it is.</summary>
    public string State { get; init; } = "";

    /// <summary>Why it failed.</summary>
    public string Message { get; init; } = "";

    /// <summary>It ended badly.</summary>
    public bool HasFailed => State.StartsWith("fail", StringComparison.OrdinalIgnoreCase) || State.StartsWith("cancel", StringComparison.OrdinalIgnoreCase);

    /// <summary>It ended well.</summary>
    public bool HasSucceeded => State.StartsWith("succe", StringComparison.OrdinalIgnoreCase)
        || State.StartsWith("complet", StringComparison.OrdinalIgnoreCase) || State.Equals("done", StringComparison.OrdinalIgnoreCase);

    /// <summary>It is under way.</summary>
    public bool IsRunning => !HasFailed && !HasSucceeded;
}

/// <summary>What one node says about itself and about the cluster, at one moment.</summary>
public sealed record NodeReport
{
    /// <summary>Its answer to CLUSTER NODES.</summary>
    public required NodesAnswer Answer { get; init; }

    /// <summary>Its id.</summary>
    public string Id => Answer.Myself.Id;

    /// <summary>It is a primary.</summary>
    public bool IsPrimary { get; init; }

    /// <summary>A replica whose link to its primary is up.</summary>
    public bool IsLinked { get; init; }

    /// <summary>Replicas attached to it, when it is a primary.</summary>
    public int ConnectedReplicas { get; init; }

    /// <summary>Replication offset.</summary>
    public long Offset { get; init; }

    /// <summary>It is still reading its files.</summary>
    public bool IsLoading { get; init; }

    /// <summary>Bytes in use.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Its maxmemory, 0 = no limit.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Keys it holds.</summary>
    public long Keys { get; init; }

    /// <summary>The epoch the cluster is at in its view.</summary>
    public long CurrentEpoch { get; init; }

    /// <summary>cluster_state is ok in its view.</summary>
    public bool SeesClusterOk { get; init; }

    /// <summary>Version it reports.</summary>
    public string Version { get; init; } = "";

    /// <summary>Slot moves it knows of, finished ones included while it remembers them.</summary>
    public IReadOnlyList<SlotTask> Tasks { get; init; } = [];

    /// <summary>The settings that were asked for, as CONFIG GET prints them.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// Administration of nodes. Every method throws <see cref="IOException"/> or <see cref="TimeoutException"/> when the node
/// cannot be reached and <see cref="Protocol.Client.RespException"/> with the node's own words when it refuses.
/// </summary>
public interface INodeAdmin
{
    /// <summary>Passwords to try when connecting to a node, in this order; an empty one is none.</summary>
    void UsePasswords(NodeAddress node, IReadOnlyList<string> passwords);

    /// <summary>Asks a node for everything a <see cref="NodeReport"/> holds. <paramref name="settings"/> are CONFIG names to read.</summary>
    Task<NodeReport> ReportAsync(NodeAddress node, IReadOnlyCollection<string> settings, CancellationToken ct);

    /// <summary>Bytes per slot; slots the node does not own stay 0. Null when the node cannot tell.</summary>
    Task<long[]?> SlotBytesAsync(NodeAddress node, SlotSet slots, CancellationToken ct);

    /// <summary>Introduces <paramref name="other"/> to the node.</summary>
    Task MeetAsync(NodeAddress node, NodeAddress other, CancellationToken ct);

    /// <summary>Gives slots nobody owns to the node.</summary>
    Task AssignAsync(NodeAddress node, SlotSet slots, CancellationToken ct);

    /// <summary>Makes the node a replica of the primary with this id.</summary>
    Task AttachAsync(NodeAddress node, string primaryId, CancellationToken ct);

    /// <summary>Has the node, owner of the slots, move them to another. The same task id again changes nothing.</summary>
    Task MoveAsync(NodeAddress source, SlotSet slots, string targetId, string taskId, CancellationToken ct);

    /// <summary>Ends a classic move of a slot (SETSLOT, MIGRATE) that was left half-way. <paramref name="other"/> is the receiving side, null when gone.</summary>
    Task CloseSlotAsync(NodeAddress owner, NodeAddress? other, int slot, CancellationToken ct);

    /// <summary>Has the node, a replica, take over from its living primary without losing a write.</summary>
    Task PromoteAsync(NodeAddress replica, CancellationToken ct);

    /// <summary>Has the node forget another.</summary>
    Task ForgetAsync(NodeAddress node, string id, CancellationToken ct);

    /// <summary>Empties the node and gives it a new identity. Only for nodes that own nothing and are about to be removed.</summary>
    Task ResetAsync(NodeAddress node, CancellationToken ct);

    /// <summary>Changes a setting of the running node.</summary>
    Task ConfigureAsync(NodeAddress node, string name, string value, CancellationToken ct);
}
