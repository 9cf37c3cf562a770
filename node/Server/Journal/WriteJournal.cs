// The ordered stream of effective writes: every write once, as the RESP request a replica has to run, in a chain of
// native blocks. The append-only file, the backlog and each replica are cursors over the same bytes.
//
//   offset      0 .............. BacklogStart ............ EndOffset
//   blocks            (freed)    [ 128 KB ][ 128 KB ][ tail ]
//   readers                      ^ backlog   ^ replica    ^ append-only file
//
// Offsets are Redis replication offsets: EndOffset is the number of bytes ever streamed (master_repl_offset). A journal
// nobody reads stands still and costs one compare per write. Everything here runs on the engine thread, except that
// cursors may be read (up to an offset handed over by the engine) and closed elsewhere.
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Journal;

/// <summary>Appends writes, assigns their offsets, retains the backlog window.</summary>
public sealed unsafe class WriteJournal : IDisposable
{
    /// <summary>Bytes of one block.</summary>
    public const int BlockBytes = 128 * 1024;

    /// <summary>A unit beyond this is written as it grows.</summary>
    private const int UnitBytes = 1024 * 1024;

    private readonly List<IJournalTap> _taps = [];
    private readonly List<(long From, long To)> _replicationOnly = [];
    private readonly NativeBuffer _record = new(256);
    /// <summary>The open unit's writes, until there are so many bytes that they go to the blocks behind a MULTI.</summary>
    private readonly NativeBuffer _unit = new();
    private JournalBlock? _head;
    private JournalBlock? _tail;
    private long _end;
    private long _durable;
    private long _replyOffset = long.MaxValue;
    private long _backlogBytes;
    private long _backlogStart;
    private int _cursors;
    private int _selected = -1;
    private int _transactionDepth;
    private int _unitWrites;
    private bool _multiWritten;
    private bool _isAbandoned;
    private bool _isDeaf;
    private bool _followsPrimary;
    private bool _isMuted;

    /// <summary>Replication offset behind the last appended byte. Any thread.</summary>
    public long EndOffset => Volatile.Read(ref _end);

    /// <summary>Everything below is on disk; only the append-only file moves it. Any thread.</summary>
    public long DurableOffset => Volatile.Read(ref _durable);

    /// <summary>Replies wait for the end of their turn, and until <see cref="ReplyOffset"/> has passed what the turn appended: the
    /// append-only file is on, or replicas are attached. Neither: replies leave at once.</summary>
    public bool HoldsReplies => DiskHoldsReplies || LinksHoldReplies;

    /// <summary>Replies up to here may leave: on disk under <c>appendfsync always</c>, else handed to the kernel; a process that is
    /// killed then loses nothing it has answered for. Any thread.</summary>
    public long ReplyOffset => Volatile.Read(ref _replyOffset);

    /// <summary>Raised on the engine thread when <see cref="ReplyOffset"/> or <see cref="DurableOffset"/> has moved outside a turn: held replies may go.</summary>
    public event Action? DurableAdvanced;

    /// <summary>A replica's journal is the primary's stream: writes of its own (a writable replica's clients) stay out of it.</summary>
    public bool FollowsPrimary
    {
        get => _followsPrimary;
        set
        {
            _followsPrimary = value;
            _isDeaf = value || _isMuted;
        }
    }

    /// <summary>Writes stay out of it for now (a script's <c>redis.set_repl(redis.REPL_NONE)</c>).</summary>
    public bool IsMuted
    {
        get => _isMuted;
        set
        {
            _isMuted = value;
            _isDeaf = value || _followsPrimary;
        }
    }

    /// <summary>Database the stream has selected, -1 when the next write says it.</summary>
    public int SelectedDb => _selected;

    /// <summary>Between <see cref="OpenTransaction"/> and <see cref="CloseTransaction"/>.</summary>
    public bool InTransaction => _transactionDepth > 0;

    /// <summary>Nobody reads: appends are dropped and offsets stand still.</summary>
    public bool IsIdle => _cursors == 0 && _backlogBytes == 0 && _taps.Count == 0;

    /// <summary>Bytes of history kept for partial resyncs; 0 while there is no backlog.</summary>
    public long BacklogBytes => _backlogBytes;

    /// <summary>Oldest offset a partial resync can start from (meaningless while there is no backlog).</summary>
    public long BacklogStart => Math.Max(_backlogStart, _end - _backlogBytes);

    /// <summary>Native bytes held by the chain between the oldest retained block and the end.</summary>
    public long RetainedBytes => _head is null ? 0 : _end - _head.Start;

