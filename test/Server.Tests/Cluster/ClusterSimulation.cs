// Several cluster models in one process on a manual clock: links are queues, every message passes through the wire codec, nodes can be
// cut off, killed, restarted from their saved nodes.conf. This is how the failure and election rules are tested without sockets.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Tests.Cluster;

internal sealed class ClusterSimulation
{
    private readonly List<(long At, Action Deliver)> _inFlight = [];
    private long _iteration;

    public ClusterSimulation(int seed = 1) => Random = new Random(seed);

    public Random Random { get; }
    public long NowMs { get; private set; } = 1_700_000_000_000;
    public List<SimulatedNode> Nodes { get; } = [];
    public List<string> Log { get; } = [];

    public SimulatedNode Start(ClusterSettings? settings = null, string? savedFile = null)
    {
        int number = Nodes.Count + 1;
        var node = new SimulatedNode(this, $"10.0.0.{number}", settings ?? new ClusterSettings { NodeTimeoutMs = 1000 }, savedFile);
        Nodes.Add(node);
        return node;
    }

    /// <summary>Primaries with even slots, each with as many replicas, all met and replicating.</summary>
    public void Form(int primaries, int replicas)
    {
        for (int i = 0; i < primaries * (replicas + 1); i++) Start();
        foreach (var node in Nodes.Skip(1)) node.Meet(Nodes[0]);
        for (int i = 0; i < primaries; i++)
        {
            int from = HashSlot.Count * i / primaries, to = HashSlot.Count * (i + 1) / primaries - 1;
            Nodes[i].Model.AssignSlots(SlotSet.Of(new SlotRange(from, to)), Nodes[i].Model.Myself);
            Nodes[i].Model.Myself.ConfigEpoch = (ulong)i + 1;
            Nodes[i].Model.CurrentEpoch = (ulong)primaries;
        }
        Run(3000);
        for (int i = primaries; i < Nodes.Count; i++)
            Nodes[i].Model.FollowPrimary(Nodes[i].Model.Nodes[Nodes[i % primaries].Id]);
        RunUntil(() => Nodes.All(n => n.Model.IsOk), 20000);
        Run(3000);
    }

    public void Run(long milliseconds)
    {
        for (long end = NowMs + milliseconds; NowMs < end;)
        {
            NowMs += 10;
            var due = _inFlight.Where(m => m.At <= NowMs).ToArray();
            _inFlight.RemoveAll(m => m.At <= NowMs);
            foreach (var (_, deliver) in due) deliver();
            if (NowMs % Heartbeat.TickMs != 0) continue;
            _iteration++;
            foreach (var node in Nodes.Where(n => n.IsAlive)) node.Tick(_iteration);
        }
    }

    public void RunUntil(Func<bool> condition, long withinMs)
    {
        for (long end = NowMs + withinMs; NowMs < end; Run(50))
            if (condition()) return;
        Assert.Fail($"condition not reached within {withinMs} ms:\n{string.Join('\n', Log.TakeLast(40))}");
    }

    public void Post(Action deliver) => _inFlight.Add((NowMs + 1 + Random.Next(8), deliver));
}

internal sealed class SimulatedNode : IClusterHost
{
    private readonly ClusterSimulation _network;

    public SimulatedNode(ClusterSimulation network, string ip, ClusterSettings settings, string? savedFile)
    {
        _network = network;
        Ip = ip;
        Model = new ClusterModel(this, settings);
        if (savedFile is null) return;
        string path = Path.GetTempFileName();
        File.WriteAllText(path, savedFile);
        ClusterStateFile.Load(path, Model);
        File.Delete(path);
    }

    public ClusterModel Model { get; }
    public string Ip { get; set; }
    public string Id => Model.Myself.Id;
    public bool IsAlive { get; set; } = true;
    public HashSet<SimulatedNode> CutFrom { get; } = [];
    public string Saved { get; private set; } = "";
    public int Saves { get; private set; }
    public ReplicaFacts Replica { get; set; } = new(100, 0, true);
    public bool IsLoading => false;
    public bool WritesPaused { get; private set; }
    public SlotSet Dropped { get; private set; } = SlotSet.Empty;
    public List<SimulatedLink> Links { get; } = [];
    public long NowMs => _network.NowMs;

    public int Random(int below) => below <= 0 ? 0 : _network.Random.Next(below);
    public string NewNodeId() => Convert.ToHexStringLower(Guid.NewGuid().ToByteArray().Concat(new byte[4]).ToArray());
    public void Save(ClusterModel model) { Saves++; Saved = ClusterStateFile.Print(model); }
    public void PauseWrites(long untilMs)
    {
        WritesPaused = true;
        _network.Post(() => ManualFailover.WritesPaused(Model, Replica.Offset));
    }
    public void ResumeWrites() => WritesPaused = false;
    public void DropSlots(SlotSet slots) => Dropped = Dropped.Union(slots);
    public void Deliver(BusMessage publish) { }
    public void Log(string text) => _network.Log.Add($"{NowMs % 1_000_000} {Ip}: {text}");

    public IBusLink? Connect(ClusterNode node)
    {
        var target = _network.Nodes.LastOrDefault(n => n.IsAlive && n.Ip == node.Ip);
        var link = new SimulatedLink(_network, this, target, inbound: false) { Node = node };
        if (target is null || !Reaches(target)) return link; // hangs, as a dropped SYN does
        var other = new SimulatedLink(_network, target, this, inbound: true) { Other = link };
        link.Other = other;
        Links.Add(link);
        target.Links.Add(other);
        _network.Post(() =>
        {
            if (link.IsClosed || !target.IsAlive) return;
            link.IsUp = other.IsUp = true;
            Heartbeat.LinkUp(Model, link);
        });
        return link;
    }

    public void Meet(SimulatedNode other) =>
        Model.Add(new ClusterNode(NewNodeId(), BusNodeFlags.Handshake | BusNodeFlags.Meet, NowMs) { Ip = other.Ip, Port = 6379, BusPort = 16379 });

    public bool Reaches(SimulatedNode other) => !CutFrom.Contains(other) && !other.CutFrom.Contains(this);

    public void Tick(long iteration)
    {
        Heartbeat.Tick(Model, iteration);
        if (Model.NeedsSave) Model.SaveNow();
    }

    public void Kill()
    {
        IsAlive = false;
        foreach (var link in Links.ToArray()) link.Close();
    }
}

internal sealed class SimulatedLink(ClusterSimulation network, SimulatedNode owner, SimulatedNode? peer, bool inbound) : IBusLink
{
    public SimulatedLink? Other { get; set; }
    public bool Inbound => inbound;
    public ClusterNode? Node { get; set; }
    public bool IsUp { get; set; }
    public bool IsClosed { get; private set; }
    public long CreatedMs { get; } = network.NowMs;
    public long QueuedBytes => 0;
    public string RemoteIp => peer?.Ip ?? "";
    public string LocalIp => owner.Ip;

    public void Send(BusMessage message, byte[]? encoded = null)
    {
        var bytes = encoded ?? BusCodec.Encode(message);
        Assert.Equal(bytes.Length, BusCodec.FrameLength(bytes));
        network.Post(() =>
        {
            if (IsClosed || Other is not { IsClosed: false } || peer is not { IsAlive: true } || !owner.Reaches(peer)) return;
            var decoded = BusCodec.TryDecode(bytes, out string? error);
            Assert.True(decoded is not null, error);
            Inbox.Receive(peer.Model, Other, decoded);
        });
    }

    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        IsUp = false;
        owner.Links.Remove(this);
        Heartbeat.LinkDown(owner.Model, this);
        Other?.Close();
    }
}
