// What the reactor sees of the cluster: an immutable picture, swapped whole between two turns. Routing, CLUSTER reports and INFO read
// it without a lock. It is built by the bus thread from ClusterModel whenever something in it changed.
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Cluster.State;

/// <summary>One node in a view.</summary>
internal sealed record NodeView
{
    public required string Id { get; init; }
    public required string ShardId { get; init; }
    public required string Ip { get; init; }
    public required int Port { get; init; }
    public required int BusPort { get; init; }
    public string? Hostname { get; init; }
    public required BusNodeFlags Flags { get; init; }
    public string? PrimaryId { get; init; }
    public ulong ConfigEpoch { get; init; }
    public SlotSet Slots { get; init; } = SlotSet.Empty;
    public long PingSentMs { get; init; }
    public long PongReceivedMs { get; init; }
    public bool IsLinked { get; init; }
    public long Offset { get; init; }
    public int FailReports { get; init; }
    public long LinkCreatedMs { get; init; }
    public long LinkQueuedBytes { get; init; }

    public bool IsMyself => (Flags & BusNodeFlags.Myself) != 0;
    public bool IsPrimary => (Flags & BusNodeFlags.Primary) != 0;
    public bool IsReplica => (Flags & BusNodeFlags.Replica) != 0;
    public bool IsFailed => (Flags & BusNodeFlags.Fail) != 0;
    public bool IsSuspect => (Flags & BusNodeFlags.PFail) != 0;
    public bool InHandshake => (Flags & BusNodeFlags.Handshake) != 0;

    /// <summary>The CLUSTER NODES line; open slots are printed for myself only.</summary>
    public NodesLine Line(ClusterView view)
    {
        var flags = NodeFlags.None;
        if (IsMyself) flags |= NodeFlags.Myself;
        if (IsPrimary) flags |= NodeFlags.Primary;
        if (IsReplica) flags |= NodeFlags.Replica;
        if (IsSuspect) flags |= NodeFlags.PFail;
        if (IsFailed) flags |= NodeFlags.Fail;
        if (InHandshake) flags |= NodeFlags.Handshake;
        if ((Flags & BusNodeFlags.NoAddress) != 0) flags |= NodeFlags.NoAddress;
        if ((Flags & BusNodeFlags.NoFailover) != 0) flags |= NodeFlags.NoFailover;
        var aux = ShardId.Length == 40 ? new KeyValuePair<string, string>[] { new("shard-id", ShardId) } : [];
        return new NodesLine
        {
            Id = Id, Ip = Ip, Port = Port, BusPort = BusPort, Hostname = Hostname, Aux = aux, Flags = flags, PrimaryId = PrimaryId,
            PingSentMs = PingSentMs, PongReceivedMs = PongReceivedMs, ConfigEpoch = ConfigEpoch, Connected = IsLinked || IsMyself, Slots = Slots,
            OpenSlots = IsMyself ? view.OpenSlots : [],
        };
    }
}

/// <summary>The whole picture.</summary>
internal sealed class ClusterView
{
    private readonly NodeView?[] _owners;

    private ClusterView(NodeView?[] owners, Dictionary<string, NodeView> nodes, NodeView myself)
    {
        _owners = owners;
        Nodes = nodes;
        Myself = myself;
    }

    public IReadOnlyDictionary<string, NodeView> Nodes { get; }
    public NodeView Myself { get; }
    public bool IsOk { get; private init; }
    public bool IsSealed { get; private init; }
    public ulong CurrentEpoch { get; private init; }
    public int Size { get; private init; }
    public IReadOnlyDictionary<int, string> Importing { get; private init; } = new Dictionary<int, string>();
    public IReadOnlyDictionary<int, string> Migrating { get; private init; } = new Dictionary<int, string>();
    public ClusterSettings Settings { get; private init; } = new();
    /// <summary>Client writes are held until then (wall clock ms) for a coordinated failover; 0 = not.</summary>
    public long WritesPausedUntilMs { get; init; }
    public long[] Sent { get; private init; } = [];
    public long[] Received { get; private init; } = [];
    public long LinkLimitExceeded { get; private init; }

    public NodeView? Owner(int slot) => _owners[slot];
    public NodeView? Find(string? id) => id is null ? null : Nodes.GetValueOrDefault(id);
    /// <summary>This node's primary, when it is a replica of a known one.</summary>
    public NodeView? Primary => Find(Myself.PrimaryId);

    /// <summary>The primary of the node's shard.</summary>
    public NodeView? ShardPrimary(NodeView node) => node.IsReplica ? Find(node.PrimaryId) : node;

    public IEnumerable<NodeView> ReplicasOf(NodeView primary) => Nodes.Values.Where(n => n.IsReplica && n.PrimaryId == primary.Id);

    public IReadOnlyList<OpenSlot> OpenSlots => Migrating.Select(p => new OpenSlot(p.Key, false, p.Value))
        .Concat(Importing.Select(p => new OpenSlot(p.Key, true, p.Value))).OrderBy(o => o.Slot).ToArray();

    public int AssignedSlots => _owners.Count(o => o is not null);
    public int CountSlots(Func<NodeView, bool> rule) => _owners.Count(o => o is not null && rule(o));

    public static ClusterView Of(ClusterModel m, long writesPausedUntilMs = 0)
    {
        var nodes = m.Nodes.Values.ToDictionary(n => n.Id, n => ViewOf(m, n));
        var owners = new NodeView?[HashSlot.Count];
        foreach (var node in m.Nodes.Values)
        {
            var view = nodes[node.Id];
            foreach (int slot in node.Slots) owners[slot] = view;
        }
        return new ClusterView(owners, nodes, nodes[m.Myself.Id])
        {
            IsOk = m.IsOk, IsSealed = m.IsSealed, CurrentEpoch = m.CurrentEpoch, Size = m.Size, Settings = m.Settings,
            Importing = new Dictionary<int, string>(m.Importing), Migrating = new Dictionary<int, string>(m.Migrating),
            WritesPausedUntilMs = writesPausedUntilMs, Sent = [.. m.Sent], Received = [.. m.Received], LinkLimitExceeded = m.LinkLimitExceeded,
        };
    }

    private static NodeView ViewOf(ClusterModel m, ClusterNode node) => new()
    {
        Id = node.Id, ShardId = node.ShardId, Ip = node.Ip, Port = node.Port, BusPort = node.BusPort, Hostname = node.Hostname, Flags = node.Flags,
        PrimaryId = node.Primary?.Id, ConfigEpoch = (node.ShardPrimary ?? node).ConfigEpoch, Slots = node.Slots, PingSentMs = node.PingSentMs,
        PongReceivedMs = node.PongReceivedMs, IsLinked = node.Link is { IsUp: true }, LinkCreatedMs = node.Link?.CreatedMs ?? 0, LinkQueuedBytes = node.Link?.QueuedBytes ?? 0,
        FailReports = FailReportsOf(m, node),
        Offset = node.IsMyself ? m.Host.Replica.Offset : node.Offset,
    };

    private static int FailReportsOf(ClusterModel m, ClusterNode node) => node.FailReports.Count == 0 ? 0 : Rules.FailureDetector.Reports(m, node);
}
