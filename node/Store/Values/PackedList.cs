// Why: small collections are one run of bytes: no pointer per element, one memcpy to save, load or ship. The bytes are
// identical to a Redis 7 listpack, so RDB files, DUMP/RESTORE and full sync carry them unchanged.
//
// Format (all numbers little-endian):
//   offset 0  u32  total bytes, this header and the end byte included
//   offset 4  u16  number of elements; 65535 = "count them"
//   offset 6  elements, each: encoding byte(s) + body + back length
//   last      0xFF
//
//   first byte   more              value
//   0xxxxxxx                       number 0..127
//   10nnnnnn     n bytes           text, n < 64
//   110xxxxx     1 byte            number, 13 bits signed, high bits first
//   1110nnnn     1 + n bytes       text, n < 4096, high bits first
//   11110000     u32 n + n bytes   text
//   11110001..4  2, 3, 4, 8 bytes  number of 16, 24, 32, 64 bits, signed
//
// Back length: bytes of encoding + body, in groups of 7 bits, the most significant group first, every byte but the first
// with its high bit set: so that it reads from right to left. 1 byte up to 127, 2 below 16383, 3 below 2097151, ...
// A text that is the canonical form of a 64-bit integer is always stored as a number.
//
// Positions are byte offsets from the start of the list; -1 means "no element". Nothing here allocates or resizes:
// callers make room first (see PackedEdit).

using System.Runtime.CompilerServices;

namespace Shoal.Store.Values;

/// <summary>Reading and low-level writing of packed lists (Redis listpack bytes).</summary>
public static unsafe class PackedList
{
    public const int HeaderBytes = 6;
    public const int EmptyBytes = HeaderBytes + 1;
    private const byte End = 0xFF;
    private const int Uncounted = ushort.MaxValue;

    /// <summary>Writes an empty list; returns its length, <see cref="EmptyBytes"/>.</summary>
    public static int WriteEmpty(byte* list)
    {
        SetTotalBytes(list, EmptyBytes);
        *(ushort*)(list + 4) = 0;
        list[HeaderBytes] = End;
        return EmptyBytes;
    }

    public static int TotalBytes(byte* list) => Unsafe.ReadUnaligned<int>(list);

    internal static void SetTotalBytes(byte* list, int bytes) => Unsafe.WriteUnaligned(list, bytes);

    public static int Count(byte* list)
    {
        int count = Unsafe.ReadUnaligned<ushort>(list + 4);
        if (count != Uncounted) return count;
        count = 0;
        for (int at = First(list); at >= 0; at = Next(list, at)) count++;
        return count;
    }

    /// <summary>Adjusts the stored count; above 65534 it becomes "count them" and stays so, as Redis has it.</summary>
    internal static void AddCount(byte* list, int delta)
    {
        int stored = Unsafe.ReadUnaligned<ushort>(list + 4);
        if (stored == Uncounted) return;
        Unsafe.WriteUnaligned(list + 4, (ushort)Math.Min(stored + delta, Uncounted));
    }

    public static int First(byte* list) => list[HeaderBytes] == End ? -1 : HeaderBytes;

    public static int Last(byte* list) => Prev(list, TotalBytes(list) - 1);

    public static int Next(byte* list, int at)
    {
        at += ElementBytes(list + at);
        return list[at] == End ? -1 : at;
    }

    /// <summary>The element before <paramref name="at"/>; the end position (total - 1) gives the last one.</summary>
    public static int Prev(byte* list, int at)
    {
        if (at <= HeaderBytes) return -1;
        int back = at - 1, body = 0, shift = 0;
        while (true)
        {
            byte b = list[back];
            body |= (b & 127) << shift;
            if ((b & 128) == 0) break;
            shift += 7;
            back--;
        }
        return back - body;
    }

    /// <summary>Position of element <paramref name="index"/>, negative from the end; -1 when out of range.</summary>
    public static int Seek(byte* list, int index)
    {
        int stored = Unsafe.ReadUnaligned<ushort>(list + 4);
        if (stored != Uncounted)
        {
            if (index < 0) index += stored;
            if ((uint)index >= (uint)stored) return -1;
            if (index > stored / 2) index -= stored;
        }
        if (index >= 0)
        {
            int at = First(list);
            while (at >= 0 && index-- > 0) at = Next(list, at);
            return at;
        }
        int from = Last(list);
        while (from >= 0 && ++index < 0) from = Prev(list, from);
        return from;
    }

