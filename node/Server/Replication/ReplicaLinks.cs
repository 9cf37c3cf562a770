// Primary side: all replicas of this node (a replica has them too, when others chain onto it). Decides between partial and
// full sync, feeds the links at the end of each turn, counts acknowledgements for WAIT and min-replicas.
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Server.Sessions;

namespace Shoal.Server.Replication;

/// <summary>The connected replicas. Engine thread.</summary>
internal sealed class ReplicaLinks(NodeServices node, ReplicationState state, ReplicationSettings settings, ILogger log)
{
    private const int SendBudget = 1024 * 1024;
    private const long SliceMicroseconds = 300;
    private readonly List<ReplicaLink> _links = [];
    private readonly ConditionalWeakTable<Session, ReplicaIdentity> _identities = [];
    private bool _askForAcks;
    private bool _changed;
    private long _emptySinceMs = node.NowMs;
    private long _lastPingMs;

    public IReadOnlyList<ReplicaLink> All => _links;

    /// <summary>An acknowledgement has come.</summary>
    public Action Progressed { get; set; } = () => { };

    /// <summary>No PING joins the stream: somebody waits for a replica to have all of it.</summary>
    public bool Quiet { get; set; }

    /// <summary>What the head of a full sync's snapshot says.</summary>
    public Func<bool, SnapshotOrigin> Origin { get; set; } = null!;

    /// <summary>Full syncs served, partial syncs served, partial syncs refused.</summary>
    public long FullSyncs { get; private set; }

    public long PartialSyncs { get; private set; }

    public long PartialRefused { get; private set; }

    /// <summary>Replicas online whose last acknowledgement is younger than min-replicas-max-lag.</summary>
    public int Good => _links.Count(l => l.Stage == ReplicaStage.Online && l.SpeaksPsync && node.NowMs - l.LastAckMs <= settings.MinReplicasMaxLag.Value * 1000);

    public ReplicaIdentity IdentityOf(Session session) => _identities.GetOrCreateValue(session);

    /// <summary>PSYNC or SYNC: the connection becomes a link. Runs in the handler, where no transaction is open.</summary>
    public void Attach(Session session, string? id, long byteNumber)
    {
        var connection = session.Connection!;
        StartBacklog();
        session.BecomeReplicaLink();
        var identity = IdentityOf(session);
        var role = state.Role;
        var cursor = id is null ? null : PartialCursor(role, id, byteNumber);
        if (cursor is not null) Resume(connection, identity, cursor, role);
        else
        {
            if (id is not null and not "?") PartialRefused++;
            StartFullSync(connection, identity, speaksPsync: id is not null);
        }
    }

    /// <summary>REPLCONF ACK; <paramref name="onDisk"/> is its FACK, -1 when the replica has no append-only file.</summary>
    public void Acknowledged(Session session, long offset, long onDisk)
    {
        var link = _links.Find(l => l.Connection == session.Connection);
        if (link is null) return;
        _changed = true;
        link.LastAckMs = node.NowMs;
        link.AckOffset = Math.Max(link.AckOffset, offset);
        link.DiskOffset = onDisk;
        if (link.Stage == ReplicaStage.Loading)
        {
            link.Stage = ReplicaStage.Online;
            log.LogInformation("Synchronization with replica {Address}:{Port} succeeded", link.Address, link.Identity.Port);
        }
        Progressed();
    }

    /// <summary>Online replicas that have acknowledged <paramref name="offset"/>.</summary>
    public int CountAt(long offset) => _links.Count(l => l.Stage == ReplicaStage.Online && l.AckOffset >= offset);

    /// <summary>Online replicas that have <paramref name="offset"/> on disk.</summary>
    public int CountOnDisk(long offset) => _links.Count(l => l.Stage == ReplicaStage.Online && l.DiskOffset >= offset);

    /// <summary>Asks the replicas how far they are, at the end of this turn.</summary>
    public void RequestAcks() => _askForAcks = true;

    /// <summary>Before the journal is handed to the disk: asks for acknowledgements when somebody waits.</summary>
    public void AskForAcks()
    {
        if (!_askForAcks || _links.Count == 0) return;
        _askForAcks = false;
        if (!state.IsReplica) node.Journal.AppendReplicationOnly("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"u8);
    }

    /// <summary>Turn task: walks snapshots, sends.</summary>
    public void EndTurn()
    {
        long end = node.Journal.EndOffset;
        for (int i = _links.Count - 1; i >= 0; i--) Feed(_links[i], end);
        if (!_changed) return;
        _changed = false;
        node.Journal.LinksHoldReplies = _links.Count > 0; // a reply follows the bytes to the replicas' sockets
        state.Replicas = [.. _links.Where(l => l.SpeaksPsync)
            .Select(l => new ReplicaProgress(l.Address, l.Identity.Port, l.AckOffset, l.Stage == ReplicaStage.Online))];
    }

    /// <summary>Once a second: pings, timeouts, lag limits, the backlog's end.</summary>
    public void EachSecond()
    {
        long now = node.NowMs;
        if (_links.Count == 0)
        {
            bool over = node.Journal.BacklogBytes > 0 && !state.IsReplica && settings.BacklogTtl.Value > 0
                && now - _emptySinceMs > settings.BacklogTtl.Value * 1000;
            if (over) DropBacklog();
            return;
        }
        if (!state.IsReplica && !Quiet && now - _lastPingMs >= settings.PingPeriod.Value * 1000)
        {
            _lastPingMs = now;
            node.Journal.AppendReplicationOnly("*1\r\n$4\r\nPING\r\n"u8);
        }
        long limit = settings.HardLimit;
        foreach (var link in _links.ToArray())
        {
            if (link.Stage == ReplicaStage.Online && link.SpeaksPsync && now - link.LastAckMs > settings.Timeout.Value * 1000)
                Disconnect(link, "timed out");
            else if (limit > 0 && node.Journal.EndOffset - link.Cursor.Offset > Math.Max(limit, settings.BacklogSize.Value))
                Disconnect(link, "lags behind beyond client-output-buffer-limit");
            else if (link.Stage != ReplicaStage.Online && link.SpeaksPsync && now - link.LastAckMs > settings.Timeout.Value * 1000 && link.IsBlocked)
                Disconnect(link, "takes no bytes of its full sync");
        }
    }

