// What the operator reports about a cluster. Every field can be derived again from the world; none is a memory.
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Api.V1;

/// <summary>What is observed of a cluster.</summary>
public sealed class CacheClusterStatus
{
    /// <summary>The generation of the spec this status speaks of.</summary>
    public long? ObservedGeneration { get; set; }

    /// <summary>One word: Pending, Bootstrapping, Healthy, ScalingOut, ScalingIn, Resizing, Updating, FailingOver, Restoring, Rebalancing, WaitingForUser, Degraded, Hibernated, Paused or Failed.</summary>
    public string? Phase { get; set; }

    /// <summary>Why, in a few words.</summary>
    public string? PhaseReason { get; set; }

    /// <summary>Label selector of the pods, for the scale subresource.</summary>
    public string? Selector { get; set; }

    /// <summary>The version the nodes report.</summary>
    public string? Version { get; set; }

    /// <summary>The node image asked for.</summary>
    public string? Image { get; set; }

    /// <summary>Shards that exist, those being added or removed included.</summary>
    public int? Shards { get; set; }

    /// <summary>Shards whose primary serves and whose replicas are linked.</summary>
    public int? ReadyShards { get; set; }

    /// <summary>Nodes that exist.</summary>
    public int? Nodes { get; set; }

    /// <summary>Nodes ready of nodes wanted, as "6/6".</summary>
    public string? ReadyNodes { get; set; }

    /// <summary>Slots with an owner.</summary>
    public int? SlotsAssigned { get; set; }

    /// <summary>Slots on their way.</summary>
    public int? SlotsMigrating { get; set; }

    /// <summary>The cluster's current epoch.</summary>
    public long? CurrentEpoch { get; set; }

    /// <summary>Whether the cluster was started; it is started once.</summary>
    public BootstrapStatus? Bootstrap { get; set; }

    /// <summary>Each shard.</summary>
    public List<ShardStatus>? ShardStatus { get; set; }

    /// <summary>Each node.</summary>
    public List<NodeStatus>? NodeStatus { get; set; }

    /// <summary>What the operator is doing.</summary>
    public OperationStatus? Operation { get; set; }

    /// <summary>When the last backup completed.</summary>
    public DateTimeOffset? LastSuccessfulBackup { get; set; }

    /// <summary>Standing judgements; every one names the generation it speaks of.</summary>
    public List<V1Condition>? Conditions { get; set; }
}

/// <summary>That the cluster was started.</summary>
public sealed class BootstrapStatus
{
    /// <summary>All slots were assigned once; the operator never starts this cluster again.</summary>
    public bool Completed { get; set; }

    /// <summary>The uid of the CacheCluster that was started; backups lie below it.</summary>
    public string? ClusterUID { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? CompletedAt { get; set; }
}

/// <summary>One shard.</summary>
public sealed class ShardStatus
{
    /// <summary>Number of the shard, from 0.</summary>
    public int Index { get; set; }

    /// <summary>The pod of the primary.</summary>
    public string? Primary { get; set; }

    /// <summary>The primary's node id.</summary>
    public string? PrimaryNodeId { get; set; }

    /// <summary>Slots it owns, as ranges.</summary>
    public string? Slots { get; set; }

    /// <summary>How many.</summary>
    public int SlotCount { get; set; }

    /// <summary>Bytes of data when the status last changed.</summary>
    public long? UsedMemory { get; set; }

    /// <summary>Linked replicas of replicas wanted, as "1/1".</summary>
    public string? Replicas { get; set; }
}

/// <summary>One node.</summary>
public sealed class NodeStatus
{
    /// <summary>Its pod.</summary>
    public string? Pod { get; set; }

    /// <summary>Its node id.</summary>
    public string? NodeId { get; set; }

    /// <summary>Primary, Replica or Unreachable.</summary>
    public string? Role { get; set; }

    /// <summary>Address and port.</summary>
    public string? Address { get; set; }

    /// <summary>Of a replica: up or down.</summary>
    public string? LinkStatus { get; set; }

    /// <summary>The maxmemory it runs with, in bytes.</summary>
    public long? MaxMemory { get; set; }

    /// <summary>The pod template it was made from.</summary>
    public string? TemplateHash { get; set; }
}

/// <summary>An operation under way.</summary>
public sealed class OperationStatus
{
    /// <summary>Bootstrap, ScaleOut, ScaleIn, Rebalance, Repair, Resize, Update, Hibernate.</summary>
    public string? Type { get; set; }

    /// <summary>The step it is at.</summary>
    public string? Phase { get; set; }

    /// <summary>The generation that asked for it.</summary>
    public long? Generation { get; set; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When the phase last changed.</summary>
    public DateTimeOffset? UpdatedAt { get; set; }

    /// <summary>How often the current step has failed in a row.</summary>
    public int? Attempt { get; set; }

    /// <summary>How far it is.</summary>
    public ProgressStatus? Progress { get; set; }

    /// <summary>Slot moves under way.</summary>
    public List<TaskStatus>? Tasks { get; set; }

    /// <summary>What a node or the API server last answered when a step failed.</summary>
    public string? LastError { get; set; }

    /// <summary>The epoch at which a shard to remove was first seen empty; it must be seen so twice.</summary>
    public long? EmptyAtEpoch { get; set; }

    /// <summary>When that was.</summary>
    public DateTimeOffset? EmptySince { get; set; }
}

/// <summary>Done of total, in slots when slots move, else in nodes.</summary>
public sealed class ProgressStatus
{
    /// <summary>Finished.</summary>
    public int Done { get; set; }

    /// <summary>All.</summary>
    public int Total { get; set; }
}

/// <summary>One move of slots.</summary>
public sealed class TaskStatus
{
    /// <summary>Its id, derived from what it moves.</summary>
    public string? Id { get; set; }

    /// <summary>Node id of the source.</summary>
    public string? Source { get; set; }

    /// <summary>Node id of the target.</summary>
    public string? Target { get; set; }

    /// <summary>The slots, as ranges.</summary>
    public string? Slots { get; set; }

    /// <summary>What the node says of it.</summary>
    public string? State { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; set; }
}