    /// <summary>Appends a whole request as it is (its <see cref="Request.Frame"/>), with SELECT before it when the database changes.
    /// <paramref name="slot"/> is for taps only; -1 = no key.</summary>
    public void Append(int db, int slot, in Request request) => Append(db, slot, request.Frame);

    /// <summary>Appends one write already encoded as a RESP array of bulk strings.</summary>
    public void Append(int db, int slot, ReadOnlySpan<byte> record)
    {
        if (IsIdle || _isDeaf || _isAbandoned) return;
        if (_transactionDepth > 0 && !_multiWritten)
        {
            if (_unit.Length > UnitBytes) SpillUnit();
            else _unitWrites++;
        }
        if (db != _selected) Select(db);
        Put(record);
        foreach (var tap in _taps) tap.Appended(db, slot, record);
    }

    /// <summary>Starts a write of <paramref name="argCount"/> arguments; follow with that many <see cref="Arg(ReadOnlySpan{byte})"/> and <see cref="End"/>.</summary>
    public void Begin(int argCount)
    {
        _record.Truncate(0);
        RequestWriter.Header(_record, argCount);
    }

    public void Arg(ReadOnlySpan<byte> argument) => RequestWriter.Bulk(_record, argument);

    public void Arg(long number) => RequestWriter.Bulk(_record, number);

    /// <summary>Appends what <see cref="Begin"/> started.</summary>
    public void End(int db, int slot) => Append(db, slot, _record.Written);

    /// <summary>Writes until <see cref="CloseTransaction"/> reach AOF and replicas as one unit: nothing when there are none, a single
    /// write as it is, several as MULTI ... EXEC. Units inside each other are one.</summary>
    public void OpenTransaction() => _transactionDepth++;

    public void CloseTransaction()
    {
        if (--_transactionDepth > 0) return;
        if (_unitWrites > 1) SpillUnit();
        else if (_unitWrites == 1) WriteUnit();
        if (_multiWritten && !_isAbandoned) Write("*1\r\n$4\r\nEXEC\r\n"u8);
        _multiWritten = _isAbandoned = false;
    }

    /// <summary>The open unit will not be finished (its script is cut off by a shutdown): forgets its writes, or, when they were so
    /// many that they are written already, leaves them without an EXEC, which recovery cuts off.</summary>
    public void AbandonTransaction()
    {
        if (_transactionDepth == 0) return;
        _isAbandoned = true;
        _unitWrites = 0;
        _unit.Truncate(0);
        _selected = -1;
    }

    /// <summary>Appends a piece of the primary's stream verbatim: on a replica offsets and bytes are the primary's own.
    /// <paramref name="replicationOnly"/>: PING and REPLCONF, which the append-only file leaves out; <paramref name="db"/>: what the
    /// stream has selected behind it.</summary>
    public void AppendStream(ReadOnlySpan<byte> raw, bool replicationOnly, int db)
    {
        long from = _end;
        Write(raw);
        if (replicationOnly) MarkReplicationOnly(from);
        _selected = db;
    }

    /// <summary>Appends a request for replicas only (PING, REPLCONF GETACK): it counts in offsets, the append-only file leaves it out.</summary>
    public void AppendReplicationOnly(ReadOnlySpan<byte> record)
    {
        if (IsIdle) return;
        long from = _end;
        Write(record);
        MarkReplicationOnly(from);
    }

    /// <summary>The next write carries its SELECT again: whoever starts reading here (a new incr file, a full sync) knows no database.</summary>
    public void ForgetDatabase()
    {
        if (!FollowsPrimary) _selected = -1; // a primary's stream says what it says; its snapshot's head carries the database
    }

    /// <summary>What the stream being followed has selected where we take it up.</summary>
    public void SetSelectedDb(int db) => _selected = db;

    /// <summary>A cursor at the end of the journal.</summary>
    public JournalCursor OpenCursor()
    {
        _tail ??= Start();
        Interlocked.Increment(ref _cursors);
        return new JournalCursor(this, _tail, _end);
    }

    /// <summary>A cursor at <paramref name="offset"/>, or null when the backlog no longer (or not yet) holds it.</summary>
    public JournalCursor? OpenCursor(long offset)
    {
        if (offset == _end) return OpenCursor();
        if (_backlogBytes == 0 || offset < BacklogStart || offset > _end) return null;
        var block = _head!;
        while (offset > block.End) block = block.Next!;
        Interlocked.Increment(ref _cursors);
        return new JournalCursor(this, block, offset);
    }

    /// <summary>Keeps <paramref name="bytes"/> of history from now on (0 drops the backlog).</summary>
    public void KeepBacklog(long bytes)
    {
        if (_backlogBytes == 0 && bytes > 0) _backlogStart = _end;
        _backlogBytes = bytes;
        if (bytes > 0) _tail ??= Start();
        Trim();
    }

