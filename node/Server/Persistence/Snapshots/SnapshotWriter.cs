// A snapshot cut -> RDB bytes in native chunks. Entries come in walking order mixed with those a write is about to change,
// so the database is selected whenever it differs from the entry before.
using Text = System.Text.Encoding;
using Shoal.Protocol.Resp;
using Shoal.Store;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>What the head of a snapshot says about its origin.</summary>
/// <param name="AofBase">The file is the base of an append-only file.</param>
/// <param name="ReplicationId">History the snapshot belongs to; null when it has none.</param>
/// <param name="ReplicationOffset">Offset in that history at the cut.</param>
/// <param name="StreamDb">Database the stream had selected at the cut, -1 = says so itself.</param>
public sealed record SnapshotOrigin(bool AofBase, string? ReplicationId, long ReplicationOffset, int StreamDb);

/// <summary>One snapshot being written: sink of a cut. Engine thread.</summary>
public sealed class SnapshotWriter : ISnapshotSink
{
    private const int ChunkBytes = 256 * 1024;
    private readonly Databases _databases;
    private readonly SnapshotFunctions _functions;
    private readonly ISnapshotTarget _target;
    private readonly SnapshotEncoder _encoder;
    private NativeBuffer _chunk;
    private SnapshotCut? _cut;
    private int _db = -1;
    private bool _withIdle;
    private bool _withFrequency;

    public SnapshotWriter(Databases databases, SnapshotFunctions functions, ISnapshotTarget target, bool compresses)
    {
        _databases = databases;
        _functions = functions;
        _target = target;
        _chunk = new NativeBuffer(ChunkBytes + 4096);
        _encoder = new SnapshotEncoder(_chunk) { Compresses = compresses };
    }

    /// <summary>Everything has been handed to the target.</summary>
    public bool IsDone { get; private set; }

    /// <summary>The target has enough to do: stepping now does nothing.</summary>
    public bool IsWaiting => !IsDone && _target.IsFull;

    /// <summary>Entries written.</summary>
    public long Entries => _cut?.Delivered ?? 0;

    /// <summary>Entries there were at the cut.</summary>
    public long Expected { get; private set; }

    /// <summary>Bytes encoded so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Cuts now and writes the head. <paramref name="evictionPolicy"/> decides whether access clocks are kept, as in Redis.</summary>
    public void Begin(SnapshotOrigin origin, TimeProvider clock, string evictionPolicy)
    {
        _withFrequency = evictionPolicy.EndsWith("-lfu", StringComparison.Ordinal);
        _withIdle = evictionPolicy.EndsWith("-lru", StringComparison.Ordinal);
        Expected = _databases.TotalKeys;
        Head(origin, clock);
        _cut = _databases.Snapshots.Begin(this);
    }

    /// <summary>Walks on for about <paramref name="budgetMicroseconds"/> unless the target is full. True when done.</summary>
    public bool Step(long budgetMicroseconds)
    {
        if (IsDone) return true;
        if (_target.IsFull || !_cut!.Step(budgetMicroseconds)) return false;
        _encoder.Byte(SnapshotFormat.OpEnd);
        Flush();
        _chunk.Dispose();
        IsDone = true;
        _target.Complete();
        return true;
    }

    /// <summary>Gives up.</summary>
    public void Cancel()
    {
        if (IsDone) return;
        IsDone = true;
        _cut?.Cancel();
        _chunk.Dispose();
        _target.Abandon();
    }

    void ISnapshotSink.Entry(int db, int slot, in EntryRef entry)
    {
        if (db != _db) Select(db);
        if (entry.ClientWord is > 0 and var word) Aux(SnapshotFormat.ClientWordAux, (long)word);
        if (entry.ExpireAtMs >= 0)
        {
            _encoder.Byte(SnapshotFormat.OpExpiryMs);
            _encoder.Int64(entry.ExpireAtMs);
        }
        if (_withIdle)
        {
            _encoder.Byte(SnapshotFormat.OpIdle);
            _encoder.Length(_databases.Clock.IdleSeconds(entry));
        }
        else if (_withFrequency)
        {
            _encoder.Byte(SnapshotFormat.OpFrequency);
            _encoder.Byte((byte)_databases.Clock.Frequency(entry));
        }
        _encoder.Byte(EntryEncoder.TypeOf(entry));
        _encoder.String(entry.Key);
        EntryEncoder.Value(_encoder, _databases[0], entry);
        if (_chunk.Length >= ChunkBytes) Flush();
    }

    private void Select(int db)
    {
        _db = db;
        _encoder.Byte(SnapshotFormat.OpSelect);
        _encoder.Length(db);
        _encoder.Byte(SnapshotFormat.OpResize);
        _encoder.Length(_databases[db].Count);
        _encoder.Length(0);
    }

    private void Head(SnapshotOrigin origin, TimeProvider clock)
    {
        _encoder.Raw(Text.ASCII.GetBytes($"REDIS{SnapshotFormat.WrittenVersion:D4}"));
        _encoder.Aux("redis-ver"u8, "7.2.4"u8);
        _encoder.Aux("redis-bits"u8, "64"u8);
        Aux("ctime", clock.GetUtcNow().ToUnixTimeSeconds());
        Aux("used-mem", _databases.Arena.UsedBytes);
        if (origin.ReplicationId is { } id)
        {
            Aux("repl-stream-db", origin.StreamDb);
            _encoder.Aux("repl-id"u8, Text.ASCII.GetBytes(id));
            Aux("repl-offset", origin.ReplicationOffset);
        }
        Aux("aof-base", origin.AofBase ? 1 : 0);
        foreach (byte[] code in _functions.Codes())
        {
            _encoder.Byte(SnapshotFormat.OpFunction);
            _encoder.String(code);
        }
    }

    private void Aux(string name, long value)
    {
        _encoder.Byte(SnapshotFormat.OpAux);
        _encoder.String(Text.ASCII.GetBytes(name));
        _encoder.Integer(value);
    }

    private void Flush()
    {
        Bytes += _chunk.Length;
        var full = _chunk;
        _chunk = new NativeBuffer(ChunkBytes + 4096);
        _encoder.Into = _chunk;
        _target.Take(full);
    }
}
