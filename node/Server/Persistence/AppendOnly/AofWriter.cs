// The thread that brings the journal to disk. The engine hands over how far it has come at the end of each turn; this
// thread writes from the journal's own blocks and syncs. Under `always` one fdatasync covers every turn that arrived while
// the one before was running (group commit); else the engine itself writes at the end of the turn, before replies leave, as
// Redis does, and this thread only syncs: a process that is killed loses nothing it has answered for. Orders that must happen at an exact place of the stream (change the file)
// stand in the same queue as the bytes.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Shoal.Server.Journal;

namespace Shoal.Server.Persistence.AppendOnly;

/// <summary>appendfsync.</summary>
public enum FsyncPolicy
{
    /// <summary>The kernel decides.</summary>
    No,

    /// <summary>Once a second.</summary>
    EverySecond,

    /// <summary>Before the reply.</summary>
    Always,
}

/// <summary>Writes journal bytes to the current increment. Methods of the upper half: engine thread.</summary>
internal sealed class AofWriter : IDisposable
{
    private const int LingerMs = 2;
    private const int RetryMs = 1000;
    private readonly WriteJournal _journal;
    private readonly TimeProvider _clock;
    private readonly Action<Action> _post;
    private readonly ILogger _log;
    private readonly JournalCursor _cursor;
    private readonly ConcurrentQueue<Order> _orders = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private int _sleeps;
    private volatile bool _stopping;
    private volatile FsyncPolicy _policy;

    /// <summary>Held by whoever follows orders: this thread, or the engine at the end of a turn.</summary>
    private readonly Lock _gate = new();
    private long _written;
    private long _handed;

    // Owned by the holder of the gate.
    private SafeFileHandle? _file;
    private long _length;
    private long _second;
    private long _lastSync;
    private volatile bool _dirty;
    private volatile string? _trouble;
    private long _delayed;

    public AofWriter(WriteJournal journal, TimeProvider clock, Action<Action> post, ILogger log, FsyncPolicy policy)
    {
        _journal = journal;
        _clock = clock;
        _post = post;
        _log = log;
        _policy = policy;
        _cursor = journal.OpenCursor();
        _written = _handed = _cursor.Offset;
        journal.PublishDurable(_cursor.Offset);
        journal.PublishReplyOffset(_cursor.Offset);
        _lastSync = clock.GetTimestamp();
        _thread = new Thread(Loop) { IsBackground = true, Name = "aof" };
    }

    private readonly record struct Order(long End, bool Skips, long Second, Action? Run);

    /// <summary>Told on the engine thread: why the file cannot be written, or null when it can again.</summary>
    public Action<string?>? TroubleChanged { get; set; }

    /// <summary>Called on the thread when data may be lost for good (fsync failed under always).</summary>
    public Action<string>? Fatal { get; set; }

    public FsyncPolicy Policy
    {
        get => _policy;
        set
        {
            _policy = value;
            Release();
            _post(_journal.RaiseDurable);
            Wake();
        }
    }

    /// <summary>Journal offset up to which bytes are in the file (or were left out on purpose).</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>Bytes handed over and not in the file yet.</summary>
    public long Pending => Math.Max(0, _handed - Written);

    /// <summary>Bytes of the current increment.</summary>
    public long FileBytes => Volatile.Read(ref _length);

    /// <summary>Syncs that took longer than two seconds.</summary>
    public long DelayedSyncs => Volatile.Read(ref _delayed);

    public void Start() => _thread.Start();

    /// <summary>Everything up to <paramref name="end"/> may be written; <paramref name="second"/> (Unix) is annotated when it changes, 0 = never.</summary>
    public void Hand(long end, long second)
    {
        if (end == _handed) return;
        _handed = end;
        _orders.Enqueue(new Order(end, false, second, null));
        if (_policy == FsyncPolicy.Always) Wake();
    }

