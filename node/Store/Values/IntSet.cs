// Why: a set of integers is a sorted array: the smallest form there is, and found by bisection. Bytes are identical to a
// Redis intset.
//
// Format (all little-endian):
//   offset 0  u32  bytes per number: 2, 4 or 8
//   offset 4  u32  number of numbers
//   offset 8  the numbers, signed, ascending, none twice
// The width only ever grows: the first number that does not fit widens them all (it then belongs at one of the two ends).

using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Shoal.Store.Values;

/// <summary>Operations on intset bytes. The caller provides room: see <see cref="BytesAfterAdd"/>.</summary>
public static unsafe class IntSet
{
    public const int HeaderBytes = 8;

    public static int WriteEmpty(byte* set)
    {
        Unsafe.WriteUnaligned(set, 2);
        Unsafe.WriteUnaligned(set + 4, 0);
        return HeaderBytes;
    }

    public static int Width(byte* set) => Unsafe.ReadUnaligned<int>(set);

    public static int Count(byte* set) => Unsafe.ReadUnaligned<int>(set + 4);

    public static int TotalBytes(byte* set) => HeaderBytes + Width(set) * Count(set);

    public static long At(byte* set, int index) => At(set, index, Width(set));

    /// <summary>True when present; <paramref name="index"/> is its place, or the place where it would go.</summary>
    public static bool Find(byte* set, long value, out int index)
    {
        int width = Width(set), low = 0, high = Count(set) - 1;
        if (WidthOf(value) > width) { index = value < 0 ? 0 : high + 1; return false; }
        // Numbers often arrive ascending: look past the end first.
        if (high < 0 || value > At(set, high, width)) { index = high + 1; return false; }
        while (low <= high)
        {
            int middle = (int)((uint)(low + high) >> 1);
            long found = At(set, middle, width);
            if (found == value) { index = middle; return true; }
            if (found < value) low = middle + 1; else high = middle - 1;
        }
        index = low;
        return false;
    }

    /// <summary>Total bytes once <paramref name="value"/>, now absent, has been added.</summary>
    public static long BytesAfterAdd(byte* set, long value) =>
        HeaderBytes + (long)Math.Max(Width(set), WidthOf(value)) * (Count(set) + 1);

    /// <summary>Adds an absent value at the place <see cref="Find"/> named; memory must hold <see cref="BytesAfterAdd"/> bytes.</summary>
    public static void Add(byte* set, long value, int index)
    {
        int count = Count(set), width = Width(set), wide = WidthOf(value);
        if (wide > width)
        {
            int shift = value < 0 ? 1 : 0;
            for (int i = count - 1; i >= 0; i--) Put(set, i + shift, wide, At(set, i, width));
            Unsafe.WriteUnaligned(set, wide);
            width = wide;
            index = value < 0 ? 0 : count;
        }
        else
        {
            byte* at = set + HeaderBytes + (long)index * width;
            long tail = (long)(count - index) * width;
            Buffer.MemoryCopy(at, at + width, tail, tail);
        }
        Put(set, index, width, value);
        Unsafe.WriteUnaligned(set + 4, count + 1);
    }

    /// <summary>Removes the number at <paramref name="index"/>; the set is then <see cref="TotalBytes"/> long.</summary>
    public static void RemoveAt(byte* set, int index)
    {
        int count = Count(set), width = Width(set);
        byte* at = set + HeaderBytes + (long)index * width;
        long tail = (long)(count - index - 1) * width;
        Buffer.MemoryCopy(at + width, at, tail, tail);
        Unsafe.WriteUnaligned(set + 4, count - 1);
    }

    /// <summary>True when <paramref name="bytes"/> is exactly one well-formed, ascending integer set.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes) return false;
        uint width = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        if (width is not (2 or 4 or 8) || HeaderBytes + (ulong)width * count != (ulong)bytes.Length) return false;
        fixed (byte* set = bytes)
            for (int i = 1; i < count; i++)
                if (At(set, i - 1, (int)width) >= At(set, i, (int)width)) return false;
        return true;
    }

    private static int WidthOf(long value) =>
        value is >= short.MinValue and <= short.MaxValue ? 2 : value is >= int.MinValue and <= int.MaxValue ? 4 : 8;

    private static long At(byte* set, int index, int width)
    {
        byte* p = set + HeaderBytes + (long)index * width;
        return width switch
        {
            2 => Unsafe.ReadUnaligned<short>(p),
            4 => Unsafe.ReadUnaligned<int>(p),
            _ => Unsafe.ReadUnaligned<long>(p),
        };
    }

    private static void Put(byte* set, int index, int width, long value)
    {
        byte* p = set + HeaderBytes + (long)index * width;
        switch (width)
        {
            case 2: Unsafe.WriteUnaligned(p, (short)value); break;
            case 4: Unsafe.WriteUnaligned(p, (int)value); break;
            default: Unsafe.WriteUnaligned(p, value); break;
        }
    }
}
