// Why: integer sets go to Redis byte for byte; widening is the one delicate move.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed unsafe class IntSetTests
{
    private readonly byte[] _memory = new byte[1 << 16];

    [Fact]
    public void Bytes_are_those_of_the_format()
    {
        fixed (byte* set = _memory)
        {
            IntSet.WriteEmpty(set);
            foreach (long value in new long[] { 5, -3, 300 }) AddNew(set, value);
            Assert.Equal("0200000003000000FDFF05002C01", Convert.ToHexString(_memory, 0, IntSet.TotalBytes(set)));
            AddNew(set, 70000);
            Assert.Equal("0400000004000000FDFFFFFF050000002C01000070110100", Convert.ToHexString(_memory, 0, IntSet.TotalBytes(set)));
        }
    }

    [Theory]
    [InlineData(1, 40000)]
    [InlineData(2, 3000000000)]
    [InlineData(3, long.MaxValue)]
    public void Random_adds_and_removes_agree_with_a_sorted_set(int seed, long span)
    {
        var random = new Random(seed);
        var model = new SortedSet<long>();
        fixed (byte* set = _memory)
        {
            IntSet.WriteEmpty(set);
            for (int step = 0; step < 4000; step++)
            {
                long range = step < 1000 ? 1000 : span;
                long value = random.Next(3) == 0 && model.Count > 0 ? model.ElementAt(random.Next(model.Count)) : random.NextInt64(-range, range);
                bool present = IntSet.Find(set, value, out int index);
                Assert.Equal(model.Contains(value), present);
                if (!present) { IntSet.Add(set, value, index); model.Add(value); }
                else if (random.Next(2) == 0) { IntSet.RemoveAt(set, index); model.Remove(value); }
                Assert.Equal(model.Count, IntSet.Count(set));
                if (step % 100 == 0)
                {
                    Assert.Equal(model, Enumerable.Range(0, IntSet.Count(set)).Select(i => At(i)));
                    Assert.True(IntSet.IsValid(_memory.AsSpan(0, IntSet.TotalBytes(set))));
                }
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("02000000")]
    [InlineData("0300000000000000")]
    [InlineData("02000000020000000100")]
    [InlineData("020000000200000001000100")]
    [InlineData("020000000200000002000100")]
    [InlineData("02000000FFFFFFFF01000200")]
    public void Malformed_bytes_are_refused(string hex) => Assert.False(IntSet.IsValid(Convert.FromHexString(hex)));

    private long At(int index)
    {
        fixed (byte* set = _memory) return IntSet.At(set, index);
    }

    private static void AddNew(byte* set, long value)
    {
        Assert.False(IntSet.Find(set, value, out int index));
        IntSet.Add(set, value, index);
    }
}
