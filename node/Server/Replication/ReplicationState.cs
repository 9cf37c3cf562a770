// Who this node is in replication, as everybody may read it: the engine swaps one immutable record, so that the bus thread
// and INFO never see half a change. The doing lives in ReplicationHub, ReplicaLinks (we are the primary) and PrimaryLink
// (we are a replica).
using Shoal.Server.Journal;

namespace Shoal.Server.Replication;

/// <summary>State of a replica's link to its primary, by the names ROLE reports.</summary>
public enum LinkStatus
{
    /// <summary>No primary.</summary>
    None,

    /// <summary>Must connect ("connect").</summary>
    Connect,

    /// <summary>Connecting or shaking hands ("connecting").</summary>
    Connecting,

    /// <summary>Receiving or loading a full sync ("sync").</summary>
    Sync,

    /// <summary>Streaming ("connected").</summary>
    Connected,
}

/// <summary>One consistent view of the role; replaced whole. <paramref name="SecondOffset"/> is Redis's second_repl_offset: requests for
/// byte numbers up to it may name the second id; -1 = none.</summary>
public sealed record ReplicationRole(
    string? PrimaryHost,
    int PrimaryPort,
    LinkStatus Link,
    long LinkDownSinceMs,
    string ReplicationId,
    string SecondReplicationId,
    long SecondOffset)
{
    /// <summary>True when a primary is configured, connected or not.</summary>
    public bool IsReplica => PrimaryHost is not null;
}

/// <summary>How far one replica of ours is.</summary>
public sealed record ReplicaProgress(string Address, int Port, long AckOffset, bool Online);

/// <summary>Role, replication ids and offsets; changing the role goes through here too. Reads: any thread. Changes: engine thread.</summary>
public sealed class ReplicationState
{
    private readonly WriteJournal _journal;
    private readonly TimeProvider _clock;
    private ReplicationRole _role;
    private IReadOnlyList<ReplicaProgress> _replicas = [];
    private volatile bool _holdsData;
    private volatile string? _refuseSync;

    public ReplicationState(WriteJournal journal, TimeProvider clock)
    {
        _journal = journal;
        _clock = clock;
        _role = new ReplicationRole(null, 0, LinkStatus.None, 0, ReplicationId.Create(), ReplicationId.None, -1);
    }

    /// <summary>The whole view at once.</summary>
    public ReplicationRole Role => Volatile.Read(ref _role);

    public bool IsReplica => Role.IsReplica;

    public string? PrimaryHost => Role.PrimaryHost;

    public int PrimaryPort => Role.PrimaryPort;

    public LinkStatus Link => Role.Link;

    /// <summary>master_repl_offset: on a primary what it has streamed, on a replica what it has applied.</summary>
    public long Offset => _journal.EndOffset;

    /// <summary>How long the link to the primary has been down; zero when it is up or this is a primary.</summary>
    public TimeSpan LinkDownFor
    {
        get
        {
            var role = Role;
            if (!role.IsReplica || role.Link == LinkStatus.Connected) return TimeSpan.Zero;
            return TimeSpan.FromMilliseconds(Math.Max(0, _clock.GetUtcNow().ToUnixTimeMilliseconds() - role.LinkDownSinceMs));
        }
    }

    /// <summary>A sync completed since the start, or recovery loaded entries: false for a fresh node that never had a data set.</summary>
    public bool HoldsData
    {
        get => _holdsData;
        internal set => _holdsData = value;
    }

    /// <summary>When set, PSYNC and SYNC are refused with this reason and replicas try again later: a primary that came back empty
    /// must not wipe them.</summary>
    public string? RefuseSync
    {
        get => _refuseSync;
        set => _refuseSync = value;
    }

    /// <summary>Our replicas as of the last turn; replaced whole. Any thread.</summary>
    public IReadOnlyList<ReplicaProgress> Replicas
    {
        get => Volatile.Read(ref _replicas);
        internal set => Volatile.Write(ref _replicas, value);
    }

    /// <summary>What carries a role change out; set once at composition.</summary>
    public IReplicationActions? Actions { get; set; }

    /// <summary>Follow <paramref name="host"/>:<paramref name="port"/>, keeping data and history until the primary says otherwise. Engine thread.</summary>
    public void BecomeReplicaOf(string host, int port) => Actions?.BecomeReplicaOf(host, port);

    /// <summary>Stop following, at once: when this returns nothing of the old primary is applied any more. Data, offset and (as second
    /// id) history are kept so that siblings can partially resync. Engine thread.</summary>
    public void BecomePrimary() => Actions?.BecomePrimary();

    internal void Publish(ReplicationRole role) => Volatile.Write(ref _role, role);
}

/// <summary>Carries out role changes; implemented by <see cref="ReplicationHub"/>.</summary>
public interface IReplicationActions
{
    void BecomeReplicaOf(string host, int port);

    void BecomePrimary();
}