    /// <summary>Continues at another offset: a full sync adopted the primary's history, or recovery knows where it ended.
    /// The backlog starts empty there. Cursors must have been closed or reopened.</summary>
    public void RestartAt(long offset)
    {
        Drop();
        _end = offset;
        _backlogStart = offset;
        _selected = -1;
        Volatile.Write(ref _durable, offset);
        if (_backlogBytes > 0) _tail = Start();
    }

    public void AddTap(IJournalTap tap) => _taps.Add(tap);

    public void RemoveTap(IJournalTap tap) => _taps.Remove(tap);

    public void Dispose()
    {
        Drop();
        _unit.Dispose();
    }

    internal void CursorClosed() => Interlocked.Decrement(ref _cursors);

    /// <summary>Somebody takes the ranges of <see cref="TakeReplicationOnly"/>.</summary>
    internal bool TracksReplicationOnly { get; set; }

    /// <summary>Offset ranges the append-only file leaves out since the last call.</summary>
    internal void TakeReplicationOnly(List<(long From, long To)> into)
    {
        if (_replicationOnly.Count == 0) return;
        into.AddRange(_replicationOnly);
        _replicationOnly.Clear();
    }

    internal bool DiskHoldsReplies { get; set; }

    internal bool LinksHoldReplies { get; set; }

    /// <summary>Published by the append-only file; <see cref="long.MaxValue"/> = nothing to wait for.</summary>
    internal void PublishReplyOffset(long offset) => Volatile.Write(ref _replyOffset, offset);

    /// <summary>Published by the append-only file's thread after fsync.</summary>
    internal void PublishDurable(long offset) => Volatile.Write(ref _durable, offset);

    /// <summary>Engine thread: wakes whoever parked replies.</summary>
    internal void RaiseDurable() => DurableAdvanced?.Invoke();

    private void MarkReplicationOnly(long from)
    {
        if (!TracksReplicationOnly) return;
        if (_replicationOnly.Count > 0 && _replicationOnly[^1].To == from)
            _replicationOnly[^1] = (_replicationOnly[^1].From, _end);
        else _replicationOnly.Add((from, _end));
    }

    /// <summary>Into the open unit, or behind the last byte.</summary>
    private void Put(ReadOnlySpan<byte> bytes)
    {
        if (_transactionDepth > 0 && !_multiWritten) _unit.Append(bytes);
        else Write(bytes);
    }

    private void SpillUnit()
    {
        _multiWritten = true;
        Write("*1\r\n$5\r\nMULTI\r\n"u8);
        WriteUnit();
    }

    private void WriteUnit()
    {
        Write(_unit.Written);
        _unit.Clear(UnitBytes);
        _unitWrites = 0;
    }

    private void Select(int db)
    {
        _selected = db;
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(db, digits, out int n);
        Span<byte> text = stackalloc byte[40];
        "*2\r\n$6\r\nSELECT\r\n$"u8.CopyTo(text);
        text[17] = (byte)('0' + n);
        "\r\n"u8.CopyTo(text[18..]);
        digits[..n].CopyTo(text[20..]);
        "\r\n"u8.CopyTo(text[(20 + n)..]);
        Put(text[..(22 + n)]);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        var tail = _tail ??= Start();
        long end = _end;
        while (bytes.Length > 0)
        {
            int at = (int)(end - tail.Start);
            if (at == tail.Capacity)
            {
                tail = Extend(tail);
                continue;
            }
            int n = Math.Min(bytes.Length, tail.Capacity - at);
            bytes[..n].CopyTo(new Span<byte>(tail.Bytes + at, n));
            bytes = bytes[n..];
            end += n;
        }
        Volatile.Write(ref _end, end);
    }

    private JournalBlock Start()
    {
        _head = new JournalBlock(_end, BlockBytes);
        _head.Share();
        return _head;
    }

    private JournalBlock Extend(JournalBlock full)
    {
        var next = new JournalBlock(full.End, BlockBytes);
        full.Link(next);
        _tail = next;
        full.Release();
        Trim();
        return next;
    }

    /// <summary>Lets go of blocks that lie wholly before the backlog window; cursors keep what they still need.</summary>
    private void Trim()
    {
        if (_head is null) return;
        long keep = _backlogBytes == 0 ? _tail!.Start : Math.Max(_backlogStart, _tail!.Start - _backlogBytes);
        while (_head != _tail && _head.End <= keep)
        {
            var next = _head.Next!;
            next.Share();
            _head.Release();
            _head = next;
        }
    }

    private void Drop()
    {
        _head?.Release();
        _tail?.Release();
        _head = _tail = null;
    }
}
