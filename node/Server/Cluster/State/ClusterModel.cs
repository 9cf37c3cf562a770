// The one guarded model of the cluster: who is a member, who owns which slot, which epochs were seen, what is voted.
// Only the bus thread touches it. The rules in Cluster/Rules change it; what the reactor may see of it is published as an
// immutable ClusterView. Primitive mutations live here so that owners, slot sets and dirty marks never disagree.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Cluster.State;

/// <summary>Where this replica stands in an election.</summary>
internal sealed class ElectionState
{
    public long AuthTimeMs;
    public int Votes;
    public bool Requested;
    public int Rank;
    public ulong Epoch;
    public string? LoggedReason;
    public readonly HashSet<string> Voters = [];
}

/// <summary>A coordinated failover under way, on either side.</summary>
internal sealed class ManualFailoverState
{
    /// <summary>When it is given up; 0 = none under way.</summary>
    public long EndMs;
    /// <summary>Replica side: votes may be asked for.</summary>
    public bool CanStart;
    /// <summary>Primary side: the replica that asked.</summary>
    public ClusterNode? Replica;
    /// <summary>Replica side: the paused primary's final offset, -1 = not heard yet.</summary>
    public long PrimaryOffset = -1;
    /// <summary>Primary side: final offset, -1 while the reactor has not stopped writes yet.</summary>
    public long PausedOffset = -1;
}

internal sealed class ClusterModel
{
    private readonly ClusterNode?[] _owners = new ClusterNode?[HashSlot.Count];

    public ClusterModel(IClusterHost host, ClusterSettings settings)
    {
        Host = host;
        Settings = settings;
        StartedMs = host.NowMs;
        Myself = new ClusterNode(host.NewNodeId(), BusNodeFlags.Myself | BusNodeFlags.Primary, host.NowMs) { ShardId = host.NewNodeId() };
        Nodes[Myself.Id] = Myself;
        RefreshMyself();
    }

    public IClusterHost Host { get; }
    public ClusterSettings Settings { get; private set; }
    public ClusterNode Myself { get; private set; }
    public Dictionary<string, ClusterNode> Nodes { get; } = [];
    public ulong CurrentEpoch { get; set; }
    public ulong LastVoteEpoch { get; set; }
    public bool IsOk { get; set; }
    /// <summary>Primaries with at least one slot: the electorate.</summary>
    public int Size { get; set; } = 1;
    public long StartedMs { get; }
    public long MinoritySinceMs { get; set; }
    public Dictionary<int, string> Importing { get; } = [];
    public Dictionary<int, string> Migrating { get; } = [];
    /// <summary>Forgotten ids and until when (ms) they stay out.</summary>
    public Dictionary<string, long> Forgotten { get; } = [];
    public ElectionState Election { get; } = new();
    public ManualFailoverState Manual { get; } = new();
    public SlotSet NotClaimedByOwner { get; set; } = SlotSet.Empty;
    /// <summary>
    /// Set when this primary came back without the data it had (adr node/0012): it stays silent and serves nothing
    /// until a replica took over, or an administrator says TAKEOVER.
    /// </summary>
    public bool IsSealed { get; set; }
    /// <summary>What nodes.conf remembers: this node held keys when it last looked.</summary>
    public bool HoldsData { get; set; }
    public long[] Sent { get; } = new long[11];
    public long[] Received { get; } = new long[11];
    public long LinkLimitExceeded { get; set; }

    /// <summary>Something the published view shows has changed.</summary>
    public bool IsDirty { get; set; } = true;
    /// <summary>Something nodes.conf holds has changed.</summary>
    public bool NeedsSave { get; set; }
    /// <summary>Cluster health must be weighed again.</summary>
    public bool NeedsHealth { get; set; } = true;

    public long NowMs => Host.NowMs;
    public ClusterNode? Owner(int slot) => _owners[slot];

    public ClusterNode? Find(string id) => Nodes.GetValueOrDefault(id);

    /// <summary>Marks the model changed in a way worth saving and publishing.</summary>
    public void Changed(bool health = true)
    {
        IsDirty = true;
        NeedsSave = true;
        if (health) NeedsHealth = true;
    }

    public void SaveNow()
    {
        Host.Save(this);
        NeedsSave = false;
    }

    public void Use(ClusterSettings settings)
    {
        Settings = settings;
        RefreshMyself();
    }

    public void Add(ClusterNode node)
    {
        Nodes[node.Id] = node;
        Changed();
    }

