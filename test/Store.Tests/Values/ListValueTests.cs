// Why: a list must behave as a plain list through packed list, chain of packs and back.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class ListValueTests : IDisposable
{
    private readonly ValueFixture _store = new();
    private readonly List<string> _model = [];

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1, -2)]
    [InlineData(2, -1)]
    [InlineData(3, 5)]
    [InlineData(4, 1)]
    [InlineData(5, -2)]
    public void Random_operations_agree_with_a_plain_list(int seed, int size)
    {
        _store.Limits.ListSize = size;
        var random = new Random(seed);
        for (int step = 0; step < 12000; step++)
        {
            var e = _store.Find("l");
            Assert.Equal(_model.Count > 0, e.Exists);
            if (!e.Exists)
            {
                string first = Text(random);
                ListValue.Create(_store.Keys, "l"u8, 0, ValueFixture.Bytes(first));
                _model.Add(first);
                continue;
            }
            bool shrinking = step % 4000 > 2800;
            if (random.Next(10) < (shrinking ? 7 : 2)) RemoveSome(random, ref e);
            else AddSome(random, ref e);
            if (e.Exists && _model.Count == 0) _store.Keys.Remove("l"u8, 0);
            if (step % 200 == 0) AssertSame(random, _store.Find("l"));
        }
        AssertSame(random, _store.Find("l"));
        _store.AssertNothingLeft("l");
    }

    [Fact]
    public void Becomes_a_chain_beyond_8_KB_and_turns_back_at_half()
    {
        var e = ListValue.Create(_store.Keys, "l"u8, 0, new byte[100]);
        while (e.ValueLength + 103 <= 8192) ListValue.PushTail(_store.Keys, ref e, new byte[100]);
        Assert.Equal(Encoding.PackedList, e.Encoding);
        ListValue.PushTail(_store.Keys, ref e, new byte[100]);
        Assert.Equal(Encoding.LinkedPacks, e.Encoding);
        long count = ListValue.Count(e);
        ListValue.RemoveRange(_store.Keys, ref e, 0, count / 2);
        Assert.Equal(Encoding.LinkedPacks, e.Encoding);
        ListValue.RemoveRange(_store.Keys, ref e, 0, 3);
        Assert.Equal(Encoding.PackedList, e.Encoding);
        Assert.Equal(count - count / 2 - 3, ListValue.Count(e));
        _store.AssertNothingLeft("l");
    }

    [Fact]
    public void A_queue_keeps_its_memory_flat()
    {
        var e = ListValue.Create(_store.Keys, "l"u8, 0, new byte[50]);
        for (int i = 0; i < 2000; i++) ListValue.PushTail(_store.Keys, ref e, new byte[50]);
        long bytes = _store.Keys.Bytes(e);
        for (int i = 0; i < 20000; i++)
        {
            ListValue.PushTail(_store.Keys, ref e, new byte[50]);
            ListValue.RemoveRange(_store.Keys, ref e, 0, 1);
        }
        Assert.InRange(_store.Keys.Bytes(e), bytes / 2, bytes + 20000);
        Assert.Equal(2001, ListValue.Count(e));
        _store.AssertNothingLeft("l");
    }

    [Fact]
    public void Packs_come_out_and_go_in_again()
    {
        var e = ListValue.Create(_store.Keys, "a"u8, 0, "0"u8);
        for (int i = 1; i < 6000; i++) ListValue.PushTail(_store.Keys, ref e, ValueFixture.Bytes("element " + i));
        var packs = new List<byte[]>();
        foreach (var pack in ListValue.Packs(_store.Keys, e)) packs.Add(pack.ToArray());
        Assert.True(packs.Count > 5);
        Assert.All(packs, p => Assert.True(PackedListCheck.IsValid(p, out _)));
        var copy = ListValue.FromPacked(_store.Keys, "b"u8, 0, packs[0]);
        foreach (var pack in packs.Skip(1)) ListValue.AppendPacked(_store.Keys, ref copy, pack);
        Assert.Equal(6000, ListValue.Count(copy));
        Assert.True(ListValue.TryGet(_store.Keys, copy, 5999, out var last));
        Assert.Equal("element 5999", ValueFixture.Text(last));
        _store.Keys.Duplicate(copy, _store.Keys, "c"u8, 0);
        _store.Keys.Remove("b"u8, 0);
        Assert.Equal(6000, ListValue.Count(_store.Find("c")));
        _store.AssertNothingLeft("a", "c");
    }

    private static string Text(Random random) =>
        random.Next(600) == 0 ? new string('x', random.Next(3000, 20000)) : PackedListTests.RandomText(random);

    private void AddSome(Random random, ref EntryRef e)
    {
        string text = Text(random);
        int index = random.Next(_model.Count);
        switch (random.Next(5))
        {
            case 0: ListValue.PushHead(_store.Keys, ref e, ValueFixture.Bytes(text)); _model.Insert(0, text); break;
            case 1 or 2: ListValue.PushTail(_store.Keys, ref e, ValueFixture.Bytes(text)); _model.Add(text); break;
            case 3: ListValue.Set(_store.Keys, ref e, index, ValueFixture.Bytes(text)); _model[index] = text; break;
            default:
                bool after = random.Next(2) == 0;
                string pivot = _model[index];
                Assert.True(ListValue.Insert(_store.Keys, ref e, ValueFixture.Bytes(pivot), after, ValueFixture.Bytes(text)));
                _model.Insert(_model.IndexOf(pivot) + (after ? 1 : 0), text);
                break;
        }
        Assert.False(ListValue.Insert(_store.Keys, ref e, "nowhere to be found"u8, false, "x"u8));
    }

    private void RemoveSome(Random random, ref EntryRef e)
    {
        int index = random.Next(_model.Count);
        if (random.Next(3) == 0)
        {
            bool fromTail = random.Next(2) == 0;
            string text = _model[index];
            int limit = random.Next(1, 5), removed = 0;
            for (int i = fromTail ? _model.Count - 1 : 0; removed < limit && i >= 0 && i < _model.Count;)
            {
                if (_model[i] == text) { _model.RemoveAt(i); removed++; if (fromTail) i--; }
                else i += fromTail ? -1 : 1;
            }
            Assert.Equal(removed, ListValue.RemoveEqual(_store.Keys, ref e, ValueFixture.Bytes(text), limit, fromTail));
            return;
        }
        int many = random.Next(20) == 0 ? random.Next(1, 300) : 1;
        int count = Math.Min(many, _model.Count - index);
        _model.RemoveRange(index, count);
        ListValue.RemoveRange(_store.Keys, ref e, index, count);
    }

    private void AssertSame(Random random, EntryRef e)
    {
        Assert.Equal(_model.Count > 0, e.Exists);
        if (!e.Exists) return;
        Assert.Equal(_model.Count, ListValue.Count(e));
        var all = new List<string>();
        foreach (var here in ListValue.Enumerate(_store.Keys, e)) all.Add(ValueFixture.Text(here.Element));
        Assert.Equal(_model, all);
        Assert.Equal(_model[0], ValueFixture.Text(ListValue.Peek(_store.Keys, e, true)));
        Assert.Equal(_model[^1], ValueFixture.Text(ListValue.Peek(_store.Keys, e, false)));
        int from = random.Next(_model.Count);
        all.Clear();
        foreach (var here in ListValue.EnumerateFrom(_store.Keys, e, from, true)) all.Add(ValueFixture.Text(here.Element));
        Assert.Equal(Enumerable.Reverse(_model.Take(from + 1)), all);
        Assert.True(ListValue.TryGet(_store.Keys, e, from, out var one));
        Assert.Equal(_model[from], ValueFixture.Text(one));
        Assert.False(ListValue.TryGet(_store.Keys, e, _model.Count, out _));
    }
}
