// The checksum at the end of RDB files and DUMP payloads: CRC-64 with Jones's polynomial, reflected, no initial value and
// no final xor (check value of "123456789": e9c6d914c4b8d9ca). Eight bytes per step through eight tables (Intel's slicing-by-8).
using System.Buffers.Binary;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>CRC-64/Jones, incremental: feed the last result back in.</summary>
public static class Crc64
{
    private const ulong ReflectedPolynomial = 0x95AC9329AC4BC9B5; // 0xad93d23594c935a9, bits reversed

    private static readonly ulong[] Tables = Build();

    public static ulong Append(ulong crc, ReadOnlySpan<byte> bytes)
    {
        var t = Tables;
        while (bytes.Length >= 8)
        {
            crc ^= BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            crc = t[0x700 + (int)(crc & 0xff)] ^ t[0x600 + (int)((crc >> 8) & 0xff)]
                ^ t[0x500 + (int)((crc >> 16) & 0xff)] ^ t[0x400 + (int)((crc >> 24) & 0xff)]
                ^ t[0x300 + (int)((crc >> 32) & 0xff)] ^ t[0x200 + (int)((crc >> 40) & 0xff)]
                ^ t[0x100 + (int)((crc >> 48) & 0xff)] ^ t[(int)(crc >> 56)];
            bytes = bytes[8..];
        }
        foreach (byte b in bytes) crc = t[(int)((crc ^ b) & 0xff)] ^ (crc >> 8);
        return crc;
    }

    private static ulong[] Build()
    {
        var tables = new ulong[8 * 256];
        for (int i = 0; i < 256; i++)
        {
            ulong crc = (ulong)i;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ ReflectedPolynomial : crc >> 1;
            tables[i] = crc;
        }
        for (int i = 256; i < tables.Length; i++)
        {
            ulong before = tables[i - 256];
            tables[i] = tables[(int)(before & 0xff)] ^ (before >> 8);
        }
        return tables;
    }
}
