using System.Text;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Tests.Persistence;

public class LzfTests
{
    [Theory]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("abcabcabcabcabcabcabcabcabcabc")]
    [InlineData("the quick brown fox jumps over the lazy dog, the quick brown fox jumps over the lazy dog")]
    public void What_repeats_gets_smaller_and_comes_back(string text)
    {
        var from = Encoding.ASCII.GetBytes(text);
        var into = new byte[from.Length];
        int length = Lzf.Compress(from, into, new int[Lzf.WorkEntries]);
        Assert.InRange(length, 1, from.Length - 1);
        var back = new byte[from.Length];
        Assert.True(Lzf.TryDecompress(into.AsSpan(0, length), back));
        Assert.Equal(from, back);
    }

    [Fact]
    public void Anything_that_compresses_comes_back()
    {
        var random = new Random(7);
        var work = new int[Lzf.WorkEntries];
        for (int round = 0; round < 3000; round++)
        {
            var from = new byte[random.Next(0, round % 10 == 0 ? 40_000 : 300)];
            int alphabet = random.Next(1, 20);
            for (int i = 0; i < from.Length; i++) from[i] = (byte)random.Next(alphabet);
            var into = new byte[from.Length + 8];
            int length = Lzf.Compress(from, into, work);
            if (length == 0) continue;
            var back = new byte[from.Length];
            Assert.True(Lzf.TryDecompress(into.AsSpan(0, length), back));
            Assert.Equal(from, back);
        }
    }

    [Fact]
    public void What_does_not_compress_is_left_alone()
    {
        var noise = new byte[200];
        new Random(3).NextBytes(noise);
        Assert.Equal(0, Lzf.Compress(noise, new byte[196], new int[Lzf.WorkEntries]));
    }

    [Fact]
    public void Broken_input_is_refused_and_harms_nothing()
    {
        var random = new Random(11);
        for (int round = 0; round < 20_000; round++)
        {
            var from = new byte[random.Next(1, 30)];
            random.NextBytes(from);
            Lzf.TryDecompress(from, new byte[random.Next(0, 60)]);
        }
        Assert.False(Lzf.TryDecompress([0x20, 0x00], new byte[3]));
        Assert.False(Lzf.TryDecompress([0x05, 1, 2], new byte[6]));
    }
}
