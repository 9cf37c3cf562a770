// The closed set of things a pass may do: what, why, and how soon to look again. Rules make them, the executor runs them.
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters;

/// <summary>At most one per pass.</summary>
public abstract record Step
{
    /// <summary>Why, for people: it becomes status.phaseReason.</summary>
    public required string Why { get; init; }

    /// <summary>When to look again when nothing changes before.</summary>
    public TimeSpan LookAgain { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What kind of operation it belongs to, for status.operation; null = none.</summary>
    public string? Operation { get; init; }

    /// <summary>Its name in status.operation; a wait for the effect of a step keeps the name of that step.</summary>
    public string Phase { get => field ?? GetType().Name; init; }

    /// <summary>How often what it continues has failed in a row; written to status, so that the pause between tries survives a restart.</summary>
    public int Attempt { get; init; }

    /// <summary>What went wrong at the last try.</summary>
    public string? Error { get; init; }

    /// <summary>All is as it should be.</summary>
    public sealed record Nothing : Step;

    /// <summary>Something must happen elsewhere first.</summary>
    public sealed record Wait : Step
    {
        /// <summary>Condition reason when waiting is a finding of its own, such as RollBlocked.</summary>
        public string? Reason { get; init; }
    }

    /// <summary>The spec cannot be carried out; nothing changes until it does.</summary>
    public sealed record Refuse(string Reason) : Step;

    /// <summary>Create or update these objects.</summary>
    public sealed record ApplyObjects(IReadOnlyList<KubernetesObject> Objects) : Step;

    /// <summary>Make these volumes carry the owner that their reclaim policy asks for.</summary>
    public sealed record OwnVolumes(IReadOnlyList<V1PersistentVolumeClaim> Volumes, bool Own) : Step;

    /// <summary>Ask for bigger volumes.</summary>
    public sealed record GrowVolumes(IReadOnlyList<V1PersistentVolumeClaim> Volumes, string Size) : Step;

    /// <summary>Delete a StatefulSet but leave its pods: it is made again with what could not be changed in it.</summary>
    public sealed record ReplaceShardSet(V1StatefulSet Set) : Step;

    /// <summary>Introduce nodes to each other.</summary>
    public sealed record Meet(IReadOnlyList<(Member Node, Member Other)> Pairs) : Step;

    /// <summary>Give slots nobody owns to primaries; only while the cluster is started.</summary>
    public sealed record AssignSlots(IReadOnlyList<(Member Node, SlotSet Slots)> Shares) : Step;

    /// <summary>Make nodes replicas of their shard's primary.</summary>
    public sealed record Attach(IReadOnlyList<(Member Node, string PrimaryId)> Nodes) : Step;

    /// <summary>Start slot moves.</summary>
    public sealed record MoveSlots(IReadOnlyList<SlotTransfer> Transfers) : Step;

    /// <summary>End classic slot moves that nobody goes on with.</summary>
    public sealed record CloseSlots(IReadOnlyList<OpenPair> Slots) : Step;

    /// <summary>Write down that the shards to remove were seen empty, to see it again before acting.</summary>
    public sealed record ConfirmEmpty(ulong Epoch) : Step;

    /// <summary>Remove shards that own nothing: forget, reset, delete.</summary>
    public sealed record RemoveShards(IReadOnlyList<int> Shards, IReadOnlyList<string> ForgetIds) : Step;

    /// <summary>Have all nodes forget nodes that are gone for good.</summary>
    public sealed record Forget(IReadOnlyList<string> Ids) : Step;

    /// <summary>Change a setting of a running node.</summary>
    public sealed record Configure(Member Node, IReadOnlyDictionary<string, string> Settings) : Step;

    /// <summary>Give nodes the password in force, by one of its two settings. Never printed.</summary>
    public sealed record SetPassword(IReadOnlyList<Member> Nodes, string Setting) : Step;

    /// <summary>Resize a running pod.</summary>
    public sealed record ResizePod(Member Node, V1ResourceRequirements Resources) : Step;

    /// <summary>Have a replica take over from its living primary.</summary>
    public sealed record Promote(Member Replica) : Step;

    /// <summary>Delete a pod so that it comes back from the current template.</summary>
    public sealed record RecreatePod(Member Node) : Step;
}

/// <summary>A slot in SETSLOT's open states: its owner and where it was going (null: a node that is gone).</summary>
public sealed record OpenPair(int Slot, Member Owner, Member? Other);

/// <summary>One slot move with its deterministic id.</summary>
public sealed record SlotTransfer(Member Source, Member Target, SlotSet Slots, string TaskId, int Attempt)
{
    /// <summary>Address of the source.</summary>
    public NodeAddress From => Source.Address!.Value;
}
