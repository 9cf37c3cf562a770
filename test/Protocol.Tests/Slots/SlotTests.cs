// Slot arithmetic: published CRC16 vectors, the hash-tag rule, ranges and sets.
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Slots;

namespace Shoal.Protocol.Tests.Slots;

public sealed class SlotTests
{
    [Theory]
    [InlineData("123456789", 0x31C3)]
    [InlineData("", 0)]
    public void Crc16MatchesTheXmodemVectors(string text, int crc) => Assert.Equal(crc, HashSlot.Crc16(Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData("foo", 12182)]
    [InlineData("bar", 5061)]
    [InlineData("hello", 866)]
    [InlineData("{user1000}.following", 3443)]
    [InlineData("{user1000}.followers", 3443)]
    [InlineData("user1000", 3443)]
    [InlineData("", 0)]
    public void SlotsMatchRedis(string key, int slot) => Assert.Equal(slot, HashSlot.Of(Encoding.UTF8.GetBytes(key)));

    [Theory]
    [InlineData("foo{}{bar}", "foo{}{bar}")]
    [InlineData("foo{{bar}}zap", "{bar")]
    [InlineData("foo{bar}{zap}", "bar")]
    [InlineData("foo{bar", "foo{bar")]
    [InlineData("}{a}", "a")]
    public void OnlyTheFirstNonEmptyTagCounts(string key, string tag) =>
        Assert.Equal(tag, Encoding.UTF8.GetString(HashSlot.TagOf(Encoding.UTF8.GetBytes(key))));

    [Theory]
    [InlineData("0-5460", true)]
    [InlineData("7", true)]
    [InlineData("16383", true)]
    [InlineData("16384", false)]
    [InlineData("5-2", false)]
    [InlineData("-1", false)]
    [InlineData("a-b", false)]
    [InlineData("", false)]
    [InlineData("1-", false)]
    public void RangesParseOrAreRefused(string text, bool valid)
    {
        Assert.Equal(valid, SlotRange.TryParse(text, out var range));
        if (valid) Assert.Equal(text, range.ToString());
    }

    [Fact]
    public void SetsKeepTheBusBitOrder()
    {
        var set = SlotSet.OfSlots([0, 9, 16383]);
        var bitmap = new byte[SlotSet.ByteCount];
        set.CopyTo(bitmap);
        Assert.Equal(1, bitmap[0]);
        Assert.Equal(2, bitmap[1]);
        Assert.Equal(0x80, bitmap[2047]);
        Assert.Equal(set, SlotSet.FromBitmap(bitmap));
        Assert.Equal("0 9 16383", set.ToString());
        Assert.Equal(16384, SlotSet.All.Count);
    }

    [Fact]
    public void SetAlgebraAgreesWithAModel()
    {
        var slots = Gen.Choose(0, 16383).ListOf().Select(l => l.ToHashSet());
        Prop.ForAll(slots.ToArbitrary(), slots.ToArbitrary(), (a, b) =>
        {
            var x = SlotSet.OfSlots(a);
            var y = SlotSet.OfSlots(b);
            return x.Union(y).SequenceEqual(a.Union(b).Order())
                && x.Except(y).SequenceEqual(a.Except(b).Order())
                && x.Intersect(y).SequenceEqual(a.Intersect(b).Order())
                && x.Overlaps(y) == a.Overlaps(b)
                && (x.IsEmpty || SlotSet.Of(x.Ranges()).Equals(x))
                && x.Count == a.Count;
        }).QuickCheckThrowOnFailure();
    }
}
