// One member as the model knows it. Mutable, owned by the bus thread; the reactor reads the NodeView copies in ClusterView.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Cluster.State;

internal sealed class ClusterNode(string id, BusNodeFlags flags, long nowMs)
{
    /// <summary>40 hex digits; random while in handshake.</summary>
    public string Id { get; set; } = id;
    public BusNodeFlags Flags { get; set; } = flags;
    public string ShardId { get; set; } = "";
    public string Ip { get; set; } = "";
    public int Port { get; set; }
    public int BusPort { get; set; }
    public string? Hostname { get; set; }
    public string? HumanName { get; set; }
    public ulong ConfigEpoch { get; set; }
    public ClusterNode? Primary { get; set; }
    /// <summary>Whom it replicated before it became primary.</summary>
    public ClusterNode? FormerPrimary { get; set; }
    public SlotSet Slots { get; set; } = SlotSet.Empty;
    public long CreatedMs { get; } = nowMs;
    /// <summary>When the ping under way was sent; 0 = none.</summary>
    public long PingSentMs { get; set; }
    public long PongReceivedMs { get; set; }
    /// <summary>When anything at all last came from it.</summary>
    public long HeardMs { get; set; }
    public long FailedSinceMs { get; set; }
    /// <summary>When this node last voted for a replica of that primary.</summary>
    public long VotedMs { get; set; }
    public long Offset { get; set; }
    /// <summary>The link we opened to it.</summary>
    public IBusLink? Link { get; set; }
    /// <summary>The link it opened to us.</summary>
    public IBusLink? Inbound { get; set; }
    /// <summary>Primaries that reported it failing, and when.</summary>
    public Dictionary<ClusterNode, long> FailReports { get; } = [];

    public bool Has(BusNodeFlags flag) => (Flags & flag) != 0;
    public bool IsMyself => Has(BusNodeFlags.Myself);
    public bool IsPrimary => Has(BusNodeFlags.Primary);
    public bool IsReplica => Has(BusNodeFlags.Replica);
    public bool IsFailed => Has(BusNodeFlags.Fail);
    public bool IsSuspect => Has(BusNodeFlags.PFail);
    public bool InHandshake => Has(BusNodeFlags.Handshake);
    public bool HasAddress => !Has(BusNodeFlags.NoAddress);
    /// <summary>The primary of its shard: itself, or the node it replicates.</summary>
    public ClusterNode? ShardPrimary => IsPrimary ? this : Primary;

    public void Set(BusNodeFlags flag) => Flags |= flag;
    public void Clear(BusNodeFlags flag) => Flags &= ~flag;

    public override string ToString() => $"{Id[..8]} ({Ip}:{Port})";
}
