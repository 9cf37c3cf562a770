// Why: a stream must behave as a sorted list of entries, its groups as dictionaries of who has what, through every form its
// packs take, in a copy as in the original, and leave nothing behind.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class StreamValueTests : IDisposable
{
    private readonly ValueFixture _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1, 100, 4096)]
    [InlineData(2, 3, 0)]
    [InlineData(3, 0, 200)]
    [InlineData(4, 7, 64)]
    public void Random_operations_agree_with_a_list(int seed, int nodeEntries, int nodeBytes)
    {
        (_store.Limits.StreamNodeEntries, _store.Limits.StreamNodeBytes) = (nodeEntries, nodeBytes);
        var random = new Random(seed);
        var model = new SortedList<StreamId, string[]>();
        StreamValue.Create(_store.Keys, "s"u8, 0);
        ulong ms = 1;
        for (int step = 0; step < 6000; step++)
        {
            var e = _store.Find("s");
            ref var s = ref StreamValue.Header(e);
            if (random.Next(10) < 6)
            {
                var id = random.Next(2) == 0 ? new StreamId(ms += (ulong)random.Next(1, 300), (ulong)random.Next(4))
                    : s.LastId.TryNext(out var next) ? next : default;
                var words = Words(random);
                StreamValue.Append(_store.Keys, e, id, new Pairs(words));
                model.Add(id, words);
                Assert.Equal(id, s.LastId);
            }
            else if (random.Next(4) > 0)
            {
                var id = model.Count > 0 && random.Next(5) > 0 ? model.Keys[random.Next(model.Count)] : new StreamId((ulong)random.Next(5000), 0);
                Assert.Equal(model.Remove(id), StreamValue.Remove(_store.Keys, e, id));
                StreamValue.SettleFirst(_store.Keys, e);
            }
            else Trim(random, e, model);
            Assert.Equal(model.Count, s.Length);
            Assert.Equal(model.Count == 0 ? StreamId.Zero : model.Keys[0], s.FirstId);
            if (step % 100 == 0) AssertSame(random, e, model);
        }
        AssertSame(random, _store.Find("s"), model);
        AssertPacksAreSound(_store.Find("s"));
        _store.AssertNothingLeft("s");
    }

    [Fact]
    public void Groups_agree_with_dictionaries_and_a_copy_lives_on_its_own()
    {
        var random = new Random(7);
        var e = StreamValue.Create(_store.Keys, "s"u8, 0);
        var group = StreamGroups.Add(_store.Keys, e, "g"u8, default, 0);
        StreamGroups.Add(_store.Keys, e, "empty"u8, new StreamId(5, 5), -1);
        var model = new SortedList<StreamId, (string Consumer, long Deliveries)>();
        for (int step = 0; step < 20000; step++)
        {
            var id = new StreamId((ulong)random.Next(3000), (ulong)random.Next(2));
            string name = "c" + random.Next(12);
            if (random.Next(300) == 0 && group.Consumer(ValueFixture.Bytes(name)) is { Exists: true } old)
            {
                group.RemoveConsumer(old);
                foreach (var mine in model.Where(p => p.Value.Consumer == name).Select(p => p.Key).ToList()) model.Remove(mine);
            }
            else if (random.Next(3) > 0)
            {
                var consumer = group.Consumer(ValueFixture.Bytes(name));
                if (!consumer.Exists) consumer = group.AddConsumer(ValueFixture.Bytes(name), step);
                group.Assign(id, consumer).Deliveries = step;
                model[id] = (name, step);
            }
            else Assert.Equal(model.Remove(id), group.Acknowledge(id));
        }
        AssertSame(model, group);
        _store.Keys.Duplicate(_store.Find("s"), _store.Keys, "copy"u8, 0);
        _store.Keys.Remove("s"u8, 0);
        var copy = StreamGroups.Find(_store.Keys, _store.Find("copy"), "g"u8);
        AssertSame(model, copy);
        Assert.Equal(new StreamId(5, 5), StreamGroups.Find(_store.Keys, _store.Find("copy"), "empty"u8).LastId);
        StreamGroups.Remove(_store.Keys, _store.Find("copy"), copy);
        _store.AssertNothingLeft("copy");
    }

    [Fact]
    public void Memory_is_counted_to_the_byte()
    {
        using var plain = new ValueFixture(checkedArena: false);
        var p = StreamValue.Create(plain.Keys, "s"u8, 0);
        long start = plain.Databases.Arena.UsedBytes - plain.Keys.Bytes(p);
        var group = StreamGroups.Add(plain.Keys, p, "g"u8, default, 0);
        for (int i = 0; i < 1000; i++)
        {
            var id = new StreamId((ulong)i + 1, 0);
            StreamValue.Append(plain.Keys, p, id, new Pairs(["temperature", "21.5"]));
            var name = ValueFixture.Bytes("c" + i % 5);
            group.Assign(id, group.Consumer(name) is { Exists: true } known ? known : group.AddConsumer(name, 0));
        }
        Assert.Equal(plain.Databases.Arena.UsedBytes - start, plain.Keys.Bytes(plain.Find("s")));
    }

    // What `XADD s 1-1 f v` and `XADD s 2-2 f 7` make of a stream's first listpack in Redis 7.0 (taken from its DUMP).
    [Fact]
    public void Golden_bytes_of_a_pack()
    {
        var e = StreamValue.Create(_store.Keys, "s"u8, 0);
        StreamValue.Append(_store.Keys, e, new StreamId(1, 1), new Pairs(["f", "v"]));
        StreamValue.Append(_store.Keys, e, new StreamId(2, 2), new Pairs(["f", "7"]));
        var packs = StreamValue.Packs(_store.Keys, e);
        Assert.True(packs.MoveNext());
        Assert.Equal(new StreamId(1, 1), packs.Master);
        Assert.Equal("270000000F000201000101018166020001020100010001817602040102010101010107010401FF", Convert.ToHexString(packs.Bytes));
    }

    private void Trim(Random random, in EntryRef e, SortedList<StreamId, string[]> model)
    {
        bool byLength = random.Next(2) == 0, about = random.Next(2) == 0;
        long keep = model.Count - random.Next(30);
        var min = model.Count == 0 ? StreamId.Zero : model.Keys[random.Next(Math.Min(model.Count, 30))];
        long limit = about ? random.Next(20) : 0;
        long removed = StreamTrim.Run(_store.Keys, e, new TrimRule(byLength, Math.Max(keep, 0), min, about, limit));
        int most = byLength ? model.Count - (int)Math.Max(keep, 0) : model.Keys.Count(k => k < min);
        if (about) Assert.InRange(removed, 0, limit > 0 ? Math.Min(limit, most) : most);
        else Assert.Equal(most, removed);
        for (; removed > 0; removed--) model.RemoveAt(0);
    }

    private void AssertPacksAreSound(in EntryRef e)
    {
        foreach (var pack in StreamValue.Packs(_store.Keys, e))
        {
            Assert.True(StreamPackCheck.IsValid(pack.Bytes));
            byte[] broken = pack.Bytes.ToArray();
            broken[^2]++;
            Assert.False(StreamPackCheck.IsValid(broken));
        }
    }

    private void AssertSame(Random random, in EntryRef e, SortedList<StreamId, string[]> model)
    {
        AssertRange(e, model, StreamId.Zero, StreamId.Max);
        for (int i = 0; i < 5 && model.Count > 0; i++)
        {
            var a = model.Keys[random.Next(model.Count)];
            var b = new StreamId(a.Ms + (ulong)random.Next(2000), (ulong)random.Next(3));
            AssertRange(e, model, a, b);
            AssertRange(e, model, b, a);
        }
    }

    private void AssertRange(in EntryRef e, SortedList<StreamId, string[]> model, StreamId from, StreamId to)
    {
        var expected = model.Where(p => p.Key >= from && p.Key <= to).Select(p => $"{p.Key.Ms}-{p.Key.Seq}:{string.Join(',', p.Value)}").ToList();
        Assert.Equal(expected, Texts(StreamValue.Range(_store.Keys, e, from, to, down: false)));
        expected.Reverse();
        Assert.Equal(expected, Texts(StreamValue.Range(_store.Keys, e, from, to, down: true)));
    }

    private static List<string> Texts(StreamCursor walk)
    {
        var texts = new List<string>();
        while (walk.MoveNext())
        {
            var words = new List<string>();
            foreach (var field in walk.Fields) words.AddRange([ValueFixture.Text(field.Name), ValueFixture.Text(field.Value)]);
            Assert.Equal(walk.FieldCount * 2, words.Count);
            texts.Add($"{walk.Id.Ms}-{walk.Id.Seq}:{string.Join(',', words)}");
        }
        return texts;
    }

    private static void AssertSame(SortedList<StreamId, (string Consumer, long Deliveries)> model, StreamGroup group)
    {
        Assert.Equal(model.Count, group.PendingCount);
        int i = 0;
        foreach (var pending in group.PendingFrom(StreamId.Zero))
        {
            Assert.Equal(model.Keys[i], pending.Id);
            Assert.Equal(model.Values[i++], (System.Text.Encoding.ASCII.GetString(pending.Entry.Consumer.Name), pending.Entry.Deliveries));
        }
        foreach (var consumer in group.OrderedConsumers())
        {
            string name = System.Text.Encoding.ASCII.GetString(consumer.Name);
            var mine = model.Where(p => p.Value.Consumer == name).Select(p => p.Key).ToList();
            var seen = new List<StreamId>();
            foreach (var pending in consumer.PendingFrom(StreamId.Zero)) seen.Add(pending.Id);
            Assert.Equal(mine, seen);
        }
    }

    private static string[] Words(Random random)
    {
        string[] names = random.Next(3) > 0 ? ["a", "b", "12"] : ["b", "x"];
        var words = new string[2 * random.Next(1, names.Length + 1)];
        for (int i = 0; i < words.Length; i += 2) (words[i], words[i + 1]) = (names[i / 2], PackedListTests.RandomText(random));
        return words;
    }

    private readonly struct Pairs(string[] words) : IFieldSource
    {
        public int Count => words.Length / 2;

        public ReadOnlySpan<byte> Name(int i) => ValueFixture.Bytes(words[i * 2]);

        public ReadOnlySpan<byte> Value(int i) => ValueFixture.Bytes(words[i * 2 + 1]);
    }
}
