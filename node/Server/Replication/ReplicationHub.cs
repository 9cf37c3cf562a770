// Replication of one node: carries out role changes, receives the primary's stream, and owns the links on both sides.
//
//   change of role          history
//   replica -> primary      new id; the old one becomes the second id up to here, so that siblings resume partially
//   primary -> replica      keeps id and offset: if the new primary descends from us, we resume partially
//   full sync               the primary's id and offset; our own replicas must ask again
using System.Globalization;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.Persistence;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Replication;

/// <summary>Runs replication. Engine thread.</summary>
public sealed class ReplicationHub : IReplicationActions, IReplicaSide, IDisposable
{
    private readonly NodeServices _node;
    private readonly ReplicationSettings _settings;
    private readonly Durability _durability;
    private readonly ILogger _log;
    private readonly StreamApplier _applier;
    private readonly NativeBuffer _stream = new();
    private PrimaryLink? _link;
    private bool _ackRequested;
    private bool _resumable;
    private long _applied;
    private long _errors;

    public ReplicationHub(NodeServices node, ReplicationSettings settings, ReplicationState state)
    {
        _node = node;
        _settings = settings;
        _durability = node.Part<Durability>();
        _log = node.Loggers.CreateLogger("Replication");
        State = state;
        Links = new ReplicaLinks(node, state, settings, _log) { Origin = Origin };
        _applier = new StreamApplier(node.Dispatcher, isFile: false)
        {
            Unit = (raw, replicationOnly) => _node.Journal.AppendStream(raw, replicationOnly, _applier!.Db),
            AckRequested = () => _ackRequested = true,
            Tolerates = Tolerate,
        };
        Waiting = new WaitingClients(node, Links, () => AppendsToDisk);
        Failover = new CoordinatedFailover(node, this, _log);
        Links.Progressed = Progress;
        node.Journal.DurableAdvanced += Waiting.Check;
        _durability.Saver.Origin = Origin;
        _durability.LastLine = LastLine;
        _durability.BeforeHandOff = Links.AskForAcks;
        _durability.DropsExpired = () => !node.Databases.ClusterMode && !State.IsReplica && settings.ReplicaOf.Value.Count != 2;
        settings.BacklogChanged = () =>
        {
            if (node.Journal.BacklogBytes > 0) node.Journal.KeepBacklog(settings.BacklogSize.Value);
        };
    }

    public ReplicationState State { get; }

    internal ReplicaLinks Links { get; }

    internal PrimaryLink? Link => _link;

    internal WaitingClients Waiting { get; }

    internal CoordinatedFailover Failover { get; }

    /// <summary>Writes go to an append-only file. Any thread.</summary>
    internal bool AppendsToDisk => _durability.Aof.State == Persistence.AppendOnly.AofState.On;

    long IReplicaSide.OnDisk => AppendsToDisk ? _node.Journal.DurableOffset : -1;

    bool IReplicaSide.FailsOver => Failover.Stage == FailoverStage.InProgress;

    long IReplicaSide.Applied => Interlocked.Read(ref _applied);

    /// <summary>After recovery: takes up the history the data belongs to and follows the configured primary.</summary>
    public void Start()
    {
        if (_durability.Recovered is { } recovered)
        {
            State.HoldsData = recovered.Keys > 0;
            if (recovered is { ReplicationId: { } id, ReplicationOffset: >= 0 }) TakeUp(id, recovered.ReplicationOffset, recovered.StreamDb);
        }
        if (_settings.ReplicaOf.Value is [var host, var port] && !host.Equals("no", StringComparison.OrdinalIgnoreCase) && !State.IsReplica)
            BecomeReplicaOf(host, int.Parse(port, CultureInfo.InvariantCulture));
    }

    public void BecomeReplicaOf(string host, int port)
    {
        bool wasPrimary = !State.IsReplica;
        StopLink();
        if (wasPrimary && _node.Databases.TotalKeys > 0) State.HoldsData = true;
        if (wasPrimary) Demote();
        if (wasPrimary) Waiting.GiveUp();
        _node.Blocked.GiveUp();
        State.Publish(State.Role with { PrimaryHost = host, PrimaryPort = port, Link = LinkStatus.Connect, LinkDownSinceMs = _node.NowMs });
        _node.Journal.FollowsPrimary = true;
        _node.Journal.KeepBacklog(_settings.BacklogSize.Value);
        _node.Serving.IsReplica = true;
        Interlocked.Exchange(ref _applied, _node.Journal.EndOffset);
        _settings.ReplicaOf.Value = [host, port.ToString(CultureInfo.InvariantCulture)];
        _log.LogInformation("Following primary {Host}:{Port}", host, port);
        var options = new PrimaryLinkOptions(host, port, AnnouncedPort, AnnouncedIp, () => (_settings.PrimaryUser.Value,
            _settings.PrimaryAuth.Value), TimeSpan.FromSeconds(_settings.Timeout.Value), Directory.GetCurrentDirectory());
        _link = new PrimaryLink(options, this, _node.Engine.Post, _node.Time, _log);
        // While recovery is running there is nothing to compare with the primary yet.
        if (!_node.Serving.IsLoading) _link.Start();
        else StartWhenLoaded(_link);
    }