    /// <summary>Replaces the identity made at construction by the one nodes.conf holds.</summary>
    public void BecomeMyself(ClusterNode node)
    {
        Nodes.Remove(Myself.Id);
        Myself = node;
        Nodes[node.Id] = node;
        node.Set(BusNodeFlags.Myself);
        RefreshMyself();
    }

    /// <summary>Removes a node and everything that refers to it.</summary>
    public void Remove(ClusterNode node)
    {
        if (node == Myself) throw new InvalidOperationException("a node cannot remove itself");
        AssignSlots(node.Slots, null);
        foreach (var other in Nodes.Values)
        {
            other.FailReports.Remove(node);
            if (other.Primary == node) other.Primary = null;
            if (other.FormerPrimary == node) other.FormerPrimary = null;
        }
        foreach (int slot in Importing.Where(p => p.Value == node.Id).Select(p => p.Key).ToArray()) Importing.Remove(slot);
        foreach (int slot in Migrating.Where(p => p.Value == node.Id).Select(p => p.Key).ToArray()) Migrating.Remove(slot);
        Nodes.Remove(node.Id);
        node.Link?.Close();
        node.Link = null;
        if (node.Inbound is { } inbound) inbound.Node = null;
        node.Inbound = null;
        Changed();
    }

    public void Rename(ClusterNode node, string id)
    {
        Nodes.Remove(node.Id);
        node.Id = id;
        Nodes[id] = node;
        Changed();
    }

    /// <summary>Gives the slots to a node, or to nobody. Open-slot marks are the caller's business.</summary>
    public void AssignSlots(SlotSet slots, ClusterNode? to)
    {
        if (slots.IsEmpty) return;
        foreach (var loser in slots.Select(s => _owners[s]).Distinct().ToArray())
            if (loser is not null && loser != to) loser.Slots = loser.Slots.Except(slots);
        foreach (int slot in slots) _owners[slot] = to;
        if (to is not null) to.Slots = to.Slots.Union(slots);
        NotClaimedByOwner = NotClaimedByOwner.Except(slots);
        Changed();
    }

    /// <summary>Makes a node primary in our eyes (its slots stay what they are).</summary>
    public void MakePrimary(ClusterNode node)
    {
        if (node.IsPrimary) return;
        node.Clear(BusNodeFlags.Replica);
        node.Set(BusNodeFlags.Primary);
        node.FormerPrimary = node.Primary;
        node.Primary = null;
        Changed();
    }

    /// <summary>Makes this node a replica; its slots, if it had any, are given up.</summary>
    public void FollowPrimary(ClusterNode primary)
    {
        AssignSlots(Myself.Slots, null);
        Importing.Clear();
        Migrating.Clear();
        Myself.Clear(BusNodeFlags.Primary | BusNodeFlags.MigrateTo);
        Myself.Set(BusNodeFlags.Replica);
        Myself.Primary = primary;
        Myself.ShardId = primary.ShardId;
        IsSealed = false;
        Rules.ManualFailover.Reset(this);
        Changed();
    }

    public ulong MaxEpoch() => Math.Max(CurrentEpoch, Nodes.Values.Max(n => n.ConfigEpoch));

    public IEnumerable<ClusterNode> ReplicasOf(ClusterNode primary) => Nodes.Values.Where(n => n.IsReplica && n.Primary == primary);

    public bool IsForgotten(string id)
    {
        if (!Forgotten.TryGetValue(id, out long until)) return false;
        if (until > NowMs) return true;
        Forgotten.Remove(id);
        return false;
    }

    /// <summary>Applies announced addresses to this node's own entry.</summary>
    public void RefreshMyself()
    {
        var s = Settings;
        if (s.AnnounceIp.Length > 0) Myself.Ip = s.AnnounceIp;
        Myself.Port = s.AnnouncePort > 0 ? s.AnnouncePort : s.Port;
        Myself.BusPort = s.AnnounceBusPort > 0 ? s.AnnounceBusPort : s.BusPort;
        Myself.Hostname = s.AnnounceHostname.Length > 0 ? s.AnnounceHostname : null;
        Myself.HumanName = s.AnnounceHumanName.Length > 0 ? s.AnnounceHumanName : null;
        if (s.ReplicaNoFailover) Myself.Set(BusNodeFlags.NoFailover);
        else Myself.Clear(BusNodeFlags.NoFailover);
        Changed(health: false);
    }
}
