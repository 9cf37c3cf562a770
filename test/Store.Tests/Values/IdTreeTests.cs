// Why: streams, groups and consumers all stand on this tree; it must behave as a sorted dictionary at every size and shape.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class IdTreeTests : IDisposable
{
    private readonly Arena _arena = new(new ArenaOptions { ReserveBytes = 1L << 30, Checked = true });

    public void Dispose() => _arena.Dispose();

    [Theory]
    [InlineData(1, 30, 0.5)]
    [InlineData(2, 700, 0.5)]
    [InlineData(3, 60000, 0.7)]
    [InlineData(4, 60000, 0.45)]
    public void Random_operations_agree_with_a_sorted_dictionary(int seed, int range, double insertChance)
    {
        var random = new Random(seed);
        var model = new SortedList<StreamId, long>();
        long used = _arena.UsedBytes;
        IdTreeHeader tree = default;
        for (int step = 0; step < 30000; step++)
        {
            var id = new StreamId((ulong)random.Next(range), (ulong)random.Next(3));
            if (random.NextDouble() < (step % 10000 > 7000 ? 1 - insertChance : insertChance))
                Assert.Equal(model.TryAdd(id, step + 1), IdTree.Insert(_arena, ref tree, id, step + 1));
            else
                Assert.Equal(model.Remove(id), IdTree.Remove(_arena, ref tree, id));
            Assert.Equal(model.Count, tree.Count);
            Assert.Equal(model.GetValueOrDefault(id), IdTree.Find(_arena, tree, id));
            if (step % 500 == 0) AssertSame(model, tree, random, range);
        }
        AssertSame(model, tree, random, range);
        IdTree.Free(_arena, ref tree);
        Assert.Equal(used, _arena.UsedBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_queue_leaves_full_nodes_behind_and_nothing_at_the_end(bool fromTheFront)
    {
        IdTreeHeader tree = default;
        for (int i = 0; i < 20000; i++) IdTree.Insert(_arena, ref tree, new StreamId((ulong)i, 0), i + 1);
        Assert.InRange(tree.NodeBytes, 20000 * 24, 20000 * 28);
        for (int i = 0; i < 20000; i++)
            Assert.True(IdTree.Remove(_arena, ref tree, new StreamId((ulong)(fromTheFront ? i : 19999 - i), 0)));
        Assert.Equal(0, tree.NodeBytes);
        Assert.True(IdTree.First(_arena, tree).IsNone);
    }

    private void AssertSame(SortedList<StreamId, long> model, IdTreeHeader tree, Random random, int range)
    {
        int i = 0;
        for (var at = IdTree.First(_arena, tree); !at.IsNone; at = IdTree.Next(_arena, at), i++)
            Assert.Equal((model.Keys[i], model.Values[i]), (IdTree.IdAt(_arena, at), IdTree.ValueAt(_arena, at)));
        Assert.Equal(model.Count, i);
        for (var at = IdTree.Last(_arena, tree); !at.IsNone; at = IdTree.Previous(_arena, at))
            Assert.Equal(model.Keys[--i], IdTree.IdAt(_arena, at));
        Assert.Equal(0, i);
        for (int n = 0; n < 20; n++)
        {
            var id = new StreamId((ulong)random.Next(range), 1);
            var floor = IdTree.Floor(_arena, tree, id);
            var ceiling = IdTree.Ceiling(_arena, tree, id);
            Assert.Equal(model.Keys.Where(k => k <= id).LastOrDefault(StreamId.Max), floor.IsNone ? StreamId.Max : IdTree.IdAt(_arena, floor));
            Assert.Equal(model.Keys.Where(k => k >= id).FirstOrDefault(StreamId.Max), ceiling.IsNone ? StreamId.Max : IdTree.IdAt(_arena, ceiling));
        }
    }
}
