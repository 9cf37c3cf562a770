// LZF, the byte compression of RDB strings.
//
//   control 000LLLLL                 L + 1 literal bytes follow
//   control LLLOOOOO oooooooo        copy L + 2 bytes (L 1..6) from O:o + 1 bytes back
//   control 111OOOOO LLLLLLLL oooooooo   copy L + 9 bytes from O:o + 1 bytes back
//
// Any output of this form decompresses everywhere; the compressor's choices are its own.
using System.Buffers.Binary;
using System.Numerics;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>LZF compression and decompression.</summary>
public static unsafe class Lzf
{
    private const int HashBits = 14;
    private const int MaxOffset = 1 << 13;
    private const int MaxMatch = 264;

    /// <summary>Entries a caller provides as <c>int</c> work space; need not be cleared between calls.</summary>
    public const int WorkEntries = 1 << HashBits;

    /// <summary>Compresses into <paramref name="into"/>. Returns the compressed length, or 0 when it would not fit there.</summary>
    public static int Compress(ReadOnlySpan<byte> from, Span<byte> into, Span<int> work)
    {
        if (from.Length < 5) return 0;
        // A small input needs a small table: clearing 64 KB for 30 bytes would cost more than the search.
        int bits = Math.Clamp(BitOperations.Log2((uint)from.Length) + 1, 8, HashBits);
        work = work[..(1 << bits)];
        work.Clear();
        int shift = 32 - bits;
        int at = 0, literals = 0, o = 1; // into[o - literals - 1] is the open literal run's control byte
        int lastHash = from.Length - 4;
        while (at < from.Length)
        {
            int length = at <= lastHash ? Match(from, at, work, shift, out int distance) : NoMatch(out distance);
            if (length < 3)
            {
                if (o >= into.Length) return 0;
                into[o++] = from[at++];
                if (++literals < 32) continue;
                into[o - 33] = 31;
                literals = 0;
                o++;
                continue;
            }
            if (o + 4 >= into.Length) return 0;
            if (literals > 0) into[o - literals - 1] = (byte)(literals - 1);
            else o--;
            literals = 0;
            int code = length - 2, back = distance - 1;
            if (code < 7) into[o++] = (byte)((code << 5) | (back >> 8));
            else
            {
                into[o++] = (byte)((7 << 5) | (back >> 8));
                into[o++] = (byte)(code - 7);
            }
            into[o++] = (byte)back;
            o++;
            int end = at + length;
            for (at++; at < end && at <= lastHash; at++) work[Hash(from, at, shift)] = at + 1;
            at = end;
        }
        if (literals > 0) into[o - literals - 1] = (byte)(literals - 1);
        else o--;
        return o;
    }

    /// <summary>Decompresses; false when the input is not LZF of exactly <paramref name="into"/>'s length.</summary>
    public static bool TryDecompress(ReadOnlySpan<byte> from, Span<byte> into)
    {
        int i = 0, o = 0;
        while (i < from.Length)
        {
            int control = from[i++];
            if (control < 32)
            {
                int run = control + 1;
                if (i + run > from.Length || o + run > into.Length) return false;
                from.Slice(i, run).CopyTo(into[o..]);
                i += run;
                o += run;
                continue;
            }
            int length = control >> 5;
            if (length == 7)
            {
                if (i >= from.Length) return false;
                length += from[i++];
            }
            if (i >= from.Length) return false;
            int source = o - (((control & 0x1f) << 8) | from[i++]) - 1;
            length += 2;
            if (source < 0 || o + length > into.Length) return false;
            for (int end = o + length; o < end;) into[o++] = into[source++]; // may overlap: byte by byte
        }
        return o == into.Length;
    }

    private static int Match(ReadOnlySpan<byte> from, int at, Span<int> work, int shift, out int distance)
    {
        int hash = Hash(from, at, shift);
        int candidate = work[hash] - 1;
        work[hash] = at + 1;
        distance = at - candidate;
        if (candidate < 0 || distance > MaxOffset) return 0;
        int max = Math.Min(from.Length - at, MaxMatch);
        return from.Slice(candidate, max).CommonPrefixLength(from.Slice(at, max));
    }

    private static int NoMatch(out int distance)
    {
        distance = 0;
        return 0;
    }

    private static int Hash(ReadOnlySpan<byte> from, int at, int shift)
    {
        uint three = BinaryPrimitives.ReadUInt32LittleEndian(from[at..]) << 8;
        return (int)(three * 2654435761u >> shift);
    }
}
