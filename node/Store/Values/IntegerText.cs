// Why: packed lists and integer sets store a text as a number when, and only when, printing the number gives the very
// same bytes back. This is the one place that decides it, with the digits written without any allocation.

using System.Buffers.Text;

namespace Shoal.Store.Values;

/// <summary>Canonical decimal texts of 64-bit integers.</summary>
public static class IntegerText
{
    /// <summary>Longest text of a 64-bit integer, sign included.</summary>
    public const int MaxLength = 20;

    /// <summary>True when <paramref name="text"/> is the canonical text of a 64-bit integer: no '+', no leading zero, no "-0".</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        int length = text.Length;
        if ((uint)(length - 1) >= MaxLength) return false;
        int at = 0;
        bool negative = text[0] == (byte)'-';
        if (negative && ++at == length) return false;
        uint first = (uint)(text[at] - '0');
        if (first > 9) return false;
        if (first == 0) return length == 1;
        ulong magnitude = first;
        // 18 digits can not overflow; the rest is checked
        for (at++; at < length; at++)
        {
            uint digit = (uint)(text[at] - '0');
            if (digit > 9) return false;
            if (magnitude > (ulong.MaxValue - digit) / 10) return false;
            magnitude = magnitude * 10 + digit;
        }
        if (magnitude > (negative ? 1UL << 63 : long.MaxValue)) return false;
        value = negative ? (long)(0 - magnitude) : (long)magnitude;
        return true;
    }

    /// <summary>Writes the digits into <paramref name="scratch"/> (at least <see cref="MaxLength"/> bytes) and returns them.</summary>
    public static ReadOnlySpan<byte> Write(long value, Span<byte> scratch)
    {
        Utf8Formatter.TryFormat(value, scratch, out int written);
        return scratch[..written];
    }
}
