// Slots: even to within one, with exactly the minimum moved, from any start, one bounded move at a time.
using FsCheck;
using FsCheck.Fluent;
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Topology;

public sealed class SlotBalancerTests
{
    [Fact]
    public void Three_shards_to_five_moves_6553_slots_and_back_moves_as_many()
    {
        var shards = SlotTargets.Initial(3).Select(r => SlotSet.Of(r)).Concat([SlotSet.Empty, SlotSet.Empty]).ToList();
        Assert.Equal([5462, 5461, 5461], shards.Take(3).Select(s => s.Count));
        Assert.Equal(6553, Balance(shards, [false, false, false, false, false], 64, 2));
        Assert.Equal([3276, 3277, 3277, 3277, 3277], shards.Select(s => s.Count).Order());
        Assert.Equal(shards[3].Count + shards[4].Count, Balance(shards, [false, false, false, true, true], 256, 2));
        Assert.Equal([5461, 5461, 5462], shards.Take(3).Select(s => s.Count).Order());
    }

    [Fact]
    public void From_any_start_the_minimum_moves_and_the_end_is_even()
    {
        var starts = from owners in Gen.Choose(0, 9).ArrayOf(40)
                     from leaving in Gen.Elements(false, false, false, true).ArrayOf(10)
                     from batch in Gen.Choose(1, 700)
                     from moves in Gen.Choose(1, 4)
                     select (owners, leaving, batch, moves);
        Prop.ForAll(starts.ToArbitrary(), start =>
        {
            var (owners, leaving, batch, moves) = start;
            leaving[0] = false;
            // 40 chunks of slots dealt to ten shards: uneven, fragmented, some shards empty
            var shards = Enumerable.Range(0, 10).Select(i => SlotSet.OfSlots(
                Enumerable.Range(0, HashSlot.Count).Where(s => owners[s * 40 / HashSlot.Count] == i))).ToList();
            var counts = shards.Select(s => s.Count).ToArray();
            var least = SlotTargets.Distance(counts, SlotTargets.For(counts, leaving));
            Assert.Equal(least, Balance(shards, leaving, batch, moves));
            var staying = shards.Where((_, i) => !leaving[i]).Select(s => s.Count).ToList();
            Assert.InRange(staying.Max() - staying.Min(), 0, 1);
            Assert.Equal(HashSlot.Count, staying.Sum());
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Equal_views_give_equal_plans()
    {
        var shards = SlotTargets.Initial(3).Select(r => SlotSet.Of(r)).Concat([SlotSet.Empty]).Select((s, i) => new ShardLoad("n" + i, s)).ToList();
        var bytes = Enumerable.Range(0, HashSlot.Count).Select(i => (long)(i * 7919 % 1000)).ToArray();
        Assert.Equal(
            SlotBalancer.Next(shards, bytes, 64, 3).Select(m => (m.Source, m.Target, m.Slots)),
            SlotBalancer.Next(shards, [.. bytes], 64, 3).Select(m => (m.Source, m.Target, m.Slots)));
    }

    [Fact]
    public void Bytes_even_out_together_with_slots()
    {
        // Half of every shard is empty, half is full: counts alone would hand out the empty half first.
        var bytes = Enumerable.Range(0, HashSlot.Count).Select(i => i % 5461 < 2700 ? 0L : 1000L).ToArray();
        var shards = SlotTargets.Initial(3).Select(r => SlotSet.Of(r)).Concat([SlotSet.Empty]).ToList();
        Balance(shards, [false, false, false, false], 64, 1, bytes);
        var held = shards.Select(s => s.Sum(x => bytes[x])).ToList();
        Assert.InRange(held[3], held.Sum() / 4 * 0.8, held.Sum() / 4 * 1.2);
    }

    [Fact]
    public void A_shard_that_is_busy_or_not_ready_gets_nothing()
    {
        var full = SlotSet.All;
        Assert.Empty(SlotBalancer.Next([new("a", full), new("b", SlotSet.Empty, CanReceive: false)], null, 64, 2));
        Assert.Empty(SlotBalancer.Next([new("a", full, IsBusy: true), new("b", SlotSet.Empty)], null, 64, 2));
        Assert.Single(SlotBalancer.Next([new("a", full), new("b", SlotSet.Empty, CanReceive: false), new("c", SlotSet.Empty)], null, 64, 2));
    }

    private static int Balance(List<SlotSet> shards, bool[] leaving, int batch, int moves, long[]? bytes = null)
    {
        var moved = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var plan = SlotBalancer.Next([.. shards.Select((s, i) => new ShardLoad("n" + i, s, leaving[i]))], bytes, batch, moves);
            if (plan.Count == 0)
            {
                return moved;
            }

            Assert.Equal(plan.Count, plan.Select(m => m.Source).Distinct().Count());
            Assert.Equal(plan.Count, plan.Select(m => m.Target).Distinct().Count());
            foreach (var move in plan)
            {
                Assert.InRange(move.Slots.Count, 1, batch);
                Assert.True(move.Slots.Except(shards[move.Source]).IsEmpty);
                shards[move.Source] = shards[move.Source].Except(move.Slots);
                shards[move.Target] = shards[move.Target].Union(move.Slots);
                moved += move.Slots.Count;
            }
        }

        throw new InvalidOperationException("balancing does not end");
    }
}
