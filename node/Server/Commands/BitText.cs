// Strings as arrays of bits, the most significant bit of a byte first: counting, searching, combining and small integers
// that begin at any bit. Whole words and vectors at a time; knows no keys and no replies.
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Shoal.Server.Commands;

/// <summary>BITOP's operations.</summary>
internal enum BitOperation : byte
{
    And,
    Or,
    Xor,
    Not,
}

internal static class BitText
{
    /// <summary>Bits that are 1.</summary>
    public static long Count(ReadOnlySpan<byte> bytes)
    {
        long count = 0;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words) count += BitOperations.PopCount(word);
        foreach (byte b in bytes[(words.Length * 8)..]) count += BitOperations.PopCount(b);
        return count;
    }

    /// <summary>Bits that are 1 from bit <paramref name="first"/> to bit <paramref name="last"/>, both included and inside.</summary>
    public static long Count(ReadOnlySpan<byte> bytes, long first, long last)
    {
        if (first > last) return 0;
        int from = (int)(first >> 3), to = (int)(last >> 3);
        int head = 0xFF >> (int)(first & 7), tail = 0xFF << (7 - (int)(last & 7));
        if (from == to) return BitOperations.PopCount((uint)(bytes[from] & head & tail));
        return BitOperations.PopCount((uint)(bytes[from] & head)) + BitOperations.PopCount((uint)(bytes[to] & tail & 0xFF)) + Count(bytes[(from + 1)..to]);
    }

    /// <summary>The first bit of that value from <paramref name="first"/> to <paramref name="last"/>, both included and inside; -1 when there is none.</summary>
    public static long Find(ReadOnlySpan<byte> bytes, bool bit, long first, long last)
    {
        // Looking for a 0 is looking for a 1 in what is inverted.
        int flip = bit ? 0 : 0xFF;
        int from = (int)(first >> 3), to = (int)(last >> 3);
        int here = (bytes[from] ^ flip) & (0xFF >> (int)(first & 7));
        if (here == 0 && from < to)
        {
            int skipped = bytes[(from + 1)..(to + 1)].IndexOfAnyExcept((byte)flip);
            if (skipped < 0) return -1;
            from += skipped + 1;
            here = bytes[from] ^ flip;
        }
        if (here == 0) return -1;
        long at = ((long)from << 3) + BitOperations.LeadingZeroCount((uint)here) - 24;
        return at <= last ? at : -1;
    }

    /// <summary>Combines <paramref name="with"/> into <paramref name="into"/>; a shorter one counts as followed by zeros.</summary>
    public static void Combine(BitOperation operation, Span<byte> into, ReadOnlySpan<byte> with)
    {
        int length = Math.Min(into.Length, with.Length), at = 0;
        for (; at <= length - Vector<byte>.Count; at += Vector<byte>.Count)
        {
            Vector<byte> a = new(into[at..]), b = new(with[at..]);
            (operation switch { BitOperation.And => a & b, BitOperation.Or => a | b, _ => a ^ b }).CopyTo(into[at..]);
        }
        for (; at < length; at++)
            into[at] = (byte)(operation switch { BitOperation.And => into[at] & with[at], BitOperation.Or => into[at] | with[at], _ => into[at] ^ with[at] });
        if (operation == BitOperation.And) into[length..].Clear();
    }

    /// <summary>Turns every bit over.</summary>
    public static void Invert(Span<byte> bytes)
    {
        int at = 0;
        for (; at <= bytes.Length - Vector<byte>.Count; at += Vector<byte>.Count) (~new Vector<byte>(bytes[at..])).CopyTo(bytes[at..]);
        for (; at < bytes.Length; at++) bytes[at] = (byte)~bytes[at];
    }

    /// <summary>The unsigned number of 1 to 64 <paramref name="bits"/> that begins at bit <paramref name="offset"/>; zeros follow the end.</summary>
    public static ulong Read(ReadOnlySpan<byte> bytes, long offset, int bits)
    {
        Span<byte> window = stackalloc byte[16];
        window.Clear();
        long start = offset >> 3;
        if (start < bytes.Length) bytes[(int)start..(int)Math.Min(start + 9, bytes.Length)].CopyTo(window);
        var wide = BinaryPrimitives.ReadUInt128BigEndian(window);
        return (ulong)((wide << (int)(offset & 7)) >> (128 - bits));
    }

    /// <summary>Writes the low <paramref name="bits"/> of <paramref name="value"/> at bit <paramref name="offset"/>, which must lie inside.</summary>
    public static void Write(Span<byte> bytes, long offset, int bits, ulong value)
    {
        Span<byte> window = stackalloc byte[16];
        window.Clear();
        int start = (int)(offset >> 3), length = Math.Min(9, bytes.Length - start);
        bytes.Slice(start, length).CopyTo(window);
        int shift = 128 - bits - (int)(offset & 7);
        var mask = (UInt128.MaxValue >> (128 - bits)) << shift;
        var wide = (BinaryPrimitives.ReadUInt128BigEndian(window) & ~mask) | (((UInt128)value << shift) & mask);
        BinaryPrimitives.WriteUInt128BigEndian(window, wide);
        window[..length].CopyTo(bytes[start..]);
    }
}
