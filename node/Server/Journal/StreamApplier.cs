// Bytes of a journal (an append-only file, the primary's stream) -> writes that are run. Knows what belongs to the stream
// and not to the keyspace: SELECT, MULTI ... EXEC, PING, REPLCONF, annotation lines. A transaction is run only when its
// EXEC is there: half of one never touches the data, and the stream's position stays before it.
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Journal;

/// <summary>Where <see cref="StreamApplier.Consume"/> stopped.</summary>
public enum StreamStatus
{
    /// <summary>Everything was run, or the rest is not complete yet.</summary>
    NeedsMore,

    /// <summary>The bytes at the consumed position are no journal; see <see cref="StreamApplier.Error"/>.</summary>
    Malformed,

    /// <summary>A write could not be run; see <see cref="StreamApplier.Error"/>.</summary>
    Refused,
}

/// <summary>One piece of the stream that has been run: a request, or a whole transaction.</summary>
public delegate void StreamUnit(ReadOnlySpan<byte> raw, bool replicationOnly);

/// <summary>Runs a journal's bytes through an <see cref="IApplier"/>. Engine thread.</summary>
public sealed unsafe class StreamApplier : IDisposable
{
    private readonly IApplier _applier;
    private readonly bool _isFile;
    private readonly RespReader _reader = new(new RespLimits { MaxBulkLength = int.MaxValue - 1024, MaxArguments = int.MaxValue });
    private int _scanned;
    private bool _inTransaction;

    /// <param name="isFile">An append-only file: annotation lines are read over, anything but RESP arrays is corruption.</param>
    public StreamApplier(IApplier applier, bool isFile)
    {
        _applier = applier;
        _isFile = isFile;
    }

    /// <summary>Database the stream has selected.</summary>
    public int Db { get; set; }

    /// <summary>Why the last <see cref="Consume"/> stopped.</summary>
    public string Error { get; private set; } = "";

    /// <summary>The unconsumed rest begins with a MULTI whose EXEC has not come.</summary>
    public bool HoldsTransaction => _inTransaction;

    /// <summary>Units, in order, after each was run.</summary>
    public StreamUnit? Unit { get; set; }

    /// <summary>A line "#name:..." of a file.</summary>
    public Action<string>? Annotation { get; set; }

    /// <summary>REPLCONF GETACK passed: the primary waits for an offset.</summary>
    public Action? AckRequested { get; set; }

    /// <summary>A write answered with an unknown command or wrong arity: true goes on behind it (links), null or false stops (files).</summary>
    public Func<string, bool>? Tolerates { get; set; }

    /// <summary>Runs what is complete in <paramref name="data"/>. Call again with the unconsumed rest and more behind it.</summary>
    public StreamStatus Consume(byte* data, int length, out int consumed)
    {
        consumed = 0;
        while (consumed < length)
        {
            bool opened = !_inTransaction;
            var status = _inTransaction
                ? Transaction(data + consumed, length - consumed, out int unit)
                : One(data + consumed, length - consumed, out unit);
            consumed += unit;
            opened &= _inTransaction; // a MULTI was read just now: look for its EXEC
            if (status != StreamStatus.NeedsMore) return status;
            if (unit == 0 && !opened) return status;
        }
        return StreamStatus.NeedsMore;
    }

    /// <summary>Forgets half-read state: another stream begins.</summary>
    public void Reset()
    {
        _reader.Reset();
        _inTransaction = false;
        _scanned = 0;
        Db = 0;
    }

    public void Dispose() => _reader.Dispose();

    private StreamStatus One(byte* data, int length, out int consumed)
    {
        consumed = 0;
        if (_reader.IsIdle && _isFile && *data == (byte)'#') return ReadAnnotation(data, length, out consumed);
        var status = Read(data, length, out var request, out int used);
        if (status != ReadStatus.Complete) return status == ReadStatus.Incomplete ? StreamStatus.NeedsMore : StreamStatus.Malformed;
        if (request.Count > 0 && Is(request[0], "multi"u8))
        {
            _inTransaction = true;
            _scanned = used;
            return StreamStatus.NeedsMore;
        }
        var result = Run(request, out bool replicationOnly);
        if (result != StreamStatus.NeedsMore) return result;
        consumed = used;
        Unit?.Invoke(new ReadOnlySpan<byte>(data, used), replicationOnly);
        return StreamStatus.NeedsMore;
    }