    /// <summary>History has changed: all replicas must ask again (most will resume partially).</summary>
    public void DisconnectAll(string reason)
    {
        foreach (var link in _links.ToArray()) Disconnect(link, reason);
    }

    /// <summary>Keeps history for partial resyncs from now on. A primary whose journal stood still begins a new one.</summary>
    public void StartBacklog()
    {
        if (node.Journal.BacklogBytes > 0) return;
        if (!state.IsReplica) state.Publish(state.Role with { ReplicationId = ReplicationId.Create(), SecondReplicationId = ReplicationId.None, SecondOffset = -1 });
        node.Journal.KeepBacklog(settings.BacklogSize.Value);
    }

    private void DropBacklog()
    {
        log.LogInformation("Replication backlog freed after {Seconds} seconds without connected replicas", settings.BacklogTtl.Value);
        node.Journal.KeepBacklog(0);
        state.Publish(state.Role with { ReplicationId = ReplicationId.Create(), SecondReplicationId = ReplicationId.None, SecondOffset = -1 });
    }

    private JournalCursor? PartialCursor(ReplicationRole role, string id, long byteNumber)
    {
        bool known = id.Equals(role.ReplicationId, StringComparison.OrdinalIgnoreCase)
            || (id.Equals(role.SecondReplicationId, StringComparison.OrdinalIgnoreCase) && byteNumber <= role.SecondOffset);
        // Redis numbers bytes from 1: the replica names the first one it does not have.
        var cursor = known && byteNumber > 0 ? node.Journal.OpenCursor(byteNumber - 1) : null;
        if (cursor is null && id != "?")
            log.LogInformation("Partial resynchronization not accepted: asked for {Id}:{Offset}, have {Own}:{From}-{To} (second {Second}:{SecondOffset})",
                id, byteNumber, role.ReplicationId, node.Journal.BacklogStart + 1, node.Journal.EndOffset, role.SecondReplicationId, role.SecondOffset);
        return cursor;
    }

    private void Resume(Connection connection, ReplicaIdentity identity, JournalCursor cursor, ReplicationRole role)
    {
        connection.Send(Encoding.ASCII.GetBytes(identity.UnderstandsNewId ? $"+CONTINUE {role.ReplicationId}\r\n" : "+CONTINUE\r\n"));
        PartialSyncs++;
        log.LogInformation("Partial resynchronization of {Address}: sending {Bytes} bytes of backlog",
            connection.RemoteAddress, node.Journal.EndOffset - cursor.Offset);
        Add(new ReplicaLink(connection, identity, cursor, speaksPsync: true, node.NowMs) { AckOffset = cursor.Offset });
    }

    private void StartFullSync(Connection connection, ReplicaIdentity identity, bool speaksPsync)
    {
        node.Journal.ForgetDatabase();
        var cursor = node.Journal.OpenCursor();
        var link = new ReplicaLink(connection, identity, cursor, speaksPsync, node.NowMs);
        if (speaksPsync)
            connection.Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"+FULLRESYNC {state.Role.ReplicationId} {cursor.Offset}\r\n")));
        FullSyncs++;
        log.LogInformation("Full resync of {Address} from offset {Offset}", connection.RemoteAddress, cursor.Offset);
        Add(link);
        // Whoever does not know the end mark needs the length first: only a file has one.
        if (identity.UnderstandsEof) link.BeginSnapshot();
        var snapshot = identity.UnderstandsEof ? new SnapshotWriter(node.Databases, node.Functions, link, compresses: true) : SpooledSync.Start(node, link);
        link.Stage = ReplicaStage.Snapshot;
        link.Snapshot = snapshot;
        snapshot.Begin(Origin(false), node.Time, "noeviction");
    }

    private void Add(ReplicaLink link)
    {
        _links.Add(link);
        _changed = true;
        link.Connection.Closed += () => Removed(link);
        if (link.Connection.IsClosed) Removed(link);
    }

    private void Feed(ReplicaLink link, long end)
    {
        if (link.Snapshot is { } snapshot)
        {
            if (snapshot.Step(SliceMicroseconds)) link.Snapshot = null;
            else if (!snapshot.IsWaiting) node.Engine.Hurry();
        }
        link.Send(end, SendBudget);
        if (!link.IsBlocked && (link.Stage == ReplicaStage.Snapshot || (link.Stage == ReplicaStage.Online && link.Cursor.Offset < end))) node.Engine.Hurry();
    }

    private void Disconnect(ReplicaLink link, string reason)
    {
        log.LogWarning("Disconnecting replica {Address}: {Reason}", link.Connection.RemoteAddress, reason);
        link.Connection.Close();
        Removed(link);
    }

    private void Removed(ReplicaLink link)
    {
        if (!_links.Remove(link)) return;
        _changed = true;
        log.LogInformation("Connection with replica {Address}:{Port} lost", link.Address, link.Identity.Port);
        link.Drop();
        if (_links.Count == 0) _emptySinceMs = node.NowMs;
    }
}