    /// <summary>Leaves out the bytes up to <paramref name="end"/>: they are for replicas only.</summary>
    public void Skip(long end)
    {
        _handed = end;
        _orders.Enqueue(new Order(end, true, 0, null));
        if (_policy == FsyncPolicy.Always) Wake(); // replies wait for this offset too, and nothing may follow it for a long time
    }

    /// <summary>Engine thread, end of turn: unless policy is always, writes what was handed over now. What it cannot (a file is being
    /// changed, the disk is in trouble) the thread does, and says when.</summary>
    public void WriteInTurn()
    {
        if (_policy == FsyncPolicy.Always || _orders.IsEmpty) return;
        bool wasDirty = _dirty, done = false;
        if (_trouble is null && _gate.TryEnter())
        {
            try
            {
                while (_orders.TryPeek(out var order) && order.Run is null)
                {
                    Follow(order);
                    _orders.TryDequeue(out _);
                }
                done = _orders.IsEmpty;
                Release();
            }
            catch (IOException)
            {
                // The thread meets the same error, reports it and tries again.
            }
            finally
            {
                _gate.Exit();
            }
        }
        if (!done || (!wasDirty && _dirty)) Wake();
    }

    /// <summary>Runs <paramref name="action"/> on the thread behind everything handed over so far; it must not throw.</summary>
    public void Run(Action action)
    {
        _orders.Enqueue(new Order(0, false, 0, action));
        Wake();
    }

    /// <summary>Holds the engine up until less than <paramref name="bytes"/> wait: the disk is the bottleneck, memory must not be.</summary>
    public void WaitBelow(long bytes)
    {
        var wait = new SpinWait();
        while (Pending > bytes && _trouble is null) wait.SpinOnce();
    }

    /// <summary>Writes and syncs what was handed over, then ends the thread.</summary>
    public void Dispose()
    {
        _stopping = true;
        _wake.Set();
        if (_thread.IsAlive) _thread.Join();
        _cursor.Dispose();
        _file?.Dispose();
        _wake.Dispose();
    }

    /// <summary>On the thread: goes on in <paramref name="path"/>, behind what it holds. The old file is synced first. Throws <see cref="IOException"/>.</summary>
    public void SwitchTo(string path)
    {
        var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        if (_file is not null)
        {
            if (_dirty) Sync();
            _file.Dispose();
        }
        _file = file;
        _second = 0;
        Volatile.Write(ref _length, RandomAccess.GetLength(file));
    }

    /// <summary>On the thread: appends a line of our own, for example an annotation.</summary>
    public void Line(string text) => Insert(text + "\r\n");

    /// <summary>On the thread: says the database what follows belongs to, in a file that has not said so.</summary>
    public void Select(int db)
    {
        string digits = db.ToString(CultureInfo.InvariantCulture);
        Insert($"*2\r\n$6\r\nSELECT\r\n${digits.Length}\r\n{digits}\r\n");
    }

    private void Insert(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        RandomAccess.Write(_file ?? throw new IOException("no increment is open"), bytes, _length);
        Volatile.Write(ref _length, _length + bytes.Length);
        _dirty = true;
    }

    /// <summary>On the thread: makes everything written durable and says so.</summary>
    public void Sync()
    {
        long started = _clock.GetTimestamp();
        _dirty = false; // what the engine writes from here on is for the next sync
        long upTo = Volatile.Read(ref _written);
        try
        {
            DiskSync.File(_file!);
        }
        catch (IOException)
        {
            _dirty = true;
            throw;
        }
        _lastSync = _clock.GetTimestamp();
        if (_clock.GetElapsedTime(started) > TimeSpan.FromSeconds(2)) Volatile.Write(ref _delayed, _delayed + 1);
        if (upTo == _journal.DurableOffset) return;
        _journal.PublishDurable(upTo);
        Release();
        _post(_journal.RaiseDurable);
    }

    /// <summary>Says how far replies may leave. In trouble without `always` they do: writes are refused from then on, as in Redis.</summary>
    private void Release() => _journal.PublishReplyOffset(
        _policy == FsyncPolicy.Always ? _journal.DurableOffset : _trouble is not null ? long.MaxValue : Volatile.Read(ref _written));