    public void BecomePrimary()
    {
        if (!State.IsReplica) return;
        StopLink();
        var role = State.Role;
        State.Publish(new ReplicationRole(null, 0, LinkStatus.None, 0, ReplicationId.Create(), role.ReplicationId, _node.Journal.EndOffset + 1));
        _node.Journal.FollowsPrimary = false;
        _node.Journal.ForgetDatabase();
        _node.Serving.IsReplica = false;
        _settings.ReplicaOf.Value = [];
        Links.DisconnectAll("the history has a new name");
        _log.LogInformation("Primary from offset {Offset} on, history {Id}", _node.Journal.EndOffset, State.Role.ReplicationId);
    }

    /// <summary>min-replicas-to-write.</summary>
    internal long MinReplicas => _settings.MinReplicas.Value;

    /// <summary>Turn task, behind persistence.</summary>
    public void EndTurn() => Links.EndTurn();

    public void EachSecond() => Links.EachSecond();

    /// <summary>Why a client's write is refused here, or null.</summary>
    public string? WriteRefusal()
    {
        if (State.IsReplica) return _settings.ReadOnly.Value ? ErrorReplies.ReadOnlyReplica : null;
        return _settings.MinReplicas.Value > 0 && Links.Good < _settings.MinReplicas.Value ? ErrorReplies.NoReplicas : null;
    }

    /// <summary>Why a client's read is refused here, or null.</summary>
    public string? StaleRefusal()
    {
        var role = State.Role;
        return role.IsReplica && role.Link != LinkStatus.Connected && !_settings.ServeStale.Value ? ErrorReplies.PrimaryDown : null;
    }

    public void Dispose()
    {
        StopLink();
        _applier.Dispose();
        _stream.Dispose();
    }

    (string Id, long ByteNumber) IReplicaSide.Position() => _resumable ? (State.Role.ReplicationId, _node.Journal.EndOffset + 1) : ("?", -1);

    void IReplicaSide.FailoverAnswered(string? refusal) => Failover.Answered(refusal);

    private void Progress()
    {
        Waiting.Check();
        Failover.Check();
    }

    void IReplicaSide.LinkChanged(LinkStatus status)
    {
        var role = State.Role;
        bool fell = role.Link == LinkStatus.Connected && status != LinkStatus.Connected;
        State.Publish(role with { Link = status, LinkDownSinceMs = fell ? _node.NowMs : role.LinkDownSinceMs });
        if (status == LinkStatus.Connecting) DropPartialUnit();
    }

    void IReplicaSide.Resume(string? newId)
    {
        State.HoldsData = true;
        if (newId is not null && newId != State.Role.ReplicationId)
        {
            var role = State.Role;
            State.Publish(role with { ReplicationId = newId, SecondReplicationId = role.ReplicationId, SecondOffset = _node.Journal.EndOffset + 1 });
            Links.DisconnectAll("the primary's history has a new name");
        }
        _durability.Aof.Select(_applier.Db);
    }

