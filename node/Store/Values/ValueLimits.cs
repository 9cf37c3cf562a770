// Why: up to which size a collection stays one packed run of bytes. Names, meaning and defaults are those of redis.conf.

namespace Shoal.Store.Values;

/// <summary>Conversion thresholds; CONFIG SET changes them for values that grow from then on.</summary>
public sealed class ValueLimits
{
    /// <summary>hash-max-listpack-entries: fields.</summary>
    public int HashEntries { get; set; } = 128;

    /// <summary>hash-max-listpack-value: bytes of a field or value.</summary>
    public int HashValue { get; set; } = 64;

    /// <summary>set-max-intset-entries: members.</summary>
    public int IntSetEntries { get; set; } = 512;

    /// <summary>set-max-listpack-entries: members.</summary>
    public int SetEntries { get; set; } = 128;

    /// <summary>set-max-listpack-value: bytes of a member.</summary>
    public int SetValue { get; set; } = 64;

    /// <summary>zset-max-listpack-entries: members.</summary>
    public int SortedSetEntries { get; set; } = 128;

    /// <summary>zset-max-listpack-value: bytes of a member.</summary>
    public int SortedSetValue { get; set; } = 64;

    /// <summary>list-max-listpack-size: elements per pack when positive; -1 to -5 = 4, 8, 16, 32, 64 KB per pack.</summary>
    public int ListSize { get; set; } = -2;

    /// <summary>stream-node-max-bytes: bytes of a stream's pack, 0 = as many as one may have at all.</summary>
    public long StreamNodeBytes { get; set; } = 4096;

    /// <summary>stream-node-max-entries: entries of a stream's pack, 0 = any number.</summary>
    public long StreamNodeEntries { get; set; } = 100;

    /// <summary>Bytes a pack of a stream may reach.</summary>
    internal long StreamPackBytes => StreamNodeBytes is > 0 and < StreamValue.LargestEntry ? StreamNodeBytes : StreamValue.LargestEntry;

    /// <summary>hll-sparse-max-bytes: bytes of a sparse HyperLogLog, header included.</summary>
    public int SparseHyperLogLog { get; set; } = 3000;

    /// <summary>Bytes a pack of a list may reach.</summary>
    internal int ListPackBytes => ListSize >= 0 ? 8192 : 2048 << Math.Min(-ListSize, 5);

    /// <summary>True when a pack of a list may hold that much.</summary>
    internal bool ListPackFits(long bytes, long elements) =>
        bytes <= ListPackBytes && (ListSize < 0 || elements <= Math.Max(ListSize, 1));
}