    private void Wake()
    {
        // A full barrier between queueing and looking at the flag (the thread does the reverse): no wake-up is lost.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeps) == 1) _wake.Set();
    }

    private void Loop()
    {
        while (true)
        {
            bool stopping = _stopping;
            bool idle = Turn();
            if (stopping && (_trouble is not null || (idle && _orders.IsEmpty))) break;
            if (_trouble is not null) _wake.WaitOne(RetryMs);
            else if (idle) Sleep();
            else if (_policy != FsyncPolicy.Always && !_stopping) _wake.WaitOne(LingerMs);
        }
    }

    /// <summary>Writes what is there. True when there was nothing to do.</summary>
    private bool Turn()
    {
        bool idle = true;
        try
        {
            lock (_gate)
            {
                while (_orders.TryPeek(out var order))
                {
                    idle = false;
                    Follow(order);
                    _orders.TryDequeue(out _);
                }
            }
            if (_dirty && SyncIsDue()) Sync();
            Recovered();
            if (idle || _policy == FsyncPolicy.Always) return idle;
            Release();
            _post(_journal.RaiseDurable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Failed(e);
            return _stopping;
        }
        return idle;
    }

    private void Follow(in Order order)
    {
        if (order.Run is { } action)
        {
            action();
            return;
        }
        if (order.Second != 0 && order.Second != _second)
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"#TS:{order.Second}"));
            _second = order.Second;
        }
        while (true)
        {
            var bytes = _cursor.Peek(order.End);
            if (bytes.IsEmpty) break;
            if (!order.Skips)
            {
                // At an explicit position: a retry after a short write overwrites its own beginning.
                RandomAccess.Write(_file ?? throw new IOException("no increment is open"), bytes, _length);
                Volatile.Write(ref _length, _length + bytes.Length);
                _dirty = true;
            }
            _cursor.Advance(bytes.Length);
            Volatile.Write(ref _written, _cursor.Offset);
        }
        if (!order.Skips || _dirty) return;
        _journal.PublishDurable(_written);
        if (_policy != FsyncPolicy.Always) return;
        Release();
        _post(_journal.RaiseDurable);
    }

    private bool SyncIsDue() => _policy switch
    {
        FsyncPolicy.Always => true,
        FsyncPolicy.EverySecond => _stopping || _clock.GetElapsedTime(_lastSync) >= TimeSpan.FromSeconds(1),
        _ => _stopping,
    };

    private void Sleep()
    {
        Volatile.Write(ref _sleeps, 1);
        Interlocked.MemoryBarrier();
        if (_orders.IsEmpty && !_stopping)
        {
            if (_dirty && _policy == FsyncPolicy.EverySecond)
            {
                var left = TimeSpan.FromSeconds(1) - _clock.GetElapsedTime(_lastSync);
                _wake.WaitOne((int)Math.Clamp(left.TotalMilliseconds + 1, 1, 1000));
            }
            else _wake.WaitOne();
        }
        Volatile.Write(ref _sleeps, 0);
    }

    private void Failed(Exception e)
    {
        if (_policy == FsyncPolicy.Always && e.Message.StartsWith("fdatasync", StringComparison.Ordinal))
        {
            // The kernel may have dropped the dirty pages: nothing written since the last sync can be promised any more.
            Fatal?.Invoke($"fsync of the append-only file failed under appendfsync always: {e.Message}");
        }
        if (_trouble is null) _log.LogError("Cannot write the append-only file, retrying every second: {Error}", e.Message);
        Tell(e.Message);
    }

    private void Recovered()
    {
        if (_trouble is null) return;
        _log.LogInformation("The append-only file can be written again");
        Tell(null);
    }

    private void Tell(string? trouble)
    {
        if (_trouble == trouble) return;
        _trouble = trouble;
        Release();
        _post(() =>
        {
            TroubleChanged?.Invoke(trouble);
            _journal.RaiseDurable();
        });
    }
}