    string? IReplicaSide.Load(string path, string id, long offset)
    {
        Links.DisconnectAll("a full sync replaces the data");
        _resumable = false;
        State.HoldsData = false;
        try
        {
            var contents = _durability.LoadReceived(path);
            _applier.Reset();
            _applier.Db = contents.StreamDb;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
        if (!State.IsReplica) return "no replica any more"; // the role changed while loading
        State.Publish(State.Role with { ReplicationId = id, SecondReplicationId = Replication.ReplicationId.None, SecondOffset = -1 });
        _node.Journal.RestartAt(offset);
        _node.Journal.SetSelectedDb(_applier.Db);
        Interlocked.Exchange(ref _applied, offset);
        _resumable = true;
        State.HoldsData = true;
        _durability.RestartAppendOnly();
        _log.LogInformation("Primary's data set loaded: {Keys} keys, offset {Offset}", _node.Databases.TotalKeys, offset);
        return null;
    }

    unsafe string? IReplicaSide.Receive(ReadOnlySpan<byte> bytes, out bool wantsAck)
    {
        _ackRequested = false;
        _stream.Append(bytes);
        var status = _applier.Consume(_stream.Start, _stream.Length, out int consumed);
        _stream.RemoveFirst(consumed);
        if (_stream.Length == 0) _stream.Clear(1 << 20);
        Interlocked.Exchange(ref _applied, _node.Journal.EndOffset);
        wantsAck = _ackRequested;
        return status == StreamStatus.NeedsMore ? null : $"the primary's stream cannot be read: {_applier.Error}";
    }

    /// <summary>A cluster member tells its primary the address the cluster knows it by.</summary>
    private string AnnouncedIp =>
        _settings.AnnounceIp.Value.Length > 0 ? _settings.AnnounceIp.Value : _node.Config.Find("cluster-announce-ip")?.Text ?? "";

    private int AnnouncedPort => _settings.AnnouncePort.Value > 0 ? (int)_settings.AnnouncePort.Value : _node.Port;

    /// <summary>What a snapshot's head says: the history, when anybody could resume from it.</summary>
    private SnapshotOrigin Origin(bool aofBase)
    {
        bool known = State.IsReplica ? _resumable : _node.Journal.BacklogBytes > 0;
        int db = State.IsReplica ? _applier.Db : Math.Max(_node.Journal.SelectedDb, 0);
        return new SnapshotOrigin(aofBase, known ? State.Role.ReplicationId : null, _node.Journal.EndOffset, db);
    }

    private string? LastLine()
    {
        var origin = Origin(true);
        return origin.ReplicationId is { } id
            ? string.Create(CultureInfo.InvariantCulture, $"#REPL:{id}:{origin.ReplicationOffset}:{origin.StreamDb}")
            : null;
    }

    /// <summary>A restarted node goes on in the history its data belongs to: a replica asks for the rest; a primary begins a new name
    /// and serves the old one to replicas that were as far.</summary>
    private void TakeUp(string id, long offset, int db)
    {
        if (_durability.Aof.State != Persistence.AppendOnly.AofState.Off) _durability.Aof.Rebase(() => _node.Journal.RestartAt(offset));
        else _node.Journal.RestartAt(offset);
        _node.Journal.SetSelectedDb(db);
        _applier.Db = db;
        bool replica = State.IsReplica || _settings.ReplicaOf.Value.Count == 2;
        State.Publish(replica
            ? State.Role with { ReplicationId = id }
            : State.Role with { SecondReplicationId = id, SecondOffset = offset + 1 });
        _node.Journal.KeepBacklog(_settings.BacklogSize.Value);
        _resumable = replica;
        Interlocked.Exchange(ref _applied, offset);
    }

    /// <summary>Where a primary stands when it asks another one for what is missing.</summary>
    private void Demote()
    {
        var role = State.Role;
        _resumable = _node.Journal.BacklogBytes > 0;
        // A primary that never wrote since its promotion stands where the stream it followed had selected.
        if (_node.Journal.SelectedDb >= 0) _applier.Db = _node.Journal.SelectedDb;
        // Restarted and not written to since: the data is the old history's, and only that name is known to others.
        bool untouched = role.SecondReplicationId != Replication.ReplicationId.None && role.SecondOffset == _node.Journal.EndOffset + 1;
        if (untouched && _resumable && Links.All.Count == 0)
            State.Publish(role with { ReplicationId = role.SecondReplicationId, SecondReplicationId = Replication.ReplicationId.None, SecondOffset = -1 });
    }

    private void StartWhenLoaded(PrimaryLink link)
    {
        _node.Engine.After(TimeSpan.FromMilliseconds(10), () =>
        {
            if (_link != link) return;
            if (_node.Serving.IsLoading) StartWhenLoaded(link);
            else link.Start();
        });
    }

    private void StopLink()
    {
        _link?.Stop();
        _link = null;
        DropPartialUnit();
    }

    /// <summary>Bytes of a request that never came whole: the next link asks for them again.</summary>
    private void DropPartialUnit()
    {
        int db = _applier.Db;
        _applier.Reset();
        _applier.Db = db;
        _stream.Truncate(0);
    }

    private bool Tolerate(string error)
    {
        if (_errors++ == 0) _log.LogError("== CRITICAL == The primary sent a write this node cannot run: {Error}", error);
        return true;
    }
}