    /// <summary>Looks for the EXEC of the MULTI at <paramref name="data"/>, then runs what lies between.</summary>
    private StreamStatus Transaction(byte* data, int length, out int consumed)
    {
        consumed = 0;
        while (_scanned < length)
        {
            if (_reader.IsIdle && _isFile && data[_scanned] == (byte)'#')
            {
                int line = new ReadOnlySpan<byte>(data + _scanned, length - _scanned).IndexOf((byte)'\n');
                if (line < 0) return StreamStatus.NeedsMore;
                _scanned += line + 1;
                continue;
            }
            var status = Read(data + _scanned, length - _scanned, out var request, out int used);
            if (status == ReadStatus.Incomplete) return StreamStatus.NeedsMore;
            if (status == ReadStatus.Malformed) return StreamStatus.Malformed;
            _scanned += used;
            if (request.Count > 0 && Is(request[0], "multi"u8)) return Stop(StreamStatus.Malformed, "MULTI inside MULTI");
            if (request.Count == 0 || !Is(request[0], "exec"u8)) continue;
            return RunTransaction(data, _scanned, out consumed);
        }
        return StreamStatus.NeedsMore;
    }

    private StreamStatus RunTransaction(byte* data, int length, out int consumed)
    {
        _inTransaction = false;
        _scanned = 0;
        consumed = 0;
        int at = 0;
        while (at < length)
        {
            if (data[at] == (byte)'#' && _isFile)
            {
                at += new ReadOnlySpan<byte>(data + at, length - at).IndexOf((byte)'\n') + 1;
                continue;
            }
            _reader.Read(data + at, length - at, out var request, out int used);
            at += used;
            if (request.Count == 0 || Is(request[0], "multi"u8) || Is(request[0], "exec"u8)) continue;
            var result = Run(request, out _);
            if (result != StreamStatus.NeedsMore) return result;
        }
        consumed = length;
        Unit?.Invoke(new ReadOnlySpan<byte>(data, length), false);
        return StreamStatus.NeedsMore;
    }

    private StreamStatus Run(in Request request, out bool replicationOnly)
    {
        replicationOnly = false;
        if (request.Count == 0)
        {
            replicationOnly = true;
            return StreamStatus.NeedsMore;
        }
        var name = request[0];
        if (request.Count == 2 && Is(name, "select"u8))
        {
            if (!Utf8Parser.TryParse(request[1], out int db, out int used) || used != request[1].Length)
                return Stop(StreamStatus.Refused, "SELECT without a number");
            Db = db;
            return StreamStatus.NeedsMore;
        }
        if (Is(name, "ping"u8) || Is(name, "replconf"u8))
        {
            replicationOnly = true;
            if (name.Length == 8 && request.Count >= 2 && Is(request[1], "getack"u8)) AckRequested?.Invoke();
            return StreamStatus.NeedsMore;
        }
        string? error = _applier.Apply(Db, request);
        return error is null || Tolerates?.Invoke(error) == true ? StreamStatus.NeedsMore : Stop(StreamStatus.Refused, error);
    }

    private ReadStatus Read(byte* data, int length, out Request request, out int used)
    {
        if (_isFile && _reader.IsIdle && *data != (byte)'*')
        {
            request = default;
            used = 0;
            Error = $"expected '*', got 0x{*data:x2}";
            return ReadStatus.Malformed;
        }
        var status = _reader.Read(data, length, out request, out used);
        if (status == ReadStatus.Malformed) Error = _reader.Error;
        return status;
    }

    private StreamStatus ReadAnnotation(byte* data, int length, out int consumed)
    {
        int line = new ReadOnlySpan<byte>(data, length).IndexOf((byte)'\n');
        consumed = line + 1;
        if (line > 0 && Annotation is { } listener)
            listener(System.Text.Encoding.Latin1.GetString(data, line).TrimEnd('\r'));
        return StreamStatus.NeedsMore;
    }

    private StreamStatus Stop(StreamStatus status, string error)
    {
        Error = error;
        return status;
    }

    private static bool Is(ReadOnlySpan<byte> word, ReadOnlySpan<byte> lower)
    {
        if (word.Length != lower.Length) return false;
        for (int i = 0; i < word.Length; i++)
            if ((word[i] | 0x20) != lower[i]) return false;
        return true;
    }
}
