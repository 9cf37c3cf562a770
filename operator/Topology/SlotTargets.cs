// How many slots each shard should own: even to within one, and chosen so that getting there moves as few as possible.
// The odd slots stay with the shards that own most already; ties go by position, so the answer is the same every time.
// It is also stable under way: every slot moved towards the targets shortens the rest of the way by exactly one.
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Topology;

/// <summary>Target slot counts.</summary>
public static class SlotTargets
{
    /// <summary>
    /// Targets for shards that own <paramref name="counts"/> slots now; shards marked in <paramref name="leaving"/> get none.
    /// The targets sum to the slots owned.
    /// </summary>
    public static int[] For(IReadOnlyList<int> counts, IReadOnlyList<bool>? leaving = null)
    {
        var staying = Enumerable.Range(0, counts.Count).Where(i => leaving?[i] != true).ToList();
        var targets = new int[counts.Count];
        if (staying.Count == 0)
        {
            return targets;
        }

        var (each, odd) = Math.DivRem(counts.Sum(), staying.Count);
        foreach (var (shard, rank) in staying.OrderByDescending(i => counts[i]).ThenBy(i => i).Select((shard, rank) => (shard, rank)))
        {
            targets[shard] = each + (rank < odd ? 1 : 0);
        }

        return targets;
    }

    /// <summary>Slots that must move to reach <paramref name="targets"/>: the sum of what is owned above target.</summary>
    public static int Distance(IReadOnlyList<int> counts, IReadOnlyList<int> targets) =>
        counts.Zip(targets, (have, want) => Math.Max(0, have - want)).Sum();

    /// <summary>The first even spread over <paramref name="shards"/> shards, as contiguous ranges: what a new cluster starts with.</summary>
    public static IReadOnlyList<SlotRange> Initial(int shards)
    {
        var ranges = new SlotRange[shards];
        var start = 0;
        var (each, odd) = Math.DivRem(HashSlot.Count, shards);
        for (var i = 0; i < shards; i++)
        {
            var count = each + (i < odd ? 1 : 0);
            ranges[i] = new SlotRange(start, start + count - 1);
            start += count;
        }

        return ranges;
    }
}
