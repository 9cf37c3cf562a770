// Why: a hash must behave as a dictionary through every form it takes, and leave nothing behind.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class HashValueTests : IDisposable
{
    private readonly ValueFixture _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 300)]
    [InlineData(3, 5000)]
    public void Random_operations_agree_with_a_dictionary(int seed, int fields)
    {
        var random = new Random(seed);
        var model = new Dictionary<string, string>();
        for (int step = 0; step < 12000; step++)
        {
            string field = "f" + random.Next(fields), value = PackedListTests.RandomText(random);
            var e = _store.Find("h");
            Assert.Equal(model.Count > 0, e.Exists);
            if (random.Next(step % 4000 > 3000 ? 10 : 3) > 1 && e.Exists)
            {
                Assert.Equal(model.Remove(field), HashValue.Remove(_store.Keys, ref e, ValueFixture.Bytes(field)));
                if (HashValue.Count(e) == 0) _store.Keys.Remove("h"u8, 0);
            }
            else
            {
                bool added = !model.ContainsKey(field);
                if (!e.Exists) HashValue.Create(_store.Keys, "h"u8, 0, ValueFixture.Bytes(field), ValueFixture.Bytes(value));
                else Assert.Equal(added, HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes(field), ValueFixture.Bytes(value)));
                model[field] = value;
            }
            if (step % 200 == 0) AssertSame(model, _store.Find("h"));
        }
        AssertSame(model, _store.Find("h"));
        _store.AssertNothingLeft("h");
    }

    [Fact]
    public void Turns_into_a_table_at_the_limits_and_not_before()
    {
        var e = HashValue.Create(_store.Keys, "h"u8, 0, "f0"u8, "v"u8);
        for (int i = 1; i < 128; i++) HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes("f" + i), new byte[64]);
        Assert.Equal(Encoding.PackedList, e.Encoding);
        HashValue.Set(_store.Keys, ref e, "f128"u8, "v"u8);
        Assert.Equal(Encoding.Table, e.Encoding);
        Assert.Equal(129, HashValue.Count(e));

        var wide = HashValue.Create(_store.Keys, "w"u8, 0, "f"u8, "v"u8);
        HashValue.Set(_store.Keys, ref wide, "f"u8, new byte[65]);
        Assert.Equal(Encoding.Table, wide.Encoding);
        var born = HashValue.Create(_store.Keys, "b"u8, 0, new byte[65], "v"u8);
        Assert.Equal(Encoding.Table, born.Encoding);
        _store.AssertNothingLeft("h", "w", "b");
    }

    [Fact]
    public void Packed_bytes_load_and_big_ones_become_a_table()
    {
        var e = HashValue.Create(_store.Keys, "a"u8, 0, "f"u8, "1"u8);
        for (int i = 0; i < 20; i++) HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes("g" + i), ValueFixture.Bytes(i.ToString()));
        byte[] bytes = e.Value.ToArray();
        var copy = HashValue.FromPacked(_store.Keys, "b"u8, 0, bytes);
        Assert.Equal(bytes, copy.Value.ToArray());
        _store.Limits.HashEntries = 4;
        var big = HashValue.FromPacked(_store.Keys, "c"u8, 0, bytes);
        Assert.Equal(Encoding.Table, big.Encoding);
        Assert.Equal(21, HashValue.Count(big));
        Assert.True(HashValue.TryGet(_store.Keys, big, "g7"u8, out var value));
        Assert.Equal("7", ValueFixture.Text(value));
        _store.AssertNothingLeft("a", "b", "c");
    }

    [Fact]
    public void Random_fields_are_fields_and_all_of_them_come_up()
    {
        foreach (int count in new[] { 5, 200 })
        {
            var e = HashValue.Create(_store.Keys, "h"u8, 0, "f0"u8, "v0"u8);
            for (int i = 1; i < count; i++) HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes("f" + i), ValueFixture.Bytes("v" + i));
            var random = new SmallRandom(5);
            var seen = new HashSet<string>();
            for (int i = 0; i < count * 30; i++)
            {
                HashValue.Random(_store.Keys, e, ref random, out var field, out var value);
                Assert.Equal(ValueFixture.Text(field)[1..], ValueFixture.Text(value)[1..]);
                seen.Add(ValueFixture.Text(field));
            }
            Assert.Equal(count, seen.Count);
            _store.AssertNothingLeft("h");
        }
    }

    [Fact]
    public void A_copy_lives_on_its_own()
    {
        var e = HashValue.Create(_store.Keys, "a"u8, 0, "f0"u8, "v0"u8);
        for (int i = 1; i < 300; i++) HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes("f" + i), ValueFixture.Bytes("v" + i));
        _store.Keys.Duplicate(e, _store.Keys, "b"u8, 0);
        _store.Keys.Remove("a"u8, 0);
        var copy = _store.Find("b");
        Assert.Equal(300, HashValue.Count(copy));
        Assert.True(HashValue.TryGet(_store.Keys, copy, "f299"u8, out var value));
        Assert.Equal("v299", ValueFixture.Text(value));
        _store.AssertNothingLeft("b");
    }

    private void AssertSame(Dictionary<string, string> model, EntryRef e)
    {
        Assert.Equal(model.Count > 0, e.Exists);
        if (!e.Exists) return;
        Assert.Equal(model.Count, HashValue.Count(e));
        var all = new Dictionary<string, string>();
        foreach (var here in HashValue.Enumerate(_store.Keys, e)) all.Add(ValueFixture.Text(here.Field), ValueFixture.Text(here.Value));
        Assert.Equal(model.OrderBy(p => p.Key, StringComparer.Ordinal), all.OrderBy(p => p.Key, StringComparer.Ordinal));
        foreach (var (field, value) in model)
        {
            Assert.True(HashValue.TryGet(_store.Keys, e, ValueFixture.Bytes(field), out var found));
            Assert.Equal(value, ValueFixture.Text(found));
        }
    }
}
