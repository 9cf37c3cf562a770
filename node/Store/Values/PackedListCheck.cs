// Why: RESTORE, RDB files and full sync hand us packed lists written by others. Everything else reads them without a single
// bounds check, so nothing gets past this door that is not a well-formed list.

using System.Buffers.Binary;

namespace Shoal.Store.Values;

/// <summary>Validates packed list bytes from outside.</summary>
public static unsafe class PackedListCheck
{
    /// <summary>
    /// True when <paramref name="bytes"/> is exactly one well-formed packed list: length, count, every encoding, every back
    /// length and the end byte agree. <paramref name="count"/> is its number of elements.
    /// </summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes, out int count)
    {
        count = 0;
        if (bytes.Length < PackedList.EmptyBytes) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != (uint)bytes.Length || bytes[^1] != 0xFF) return false;
        int end = bytes.Length - 1;
        int at = PackedList.HeaderBytes;
        byte* expected = stackalloc byte[5];
        fixed (byte* list = bytes)
        {
            while (at < end)
            {
                if (!ElementFits(bytes, at, end, out int body)) return false;
                int back = PackedList.BackLengthSize(body);
                PackedList.WriteBackLength(expected, body);
                if (!new ReadOnlySpan<byte>(expected, back).SequenceEqual(new ReadOnlySpan<byte>(list + at + body, back))) return false;
                at += body + back;
                count++;
            }
        }
        int stored = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
        return at == end && (stored == ushort.MaxValue || stored == count);
    }

    private static bool ElementFits(ReadOnlySpan<byte> bytes, int at, int end, out int body)
    {
        body = 0;
        byte head = bytes[at];
        if (head > 0xF4) return false;
        int headBytes = head == 0xF0 ? 5 : head is >= 0xE0 and < 0xF0 ? 2 : 1;
        if (end - at < headBytes) return false;
        long size = head switch
        {
            < 0x80 => 1,
            < 0xC0 => 1 + (head & 0x3F),
            < 0xE0 => 2,
            < 0xF0 => 2 + (((head & 0x0F) << 8) | bytes[at + 1]),
            0xF0 => 5L + BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 1)..]),
            0xF1 => 3,
            0xF2 => 4,
            0xF3 => 5,
            _ => 9,
        };
        if (size > end - at) return false;
        body = (int)size;
        return size + PackedList.BackLengthSize(body) <= end - at;
    }
}
