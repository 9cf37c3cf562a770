// Growable bytes outside the managed heap: what replies, partial requests and unsent output are kept in, so that
// neither pinning nor the garbage collector ever meets an I/O buffer.
using System.Runtime.InteropServices;

namespace Shoal.Protocol.Resp;

/// <summary>A growable run of native memory with a write position. Not thread-safe.</summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private byte* _start;
    private int _capacity;

    /// <summary>Reserves <paramref name="capacity"/> bytes (0 reserves on first use).</summary>
    public NativeBuffer(int capacity = 0)
    {
        if (capacity > 0) Reserve(capacity);
    }

    ~NativeBuffer() => NativeMemory.Free(_start);

    /// <summary>First byte; moves when the buffer grows.</summary>
    public byte* Start => _start;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes reserved.</summary>
    public int Capacity => _capacity;

    /// <summary>What has been written.</summary>
    public ReadOnlySpan<byte> Written => new(_start, Length);

    /// <summary>Length that growth must not pass.</summary>
    public int Ceiling { get; set; } = Array.MaxLength;

    /// <summary>Where writing goes on when <see cref="Ceiling"/> is met: what lay behind it is lost and <see cref="Overflowed"/> says so.
    /// Negative: meeting the ceiling is an error.</summary>
    public int Floor { get; set; } = -1;

    public bool Overflowed { get; set; }

    /// <summary>Free room behind what has been written.</summary>
    public int Room => _capacity - Length;

    /// <summary>Makes room for <paramref name="more"/> bytes and returns where they go; follow with <see cref="Advance"/>.</summary>
    public byte* Reserve(int more)
    {
        if (_capacity - Length < more) Grow(more);
        return _start + Length;
    }

    /// <summary>Counts bytes that were written at <see cref="Reserve"/>'s answer.</summary>
    public void Advance(int written) => Length += written;

    /// <summary>Appends a copy of <paramref name="bytes"/>.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(Reserve(bytes.Length), bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Appends <paramref name="length"/> bytes of any content, for the caller to fill.</summary>
    public Span<byte> Extend(int length)
    {
        var added = new Span<byte>(Reserve(length), length);
        Length += length;
        return added;
    }

    /// <summary>Drops the first <paramref name="count"/> bytes, moving the rest to the front.</summary>
    public void RemoveFirst(int count)
    {
        int rest = Length - count;
        if (rest > 0 && count > 0) Buffer.MemoryCopy(_start + count, _start, rest, rest);
        Length = rest;
    }

    /// <summary>Forgets what lies behind <paramref name="length"/>.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>Empties the buffer and gives memory beyond <paramref name="keep"/> bytes back.</summary>
    public void Clear(int keep = int.MaxValue)
    {
        Length = 0;
        if (_capacity <= keep) return;
        NativeMemory.Free(_start);
        _start = null;
        _capacity = 0;
        if (keep > 0) Reserve(keep);
    }

    public void Dispose()
    {
        NativeMemory.Free(_start);
        _start = null;
        _capacity = 0;
        Length = 0;
        GC.SuppressFinalize(this);
    }

    private void Grow(int more)
    {
        long needed = (long)Length + more;
        if (needed > Ceiling && Floor >= 0)
        {
            Overflowed = true;
            Length = Math.Min(Length, Floor);
            needed = (long)Length + more;
            if (needed <= _capacity) return;
        }
        if (needed > Array.MaxLength) throw new InvalidOperationException("buffer beyond 2 GB");
        long doubled = Math.Min(Math.Max((long)_capacity * 2, 256), Array.MaxLength);
        int capacity = (int)Math.Max(needed, doubled);
        _start = (byte*)NativeMemory.Realloc(_start, (nuint)capacity);
        _capacity = capacity;
    }
}
