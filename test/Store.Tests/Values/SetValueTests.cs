// Why: a set must behave as a HashSet through intset, packed list and table.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class SetValueTests : IDisposable
{
    private readonly ValueFixture _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1, 100, false)]
    [InlineData(2, 1200, false)]
    [InlineData(3, 100, true)]
    [InlineData(4, 3000, true)]
    public void Random_operations_agree_with_a_hash_set(int seed, int members, bool words)
    {
        var random = new Random(seed);
        var model = new HashSet<string>();
        for (int step = 0; step < 8000; step++)
        {
            string member = words && random.Next(20) == 0 ? "w" + random.Next(members) : (random.Next(members) * 37L - 500).ToString();
            if (words && random.Next(500) == 0) member = new string('m', 70) + random.Next(3);
            var e = _store.Find("s");
            Assert.Equal(model.Count > 0, e.Exists);
            if (random.Next(step % 3000 > 2200 ? 10 : 3) > 1 && e.Exists)
            {
                Assert.Equal(model.Remove(member), SetValue.Remove(_store.Keys, ref e, ValueFixture.Bytes(member)));
                if (SetValue.Count(e) == 0) _store.Keys.Remove("s"u8, 0);
            }
            else if (e.Exists) Assert.Equal(model.Add(member), SetValue.Add(_store.Keys, ref e, ValueFixture.Bytes(member)));
            else
            {
                SetValue.Create(_store.Keys, "s"u8, 0, ValueFixture.Bytes(member));
                model.Add(member);
            }
            if (step % 200 == 0) AssertSame(model, _store.Find("s"));
        }
        AssertSame(model, _store.Find("s"));
        _store.AssertNothingLeft("s");
    }

    [Fact]
    public void Changes_form_where_Redis_does()
    {
        var e = SetValue.Create(_store.Keys, "s"u8, 0, "1"u8);
        Assert.Equal(Encoding.IntSet, e.Encoding);
        for (int i = 2; i <= 100; i++) SetValue.Add(_store.Keys, ref e, ValueFixture.Bytes(i.ToString()));
        SetValue.Add(_store.Keys, ref e, "word"u8);
        Assert.Equal(Encoding.PackedList, e.Encoding);
        for (int i = 101; i <= 127; i++) SetValue.Add(_store.Keys, ref e, ValueFixture.Bytes(i.ToString()));
        Assert.Equal(Encoding.PackedList, e.Encoding);
        SetValue.Add(_store.Keys, ref e, "128"u8);
        Assert.Equal(Encoding.Table, e.Encoding);

        var numbers = SetValue.Create(_store.Keys, "n"u8, 0, "1"u8);
        for (int i = 2; i <= 512; i++) SetValue.Add(_store.Keys, ref numbers, ValueFixture.Bytes(i.ToString()));
        Assert.Equal(Encoding.IntSet, numbers.Encoding);
        SetValue.Add(_store.Keys, ref numbers, "513"u8);
        Assert.Equal(Encoding.Table, numbers.Encoding);
        Assert.Equal(513, SetValue.Count(numbers));

        var wide = SetValue.Create(_store.Keys, "w"u8, 0, new byte[65]);
        Assert.Equal(Encoding.Table, wide.Encoding);
        _store.AssertNothingLeft("s", "n", "w");
    }

    [Fact]
    public void Random_members_are_members_in_every_form()
    {
        foreach (var (count, prefix) in new[] { (50, ""), (50, "m"), (400, "m") })
        {
            var e = SetValue.Create(_store.Keys, "s"u8, 0, ValueFixture.Bytes(prefix + 0));
            for (int i = 1; i < count; i++) SetValue.Add(_store.Keys, ref e, ValueFixture.Bytes(prefix + i));
            var random = new SmallRandom(3);
            var seen = new HashSet<string>();
            for (int i = 0; i < count * 30; i++) seen.Add(ValueFixture.Text(SetValue.Random(_store.Keys, e, ref random)));
            Assert.Equal(count, seen.Count);
            Assert.All(seen, m => Assert.True(SetValue.Contains(_store.Keys, _store.Find("s"), ValueFixture.Bytes(m))));
            _store.AssertNothingLeft("s");
        }
    }

    private void AssertSame(HashSet<string> model, EntryRef e)
    {
        Assert.Equal(model.Count > 0, e.Exists);
        if (!e.Exists) return;
        Assert.Equal(model.Count, SetValue.Count(e));
        var all = new List<string>();
        foreach (var member in SetValue.Enumerate(_store.Keys, e)) all.Add(ValueFixture.Text(member));
        Assert.Equal(model.Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        foreach (string member in model) Assert.True(SetValue.Contains(_store.Keys, e, ValueFixture.Bytes(member)));
    }
}
