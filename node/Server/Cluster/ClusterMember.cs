// This node as a cluster member: owns the bus thread, the model and nodes.conf, and is the door between the bus thread and the reactor.
// Reactor to bus: Ask. Bus to reactor: a new ClusterView, posted with the slots to drop, adopted between two turns.
using System.Net;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;

namespace Shoal.Server.Cluster;

internal sealed class ClusterMember : IClusterHost, IBusEvents, IDisposable
{
    private readonly NodeServices _node;
    private readonly ReplicationState _replication;
    private readonly ILogger _log;
    private readonly string _path;
    private readonly BusTransport _bus;
    private readonly ClusterModel _model;
    private SlotSet _dropped = SlotSet.Empty;
    private long _pausedUntilMs;
    private long _publishedAt;
    private volatile bool _holdsKeys;
    private volatile bool _loading = true;

    /// <exception cref="InvalidDataException">nodes.conf is damaged.</exception>
    public ClusterMember(NodeServices node, ReplicationState replication, ClusterSettings settings, string path, IReadOnlyList<IPAddress> bind)
    {
        _node = node;
        _replication = replication;
        _log = node.Loggers.CreateLogger("Cluster");
        _path = path;
        _model = new ClusterModel(this, settings);
        bool known = ClusterStateFile.Load(path, _model);
        _model.Use(settings);
        if (_model.Myself.Ip.Length == 0 && bind.Count > 0 && !IPAddress.IsLoopback(bind[0]) && !bind[0].Equals(IPAddress.Any) && !bind[0].Equals(IPAddress.IPv6Any))
            _model.Myself.Ip = bind[0].ToString();
        if (known) Log($"node {_model.Myself.Id}, epoch {_model.CurrentEpoch}, {_model.Nodes.Count} nodes known");
        else Log($"no cluster configuration found, this is node {_model.Myself.Id}");
        ClusterStateFile.Save(path, _model); // a node that cannot keep its state must not start
        _model.NeedsSave = false;
        View = ClusterView.Of(_model);
        _bus = new BusTransport(this, bind, settings.BusPort, node.Time);
    }

    /// <summary>The view at construction; the gate holds the current one.</summary>
    public ClusterView View { get; }

    /// <summary>Takes a new view on the engine thread; set by the gate.</summary>
    public Action<ClusterView, SlotSet>? Adopt { get; set; }

    /// <summary>Takes channel messages of other nodes; set before the bus starts.</summary>
    public ChannelRelay? Relay { get; set; }

    public long NowMs => _node.Time.GetUtcNow().ToUnixTimeMilliseconds();

    public bool IsLoading => _loading;

    public ReplicaFacts Replica => new(_replication.Offset, (long)_replication.LinkDownFor.TotalMilliseconds, _replication.HoldsData);

    public void Start() => _bus.Start();

    /// <summary>Runs <paramref name="change"/> on the bus thread, then, once its effect is saved and published, <paramref name="then"/> on the
    /// engine thread.</summary>
    public void Ask<T>(Func<ClusterModel, T> change, Action<T> then) => _bus.Post(() =>
    {
        T result = change(_model);
        RoundEnd();
        _node.Engine.Post(() => then(result));
    });

    /// <summary>Runs <paramref name="change"/> on the bus thread and waits for it, as a command inside MULTI must: the next one of the
    /// transaction builds on it. The bus thread never waits for the engine.</summary>
    public T AskNow<T>(Func<ClusterModel, T> change)
    {
        var done = new TaskCompletionSource<T>();
        _bus.Post(() =>
        {
            try
            {
                T result = change(_model);
                RoundEnd();
                done.SetResult(result);
            }
            catch (Exception e)
            {
                done.SetException(e);
                throw;
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Runs <paramref name="change"/> on the bus thread.</summary>
    public void Tell(Action<ClusterModel> change) => _bus.Post(() => change(_model));

    /// <summary>What the engine sees of its keys. Engine thread, about once a second.</summary>
    public void Observe(bool holdsKeys, bool loading)
    {
        _holdsKeys = holdsKeys;
        if (_loading == loading) return;
        _loading = loading;
        _bus.Post(() => _model.NeedsHealth = true);
    }

    public int Random(int below) => below <= 0 ? 0 : System.Random.Shared.Next(below);

    public string NewNodeId() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(20));

    public IBusLink? Connect(ClusterNode node)
    {
        var link = _bus.Connect(node.Ip, node.BusPort);
        if (link is not null) link.Node = node;
        return link;
    }

    public void Save(ClusterModel model) => ClusterStateFile.Save(_path, model);

    public void PauseWrites(long untilMs)
    {
        _pausedUntilMs = untilMs;
        _model.IsDirty = true;
    }

    public void ResumeWrites()
    {
        _pausedUntilMs = 0;
        _model.IsDirty = true;
    }

    public void DropSlots(SlotSet slots)
    {
        _dropped = _dropped.Union(slots);
        _model.IsDirty = true;
    }

    public void Deliver(BusMessage publish) => Relay?.Received(publish);

    public void Log(string text) => _log.LogInformation("{Text}", text);

    public void Message(BusLink link, BusMessage message) => Inbox.Receive(_model, link, message);

    public void LinkUp(BusLink link) => Heartbeat.LinkUp(_model, link);

    public void LinkDown(BusLink link) => Heartbeat.LinkDown(_model, link);

    public void Tick(long iteration)
    {
        Heartbeat.Tick(_model, iteration);
        bool holds = _holdsKeys;
        if (!_loading && !_model.IsSealed && holds != _model.HoldsData)
        {
            _model.HoldsData = holds;
            _model.NeedsSave = true;
        }
        // Votes and epochs are saved by the rules before they act; the rest may wait for the tick, so that a thousand
        // SETSLOTs do not cost a thousand syncs.
        if (_model.NeedsSave) _model.SaveNow();
        if (NowMs - _publishedAt > 1000) _model.IsDirty = true; // link times in CLUSTER NODES
    }

    public void RoundEnd()
    {
        if (_model.NeedsHealth) ClusterHealth.Weigh(_model);
        if (!_model.IsDirty) return;
        _model.IsDirty = false;
        _publishedAt = NowMs;
        var view = ClusterView.Of(_model, _pausedUntilMs);
        var dropped = _dropped;
        _dropped = SlotSet.Empty;
        _node.Engine.Post(() => Adopt?.Invoke(view, dropped));
    }

    public void Failed(Exception error) => _log.LogError(error, "Cluster bus round failed");

    public void Dispose()
    {
        _bus.Dispose();
        try
        {
            if (_model.NeedsSave) _model.SaveNow();
        }
        catch (IOException e)
        {
            Failed(e);
        }
    }
}
