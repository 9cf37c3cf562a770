// Why: everything in a stream is ordered by its ID: entries, groups' positions, pending entries. This is the ID with its
// text form "milliseconds-sequence" and the lenient number syntax Redis accepts for either half.

using System.Buffers.Text;

namespace Shoal.Store.Values;

/// <summary>ID of a stream entry: unix milliseconds, then a sequence number within that millisecond.</summary>
public readonly record struct StreamId(ulong Ms, ulong Seq) : IComparable<StreamId>
{
    /// <summary>Longest text of an ID.</summary>
    public const int MaxLength = 41;

    private const int LongestInput = 127;

    public static StreamId Zero => default;

    public static StreamId Max => new(ulong.MaxValue, ulong.MaxValue);

    public static bool operator <(StreamId a, StreamId b) => a.Ms < b.Ms || (a.Ms == b.Ms && a.Seq < b.Seq);

    public static bool operator >(StreamId a, StreamId b) => b < a;

    public static bool operator <=(StreamId a, StreamId b) => !(b < a);

    public static bool operator >=(StreamId a, StreamId b) => !(a < b);

    public int CompareTo(StreamId other) => this < other ? -1 : this == other ? 0 : 1;

    /// <summary>The ID behind this one; false (and Zero) when this is the last there can be.</summary>
    public bool TryNext(out StreamId next)
    {
        next = Seq < ulong.MaxValue ? new(Ms, Seq + 1) : Ms < ulong.MaxValue ? new(Ms + 1, 0) : Zero;
        return next != Zero;
    }

    /// <summary>The ID before this one; false (and Max) when this is 0-0.</summary>
    public bool TryPrevious(out StreamId previous)
    {
        previous = Seq > 0 ? new(Ms, Seq - 1) : Ms > 0 ? new(Ms - 1, ulong.MaxValue) : Max;
        return previous != Max;
    }

    /// <summary>Writes "ms-seq" into <paramref name="scratch"/> (at least <see cref="MaxLength"/> bytes) and returns it.</summary>
    public ReadOnlySpan<byte> Write(Span<byte> scratch)
    {
        Utf8Formatter.TryFormat(Ms, scratch, out int ms);
        scratch[ms] = (byte)'-';
        Utf8Formatter.TryFormat(Seq, scratch[(ms + 1)..], out int seq);
        return scratch[..(ms + 1 + seq)];
    }

    /// <summary>Reads "ms-seq", or "ms" with <paramref name="missingSeq"/> as its sequence.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, ulong missingSeq, out StreamId id) =>
        TryParse(text, missingSeq, out id, out bool open) && !open;

    /// <summary>As the other, but "ms-*" passes too: then <paramref name="open"/> is true and the sequence 0.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, ulong missingSeq, out StreamId id, out bool open)
    {
        id = default;
        open = false;
        if (text.Length > LongestInput) return false;
        int dash = text.IndexOf((byte)'-');
        ulong seq = missingSeq;
        if (dash >= 0)
        {
            var tail = text[(dash + 1)..];
            if (tail.Length == 1 && tail[0] == '*') (open, seq) = (true, 0);
            else if (!TryNumber(tail, out seq)) return false;
        }
        if (!TryNumber(dash < 0 ? text : text[..dash], out ulong ms)) return false;
        id = new StreamId(ms, seq);
        return true;
    }

    // As strtoull reads: leading blanks, one '+' and leading zeros are let pass.
    private static bool TryNumber(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        text = text.TrimStart(" \t\n\v\f\r"u8);
        if (text.Length > 1 && text[0] == '+') text = text[1..];
        if (text.IsEmpty) return false;
        foreach (byte b in text)
        {
            uint digit = (uint)(b - '0');
            if (digit > 9 || value > (ulong.MaxValue - digit) / 10) return false;
            value = value * 10 + digit;
        }
        return true;
    }
}
