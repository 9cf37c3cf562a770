// Why: a sorted set must give the same order, ranks and ranges as a plain sorted list, packed or as a tree of any height.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class SortedSetValueTests : IDisposable
{
    private readonly ValueFixture _store = new();
    private readonly Dictionary<string, double> _model = [];

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1, 60, 10)]
    [InlineData(2, 60, 1_000_000)]
    [InlineData(3, 3000, 1)]
    [InlineData(4, 3000, 40)]
    [InlineData(5, 20000, 1_000_000)]
    public void Random_operations_agree_with_a_sorted_list(int seed, int members, int scores)
    {
        var random = new Random(seed);
        for (int step = 0; step < 30000; step++)
        {
            string member = "m" + random.Next(members);
            double score = random.Next(8) == 0 ? random.Next(scores) + 0.5 : random.Next(scores) - scores / 2;
            var e = _store.Find("z");
            Assert.Equal(_model.Count > 0, e.Exists);
            bool shrinking = step % 10000 > 7000;
            if (random.Next(10) < (shrinking ? 8 : 3) && e.Exists)
            {
                if (shrinking && random.Next(100) == 0) RemoveSomeRanks(random, ref e);
                else Assert.Equal(_model.Remove(member), SortedSetValue.Remove(_store.Keys, ref e, ValueFixture.Bytes(member)));
                if (SortedSetValue.Count(e) == 0) _store.Keys.Remove("z"u8, 0);
            }
            else
            {
                var expected = !_model.TryGetValue(member, out double old) ? ScoreChange.Added
                    : old == score ? ScoreChange.Unchanged : ScoreChange.Updated;
                if (!e.Exists) SortedSetValue.Create(_store.Keys, "z"u8, 0, ValueFixture.Bytes(member), score);
                else Assert.Equal(expected, SortedSetValue.Set(_store.Keys, ref e, ValueFixture.Bytes(member), score));
                _model[member] = score;
            }
            if (step % 1500 == 0) AssertSame(random, _store.Find("z"));
        }
        AssertSame(random, _store.Find("z"));
        _store.AssertNothingLeft("z");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ordered_loads_pack_tightly_and_drain_to_nothing(bool ascending)
    {
        const int count = 50_000;
        var e = SortedSetValue.Create(_store.Keys, "z"u8, 0, "m"u8, ascending ? -1 : count);
        for (int i = 0; i < count; i++)
            SortedSetValue.Set(_store.Keys, ref e, ValueFixture.Bytes("m" + i), ascending ? i : count - 1 - i);
        long tree = _store.Keys.Bytes(e);
        Assert.InRange(tree / count, 30, 62);
        Assert.Equal(count / 2, SortedSetValue.Rank(_store.Keys, e, ValueFixture.Bytes("m" + (count / 2 - 1)), out _));
        while (SortedSetValue.Count(e) > 0) SortedSetValue.RemoveRanks(_store.Keys, ref e, 0, Math.Min(1000, SortedSetValue.Count(e)));
        _store.AssertNothingLeft("z");
    }

    [Fact]
    public void Lexicographic_ranges_agree_with_the_order_of_bytes()
    {
        foreach (int count in new[] { 20, 1000 })
        {
            var e = SortedSetValue.Create(_store.Keys, "z"u8, 0, "k0"u8, 0);
            for (int i = 1; i < count; i++) SortedSetValue.Set(_store.Keys, ref e, ValueFixture.Bytes("k" + i), 0);
            var order = Enumerable.Range(0, count).Select(i => "k" + i).Order(StringComparer.Ordinal).ToList();
            foreach (var (min, max) in new[] { ("-", "+"), ("[k1", "[k3"), ("(k1", "(k19"), ("[k5", "+"), ("-", "(k2"), ("[x", "+"), ("[k3", "[k1"), ("+", "-") })
            {
                Assert.True(LexRange.TryParse(ValueFixture.Bytes(min), ValueFixture.Bytes(max), out var range));
                SortedSetValue.Ranks(_store.Keys, e, range, out long first, out long end);
                var expected = order.Where(m => In(m, min, max)).ToList();
                Assert.Equal(expected.Count, end - first);
                if (expected.Count > 0) Assert.Equal(order.IndexOf(expected[0]), first);
            }
            _store.AssertNothingLeft("z");
        }
    }

    [Fact]
    public void Packed_bytes_load_when_in_order_and_are_refused_otherwise()
    {
        var e = SortedSetValue.Create(_store.Keys, "a"u8, 0, "x"u8, 1.5);
        SortedSetValue.Set(_store.Keys, ref e, "y"u8, -2);
        SortedSetValue.Set(_store.Keys, ref e, "17"u8, 1.5);
        byte[] bytes = e.Value.ToArray();
        Assert.True(SortedSetValue.TryFromPacked(_store.Keys, "b"u8, 0, bytes, out var copy));
        Assert.Equal(bytes, copy.Value.ToArray());
        _store.Limits.SortedSetEntries = 2;
        Assert.True(SortedSetValue.TryFromPacked(_store.Keys, "c"u8, 0, bytes, out var tree));
        Assert.Equal(Encoding.Tree, tree.Encoding);
        Assert.Equal(1, SortedSetValue.Rank(_store.Keys, tree, "17"u8, out double score));
        Assert.Equal(1.5, score);
        byte[] swapped = new byte[64];
        foreach (var bad in new[] { new[] { "x", "2", "y", "1" }, ["x", "no"], ["x"], ["x", "1", "x", "1"] })
        {
            int length = Pack(swapped, bad);
            Assert.False(SortedSetValue.TryFromPacked(_store.Keys, "d"u8, 0, swapped.AsSpan(0, length), out _));
        }
        _store.AssertNothingLeft("a", "b", "c");
    }

    [Fact]
    public void A_copy_of_a_tree_lives_on_its_own()
    {
        var e = SortedSetValue.Create(_store.Keys, "a"u8, 0, "m0"u8, 0);
        for (int i = 1; i < 700; i++) SortedSetValue.Set(_store.Keys, ref e, ValueFixture.Bytes("m" + i), i % 50);
        var order = Order(e);
        _store.Keys.Duplicate(e, _store.Keys, "b"u8, 0);
        _store.Keys.Remove("a"u8, 0);
        Assert.Equal(order, Order(_store.Find("b")));
        _store.AssertNothingLeft("b");
    }

    private static unsafe int Pack(byte[] into, string[] texts)
    {
        fixed (byte* list = into)
        {
            PackedList.WriteEmpty(list);
            foreach (string text in texts) PackedEdit.Append(list, new Piece(ValueFixture.Bytes(text)));
            return PackedList.TotalBytes(list);
        }
    }

    private static bool In(string member, string min, string max)
    {
        bool above = min == "-" || (min[0] == '[' && string.CompareOrdinal(member, min[1..]) >= 0) || (min[0] == '(' && string.CompareOrdinal(member, min[1..]) > 0);
        bool below = max == "+" || (max[0] == '[' && string.CompareOrdinal(member, max[1..]) <= 0) || (max[0] == '(' && string.CompareOrdinal(member, max[1..]) < 0);
        return above && below;
    }

    private void RemoveSomeRanks(Random random, ref EntryRef e)
    {
        int first = random.Next(_model.Count), count = Math.Min(random.Next(1, 200), _model.Count - first);
        foreach (string gone in Sorted().Skip(first).Take(count).Select(p => p.Key).ToList()) _model.Remove(gone);
        SortedSetValue.RemoveRanks(_store.Keys, ref e, first, count);
    }

    private List<KeyValuePair<string, double>> Sorted() =>
        [.. _model.OrderBy(p => p.Value).ThenBy(p => p.Key, StringComparer.Ordinal)];

    private List<(string, double)> Order(EntryRef e)
    {
        var all = new List<(string, double)>();
        foreach (var here in SortedSetValue.Enumerate(_store.Keys, e)) all.Add((ValueFixture.Text(here.Member), here.Score));
        return all;
    }

    private void AssertSame(Random random, EntryRef e)
    {
        Assert.Equal(_model.Count > 0, e.Exists);
        if (!e.Exists) return;
        var expected = Sorted().Select(p => (p.Key, p.Value)).ToList();
        Assert.Equal(expected.Count, SortedSetValue.Count(e));
        Assert.Equal(expected, Order(e));
        var down = new List<(string, double)>();
        int from = random.Next(expected.Count);
        foreach (var here in SortedSetValue.EnumerateFrom(_store.Keys, e, from, true)) down.Add((ValueFixture.Text(here.Member), here.Score));
        Assert.Equal(Enumerable.Reverse(expected.Take(from + 1)), down);
        for (int i = 0; i < 50; i++)
        {
            int rank = random.Next(expected.Count);
            Assert.Equal(rank, SortedSetValue.Rank(_store.Keys, e, ValueFixture.Bytes(expected[rank].Key), out double score));
            Assert.Equal(expected[rank].Value, score);
            double a = expected[random.Next(expected.Count)].Value, b = expected[random.Next(expected.Count)].Value;
            var range = new ScoreRange(a, b, random.Next(2) == 0, random.Next(2) == 0);
            SortedSetValue.Ranks(_store.Keys, e, range, out long first, out long end);
            Assert.Equal(expected.Count(p => range.Contains(p.Value)), end - first);
            if (end > first) Assert.Equal(expected.FindIndex(p => range.Contains(p.Value)), first);
        }
    }
}