    /// <summary>Bytes of the element at <paramref name="p"/>, back length included.</summary>
    public static int ElementBytes(byte* p)
    {
        int body = BodyBytes(p);
        return body + BackLengthSize(body);
    }

    /// <summary>Bytes of encoding and body of the element at <paramref name="p"/>.</summary>
    internal static int BodyBytes(byte* p)
    {
        byte head = p[0];
        if (head < 0x80) return 1;
        if (head < 0xC0) return 1 + (head & 0x3F);
        if (head < 0xE0) return 2;
        if (head < 0xF0) return 2 + (((head & 0x0F) << 8) | p[1]);
        return head switch
        {
            0xF0 => 5 + Unsafe.ReadUnaligned<int>(p + 1),
            0xF1 => 3,
            0xF2 => 4,
            0xF3 => 5,
            _ => 9, // 0xF4; nothing else passes PackedListCheck
        };
    }

    /// <summary>The element at position <paramref name="at"/>.</summary>
    public static Element Read(byte* list, int at)
    {
        byte* p = list + at;
        byte head = p[0];
        if (head < 0x80) return new Element(head);
        if (head < 0xC0) return new Element(new ReadOnlySpan<byte>(p + 1, head & 0x3F));
        if (head < 0xE0) return new Element((long)((((head & 0x1F) << 8) | p[1]) << 19 >> 19));
        if (head < 0xF0) return new Element(new ReadOnlySpan<byte>(p + 2, ((head & 0x0F) << 8) | p[1]));
        return head switch
        {
            0xF0 => new Element(new ReadOnlySpan<byte>(p + 5, Unsafe.ReadUnaligned<int>(p + 1))),
            0xF1 => new Element((long)Unsafe.ReadUnaligned<short>(p + 1)),
            0xF2 => new Element((long)((p[1] | (p[2] << 8) | (p[3] << 16)) << 8 >> 8)),
            0xF3 => new Element((long)Unsafe.ReadUnaligned<int>(p + 1)),
            _ => new Element(Unsafe.ReadUnaligned<long>(p + 1)),
        };
    }

    /// <summary>True when the element at <paramref name="at"/> holds the same text as <paramref name="piece"/>.</summary>
    public static bool Matches(byte* list, int at, in Piece piece)
    {
        byte head = list[at];
        bool isNumber = head < 0x80 || (head >= 0xC0 && head < 0xE0) || head > 0xF0;
        if (isNumber != piece.IsNumber) return false;
        Element item = Read(list, at);
        return isNumber ? item.Number == piece.Number : item.RawText.SequenceEqual(piece.Source);
    }

    /// <summary>
    /// First element from position <paramref name="from"/> on equal to <paramref name="piece"/>, looking at every
    /// (<paramref name="skip"/> + 1)-th element: 0 for plain lists and sets, 1 for the fields of a hash; -1 when absent.
    /// </summary>
    public static int Find(byte* list, int from, in Piece piece, int skip)
    {
        if (from < 0 || list[from] == End) return -1;
        // Texts compare by head byte and length first: most elements are rejected without touching their bytes.
        ReadOnlySpan<byte> text = piece.Source;
        byte shortHead = !piece.IsNumber && text.Length < 64 ? (byte)(0x80 | text.Length) : (byte)0;
        byte* p = list + from;
        while (true)
        {
            if (shortHead != 0)
            {
                if (*p == shortHead && new ReadOnlySpan<byte>(p + 1, text.Length).SequenceEqual(text)) return (int)(p - list);
            }
            else if (Matches(list, (int)(p - list), piece)) return (int)(p - list);
            p += ElementBytes(p);
            for (int i = skip; i > 0 && *p != End; i--) p += ElementBytes(p);
            if (*p == End) return -1;
        }
    }

    internal static int BackLengthSize(int body) =>
        body <= 127 ? 1 : body < 16383 ? 2 : body < 2097151 ? 3 : body < 268435455 ? 4 : 5;

    internal static void WriteBackLength(byte* p, int body)
    {
        int size = BackLengthSize(body);
        for (int i = size - 1; i > 0; i--, body >>= 7) p[i] = (byte)((body & 127) | 128);
        p[0] = (byte)body;
    }
}
