// Whether the shards that stay can hold the data of all: asked before the first slot of a scale-in moves.
namespace Shoal.Operator.Topology;

/// <summary>The memory of one shard.</summary>
/// <param name="UsedBytes">Data its primary holds.</param>
/// <param name="MaxBytes">Its maxmemory; 0 = no limit.</param>
/// <param name="IsLeaving">It is to be removed.</param>
public readonly record struct ShardMemory(long UsedBytes, long MaxBytes, bool IsLeaving);

/// <summary>The outcome of the check.</summary>
/// <param name="Fits">The scale-in may begin.</param>
/// <param name="ProjectedBytes">Data per remaining shard afterwards.</param>
/// <param name="AllowedBytes">How much of it a shard may hold.</param>
public readonly record struct DrainCheck(bool Fits, long ProjectedBytes, long AllowedBytes);

/// <summary>Capacity check of a scale-in.</summary>
public static class DrainPlan
{
    /// <summary>
    /// Data spreads evenly, so each remaining shard will hold its share of the whole, or what it holds now if that is more.
    /// It fits when no share exceeds <paramref name="maxPercent"/> of that shard's maxmemory.
    /// </summary>
    public static DrainCheck Check(IReadOnlyList<ShardMemory> shards, int maxPercent)
    {
        var staying = shards.Where(s => !s.IsLeaving).ToList();
        if (staying.Count == 0 || shards.All(s => !s.IsLeaving))
        {
            return new DrainCheck(true, 0, long.MaxValue);
        }

        var share = shards.Sum(s => s.UsedBytes) / staying.Count;
        foreach (var shard in staying.Where(s => s.MaxBytes > 0).OrderBy(s => s.MaxBytes))
        {
            var allowed = (long)(shard.MaxBytes * (maxPercent / 100.0));
            if (share > allowed)
            {
                return new DrainCheck(false, share, allowed);
            }
        }

        return new DrainCheck(true, share, staying.Where(s => s.MaxBytes > 0).Select(s => (long)(s.MaxBytes * (maxPercent / 100.0))).DefaultIfEmpty(long.MaxValue).Min());
    }
}
