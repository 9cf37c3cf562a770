// Primary side: one replica. First the snapshot of a cut, made for it alone, straight to its socket; then the journal from
// the cut's offset on. Only a cursor is kept per replica: the bytes are everybody's.
using System.Buffers.Binary;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Replication;

/// <summary>Where a replica stands, by INFO's names.</summary>
internal enum ReplicaStage
{
    /// <summary>Receives a snapshot ("send_bulk").</summary>
    Snapshot,

    /// <summary>Has the snapshot, has not said it loaded it: the stream must wait ("send_bulk").</summary>
    Loading,

    /// <summary>Receives the stream ("online").</summary>
    Online,
}

/// <summary>What a replica said of itself by REPLCONF before it asked for a sync.</summary>
internal sealed class ReplicaIdentity
{
    public int Port { get; set; }

    public string? Address { get; set; }

    public bool UnderstandsEof { get; set; }

    public bool UnderstandsNewId { get; set; }
}

/// <summary>A connected replica. Engine thread.</summary>
internal sealed class ReplicaLink : ISnapshotTarget
{
    private const int FullAt = 4 * 1024 * 1024;
    private const int MarkLength = 40;
    private readonly Queue<NativeBuffer> _chunks = new();
    private readonly string _mark = ReplicationId.Create();
    private int _chunkAt;
    private long _queued;
    private ulong _crc;
    private bool _complete;
    private bool _blocked;

    public ReplicaLink(Connection connection, ReplicaIdentity identity, JournalCursor cursor, bool speaksPsync, long nowMs)
    {
        Connection = connection;
        Identity = identity;
        Cursor = cursor;
        SpeaksPsync = speaksPsync;
        LastAckMs = nowMs;
        connection.Writable = () => _blocked = false;
    }

    public Connection Connection { get; }

    public ReplicaIdentity Identity { get; }

    public JournalCursor Cursor { get; }

    /// <summary>False for SYNC (redis-cli --rdb and old replicas): it never acknowledges.</summary>
    public bool SpeaksPsync { get; }

    public ReplicaStage Stage { get; set; } = ReplicaStage.Online;

    /// <summary>The walker of this replica's snapshot; null once it has been handed over.</summary>
    public SnapshotWriter? Snapshot { get; set; }

    /// <summary>Where a spooled snapshot comes from; null for a streamed one.</summary>
    public SpooledSync? Source { get; set; }

    public long AckOffset { get; set; }

    /// <summary>How far the replica's append-only file is synced; -1 when it has none.</summary>
    public long DiskOffset { get; set; } = -1;

    public long LastAckMs { get; set; }

    /// <summary>ip the replica is known by.</summary>
    public string Address => Identity.Address ?? Connection.RemoteAddress[..Math.Max(Connection.RemoteAddress.LastIndexOf(':'), 0)].Trim('[', ']');

    /// <summary>The socket takes nothing now.</summary>
    public bool IsBlocked => _blocked;

    bool ISnapshotTarget.IsFull => _queued > FullAt;

    /// <summary>Announces the snapshot; its length is not known, so it ends with a mark.</summary>
    public void BeginSnapshot()
    {
        Stage = ReplicaStage.Snapshot;
        Connection.Send(Encoding.ASCII.GetBytes($"$EOF:{_mark}\r\n"));
    }

    void ISnapshotTarget.Take(NativeBuffer chunk)
    {
        _crc = Crc64.Append(_crc, chunk.Written);
        Queue(chunk);
    }

    void ISnapshotTarget.Complete()
    {
        var end = new NativeBuffer(8 + MarkLength);
        Span<byte> crc = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(crc, _crc);
        end.Append(crc);
        end.Append(Encoding.ASCII.GetBytes(_mark));
        Queue(end);
        _complete = true;
    }

    void ISnapshotTarget.Abandon()
    {
        while (_chunks.TryDequeue(out var chunk)) chunk.Dispose();
        _queued = 0;
    }

    /// <summary>Sends what the socket takes: snapshot chunks first, then the stream up to <paramref name="end"/>, at most <paramref name="budget"/> bytes.</summary>
    public void Send(long end, int budget)
    {
        if (_blocked || Connection.IsClosed) return;
        if (Stage == ReplicaStage.Snapshot) budget = SendChunks(budget);
        if (Stage != ReplicaStage.Online) return;
        while (budget > 0 && !_blocked)
        {
            var bytes = Cursor.Peek(end);
            if (bytes.IsEmpty) return;
            int sent = Connection.TrySend(bytes);
            if (Connection.IsClosed) return;
            _blocked = sent < bytes.Length;
            Cursor.Advance(sent);
            budget -= Math.Max(sent, 1);
        }
    }

    /// <summary>Frees everything; the connection is closed by the caller.</summary>
    public void Drop()
    {
        Snapshot?.Cancel();
        ((ISnapshotTarget)this).Abandon();
        Cursor.Dispose();
    }

    private int SendChunks(int budget)
    {
        while (budget > 0 && !_blocked && Refill() is { } chunk)
        {
            var rest = chunk.Written[_chunkAt..];
            int sent = Connection.TrySend(rest);
            if (Connection.IsClosed) return 0;
            _blocked = sent < rest.Length;
            _chunkAt += sent;
            _queued -= sent;
            budget -= Math.Max(sent, 1);
            if (_chunkAt < chunk.Length) continue;
            _chunks.Dequeue().Dispose();
            _chunkAt = 0;
        }
        // A reader that looks for the mark would swallow what follows it: the stream waits for the first REPLCONF ACK.
        if (_complete && _chunks.Count == 0) Stage = ReplicaStage.Loading;
        return budget;
    }

    private NativeBuffer? Refill()
    {
        if (_chunks.TryPeek(out var chunk) || Source is null) return chunk;
        if (Source.Next() is { } slice)
        {
            Queue(slice);
            return slice;
        }
        Source = null;
        Stage = ReplicaStage.Online; // its length was told: nothing is mistaken for the snapshot
        return null;
    }

    private void Queue(NativeBuffer chunk)
    {
        _queued += chunk.Length;
        _chunks.Enqueue(chunk);
    }
}
