// The cluster as the host composes it: settings and commands, the member with its bus thread, the gate, migrations, and the duties
// around them: INFO, readiness, what a restart without data means, hand-over on shutdown.
using System.Net;
using System.Net.Sockets;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Migration;
using Shoal.Server.Cluster.State;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;

namespace Shoal.Server.Cluster;

/// <summary>The cluster part of a node. Does nothing but register unless <c>cluster-enabled yes</c>.</summary>
public sealed class ClusterPart : INodePart
{
    private ClusterConfig _config = null!;
    private ReplicationState _replication = null!;
    private NodeServices _node = null!;
    private HandOver? _handOver;
    private string _cleanStopFile = "";
    private bool _crashed;
    private bool _checkedData;
    private bool _mayServeSync;
    private long _unsealAtMs;

    /// <summary>True in cluster mode.</summary>
    public bool IsEnabled { get; private set; }

    internal ClusterMember Member { get; private set; } = null!;
    internal ClusterGate Gate { get; private set; } = null!;
    internal SlotMigrations Migrations { get; private set; } = null!;
    /// <summary>Address links to other nodes go out from; null = any.</summary>
    internal IPAddress? Source { get; private set; }

    /// <inheritdoc/>
    public void Register(NodeConfig config, CommandTable commands)
    {
        _config = new ClusterConfig(config);
        var cluster = ClusterCommands.Register(commands);
        SlotCommands.Register(cluster);
        MigrationCommands.Register(cluster);
        MigrateCommand.Register(commands);
    }

