// Which slots to move next: bounded moves from shards above their target to shards below it, never more than needed, the
// same plan from the same view. Counts decide how many, bytes decide which: of the runs a source could give, the one whose
// bytes come closest to what the target should gain, so that memory evens out together with slots.
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Topology;

/// <summary>A shard as the balancer sees it.</summary>
/// <param name="NodeId">Its primary.</param>
/// <param name="Slots">What it owns, moves under way counted as done.</param>
/// <param name="IsLeaving">It is to own nothing.</param>
/// <param name="CanReceive">Its primary and replicas are ready to take slots.</param>
/// <param name="IsBusy">It is source or target of a move under way.</param>
public sealed record ShardLoad(string NodeId, SlotSet Slots, bool IsLeaving = false, bool CanReceive = true, bool IsBusy = false);

/// <summary>Slots to move from one shard's primary to another's; indexes are positions in the list given.</summary>
public sealed record SlotMove(int Source, int Target, SlotSet Slots);

/// <summary>Plans moves.</summary>
public static class SlotBalancer
{
    /// <summary>
    /// Up to <paramref name="maxMoves"/> moves of at most <paramref name="batchSlots"/> slots; none when every shard is at its
    /// target. <paramref name="slotBytes"/> may be null (bytes unknown: runs are taken from the low end).
    /// </summary>
    public static IReadOnlyList<SlotMove> Next(
        IReadOnlyList<ShardLoad> shards, IReadOnlyList<long>? slotBytes, int batchSlots, int maxMoves)
    {
        var counts = shards.Select(s => s.Slots.Count).ToArray();
        var targets = SlotTargets.For(counts, [.. shards.Select(s => s.IsLeaving)]);
        var byteTarget = slotBytes is null ? 0 : slotBytes.Sum() / Math.Max(1, shards.Count(s => !s.IsLeaving));
        var sources = Enumerable.Range(0, shards.Count).Where(i => counts[i] > targets[i] && !shards[i].IsBusy)
            .OrderByDescending(i => shards[i].IsLeaving).ThenByDescending(i => counts[i] - targets[i]).ThenBy(i => i);
        var sinks = Enumerable.Range(0, shards.Count)
            .Where(i => counts[i] < targets[i] && !shards[i].IsBusy && shards[i].CanReceive && !shards[i].IsLeaving)
            .OrderByDescending(i => targets[i] - counts[i]).ThenBy(i => i);
        var moves = new List<SlotMove>();
        foreach (var (source, sink) in sources.Zip(sinks).Take(maxMoves))
        {
            var deficit = targets[sink] - counts[sink];
            var size = Math.Min(batchSlots, Math.Min(counts[source] - targets[source], deficit));
            var wantedBytes = 0.0;
            if (slotBytes is not null)
            {
                var missing = Math.Max(0, byteTarget - shards[sink].Slots.Sum(s => slotBytes[s]));
                wantedBytes = (double)missing / deficit * size;
            }

            moves.Add(new SlotMove(source, sink, Run(shards[source].Slots, size, slotBytes, wantedBytes)));
        }

        return moves;
    }

    /// <summary>The run of <paramref name="size"/> consecutive owned slots whose bytes are nearest to <paramref name="wanted"/>.</summary>
    private static SlotSet Run(SlotSet owned, int size, IReadOnlyList<long>? slotBytes, double wanted)
    {
        var slots = owned.ToArray();
        var best = 0;
        if (slotBytes is not null)
        {
            var bytes = 0L;
            var bestGap = double.MaxValue;
            for (var end = 0; end < slots.Length; end++)
            {
                bytes += slotBytes[slots[end]];
                var start = end - size + 1;
                if (start < 0)
                {
                    continue;
                }

                // Runs that begin on a multiple of the size keep the ranges of a node few; the last run is the one exception.
                if ((start % size == 0 || end == slots.Length - 1) && Math.Abs(bytes - wanted) < bestGap)
                {
                    bestGap = Math.Abs(bytes - wanted);
                    best = start;
                }

                bytes -= slotBytes[slots[start]];
            }
        }

        return SlotSet.OfSlots(slots.AsSpan(best, size).ToArray());
    }
}
