// The rule that maps a key to one of the cluster's 16384 slots: CRC16 of the key, or of its hash tag, modulo 16384.
// Every client computes the same number, so the rule may never drift: HashSlotTests pins published vectors.
namespace Shoal.Protocol.Slots;

/// <summary>Key to slot, as Redis Cluster defines it.</summary>
public static class HashSlot
{
    /// <summary>Number of slots in a cluster.</summary>
    public const int Count = 16384;

    private static readonly ushort[] Table = BuildTable();

    /// <summary>The slot of a key. When the key holds a non-empty <c>{tag}</c> (first brace pair), only the tag counts.</summary>
    public static int Of(ReadOnlySpan<byte> key)
    {
        return Crc16(TagOf(key)) & (Count - 1);
    }

    /// <summary>The bytes that decide the slot: the text between the first '{' and the next '}', or the whole key.</summary>
    public static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key)
    {
        int open = key.IndexOf((byte)'{');
        if (open < 0) return key;
        var rest = key[(open + 1)..];
        int close = rest.IndexOf((byte)'}');
        return close <= 0 ? key : rest[..close];
    }

    /// <summary>CRC16-CCITT (XMODEM): polynomial 0x1021, initial value 0, nothing reflected.</summary>
    public static ushort Crc16(ReadOnlySpan<byte> bytes)
    {
        int crc = 0;
        var table = Table;
        foreach (byte b in bytes) crc = ((crc << 8) ^ table[((crc >> 8) ^ b) & 0xff]) & 0xffff;
        return (ushort)crc;
    }

    private static ushort[] BuildTable()
    {
        var table = new ushort[256];
        for (int i = 0; i < 256; i++)
        {
            int crc = i << 8;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
            table[i] = (ushort)crc;
        }
        return table;
    }
}