    /// <inheritdoc/>
    public void Build(NodeServices node)
    {
        _node = node;
        node.Add(this);
        IsEnabled = _config.Enabled;
        node.Info.Add("Cluster", lines => lines.Add("cluster_enabled", IsEnabled));
        if (!IsEnabled) return;
        _replication = node.Part<ReplicationState>();
        // Nobody may sync from this node before it is known that its data set is not missing.
        _replication.RefuseSync = "the data set is not checked yet";
        node.Serving.NotReady = "cluster_state:fail";
        var settings = _config.Read();
        if (settings.Port == 0) throw new StartException("cluster-enabled needs a port");
        var bind = BindAddresses(node.Config);
        string path = Path.Combine(node.Config.Find("dir")?.Text is { Length: > 0 } dir ? dir : ".", _config.FileName);
        _cleanStopFile = path + ".clean-stop";
        _crashed = !File.Exists(_cleanStopFile);
        File.Delete(_cleanStopFile);
        try
        {
            Member = new ClusterMember(node, _replication, settings, path, bind);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or SocketException or UnauthorizedAccessException)
        {
            throw new StartException($"cannot join the cluster (bus port {settings.BusPort}, {path}): {e.Message}");
        }
        Source = bind.FirstOrDefault(a => !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any));
        var relay = new ChannelRelay(node, Member);
        Member.Relay = relay;
        node.Channels.Outward = relay;
        // The gate stands before recovery: replayed keys go to their slots.
        Gate = new ClusterGate(node, Member, _replication);
        Migrations = new SlotMigrations(node, Gate, Member, _replication, Source);
        Gate.Migrations = Migrations;
        node.Cluster = Gate;
        Gate.Adopted += relay.Learn;
        _handOver = new HandOver(node, this);
        node.Shutdown.Add(Shutdown.HandOver, "hand over primary", _handOver.RunAsync);
    }

    /// <inheritdoc/>
    public void Start(NodeServices node)
    {
        if (!IsEnabled) return;
        Gate.Adopted += Migrations.Learn;
        Gate.Adopted += _handOver!.Learn;
        _config.Changed = settings => Member.Tell(m =>
        {
            m.Use(settings);
            m.NeedsHealth = true;
        });
        node.Engine.AddTurnTask(Turn);
        node.Engine.Every(TimeSpan.FromMilliseconds(100), Tick);
        Member.Start();
    }

    /// <inheritdoc/>
    public void Stop(NodeServices node)
    {
        if (!IsEnabled || Member is null) return;
        Member.Dispose();
        if (_checkedData) File.WriteAllText(_cleanStopFile, "");
    }

    private void Turn()
    {
        if (!Gate.Purge.Pending.IsEmpty)
        {
            Gate.Purge.Step();
            Migrations.Hide();
        }
        Migrations.Step();
    }

    private void Tick()
    {
        bool loading = _node.Serving.IsLoading;
        if (!loading && !_checkedData) CheckData();
        if (_mayServeSync && _replication.RefuseSync is not null && !Gate.View.IsSealed) _replication.RefuseSync = null;
        if (_unsealAtMs > 0 && _node.NowMs >= _unsealAtMs) Unseal();
        Member.Observe(_node.Databases.TotalKeys > 0, loading);
        Gate.Tick(loading);
        Migrations.Tick();
        _handOver!.Tick();
    }

    /// <summary>
    /// Once, when loading is over. A primary that owned slots and held keys when it last looked, has replicas, and comes back without a
    /// single key has lost its data: it seals itself (adr node/0012) so that a replica is elected instead of being wiped. One that comes
    /// back from a crash with data seals itself for a while: what its replicas hold may be newer than what its disk kept.
    /// Keys in slots of other nodes are what an interrupted import left: they are dropped.
    /// </summary>
    private void CheckData()
    {
        _checkedData = true;
        bool empty = _node.Databases.TotalKeys == 0, crashed = _crashed;
        var view = Gate.View;
        if (view.Myself.IsPrimary && !empty) DropForeignSlots();
        Member.Tell(m =>
        {
            if (!m.Myself.IsPrimary || m.Myself.Slots.IsEmpty || !m.ReplicasOf(m.Myself).Any()) return;
            if (empty ? !m.HoldsData : !crashed || m.Nodes.Values.Count(n => n.IsPrimary && !n.Slots.IsEmpty) < 3) return;
            m.IsSealed = true;
            m.Changed();
            m.Host.Log(empty
                ? "this primary came back without its data: it stays silent until a replica takes over (CLUSTER FAILOVER TAKEOVER here accepts the loss)"
                : "this primary crashed: it stays silent until a replica takes over, or for four node timeouts");
        });
        Member.Ask(m => (m.IsSealed, m.Settings.NodeTimeoutMs), seal =>
        {
            _mayServeSync = true;
            if (!seal.IsSealed) return;
            // One timeout for the others to miss it, the verdict and the election well within another; twice that on a slow machine.
            if (!empty) _unsealAtMs = _node.NowMs + (4L * seal.NodeTimeoutMs) + 1000;
            _replication.RefuseSync = empty
                ? "this primary lost its data, waiting for a replica to take over"
                : "this primary crashed, waiting for a replica to take over";
        });
    }

    // No replica took over: there is none that could, and what this primary has is the best there is.
    private void Unseal()
    {
        _unsealAtMs = 0;
        Member.Tell(m =>
        {
            if (!m.IsSealed) return;
            m.IsSealed = false;
            m.Changed();
            m.Host.Log("no replica took over: serving again");
        });
    }

    internal void DropForeignSlots()
    {
        var view = Gate.View;
        var keys = _node.Databases[0];
        var foreign = SlotSet.OfSlots(Enumerable.Range(0, HashSlot.Count).Where(s =>
            keys.CountInSlot(s) > 0 && view.Owner(s) is { } owner && owner != view.Myself && !view.Importing.ContainsKey(s)));
        if (foreign.IsEmpty) return;
        Member.Log($"dropping keys of slots that other nodes own: {foreign}");
        Gate.Purge.Add(foreign);
        Migrations.Hide();
    }

    // The addresses of `bind`, as the client port listens on them; optional ones ("-::1") only when IPv6 is there at all.
    private static List<IPAddress> BindAddresses(NodeConfig config)
    {
        var addresses = new List<IPAddress>();
        foreach (string word in (config.Find("bind") as WordsSetting)?.Value ?? [])
        {
            string text = word.TrimStart('-');
            var address = text switch { "*" => IPAddress.Any, "::*" => IPAddress.IPv6Any, _ => null };
            if (address is null && !IPAddress.TryParse(text, out address)) address = Dns.GetHostAddresses(text).FirstOrDefault();
            if (address is null || (word.StartsWith('-') && address.AddressFamily == AddressFamily.InterNetworkV6)) continue;
            addresses.Add(address);
        }
        if (addresses.Count == 0) addresses.Add(IPAddress.Loopback);
        return addresses;
    }
}
