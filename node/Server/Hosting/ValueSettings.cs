// Conversion thresholds of collections: redis.conf names (and their old ziplist names) to the store's limits.
using Shoal.Store.Values;

namespace Shoal.Server.Hosting;

internal static class ValueSettings
{
    public static void Register(NodeConfig config, Func<ValueLimits?> limits)
    {
        void Row(string name, string? old, long value, long min, Action<ValueLimits, int> set, bool memory = false)
        {
            config.Register(new LongSetting(name, value, min, int.MaxValue, memory: memory, apply: v =>
            {
                if (limits() is { } target) set(target, (int)v);
                return null;
            }));
            if (old is not null) config.Alias(old, name);
        }

        var d = new ValueLimits();
        Row("hash-max-listpack-entries", "hash-max-ziplist-entries", d.HashEntries, 0, (l, v) => l.HashEntries = v);
        Row("hash-max-listpack-value", "hash-max-ziplist-value", d.HashValue, 0, (l, v) => l.HashValue = v, memory: true);
        Row("set-max-intset-entries", null, d.IntSetEntries, 0, (l, v) => l.IntSetEntries = v);
        Row("set-max-listpack-entries", null, d.SetEntries, 0, (l, v) => l.SetEntries = v);
        Row("set-max-listpack-value", null, d.SetValue, 0, (l, v) => l.SetValue = v, memory: true);
        Row("zset-max-listpack-entries", "zset-max-ziplist-entries", d.SortedSetEntries, 0, (l, v) => l.SortedSetEntries = v);
        Row("zset-max-listpack-value", "zset-max-ziplist-value", d.SortedSetValue, 0, (l, v) => l.SortedSetValue = v, memory: true);
        Row("hll-sparse-max-bytes", null, d.SparseHyperLogLog, 0, (l, v) => l.SparseHyperLogLog = v, memory: true);
        Row("list-max-listpack-size", "list-max-ziplist-size", d.ListSize, int.MinValue, (l, v) => l.ListSize = v);
        Row("stream-node-max-bytes", null, d.StreamNodeBytes, 0, (l, v) => l.StreamNodeBytes = v, memory: true);
        Row("stream-node-max-entries", null, d.StreamNodeEntries, 0, (l, v) => l.StreamNodeEntries = v);
    }
}
