using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Tests.Persistence;

public class SnapshotPrimitiveTests
{
    // Golden bytes: these are on disks all over the world.
    [Theory]
    [InlineData(0L, "00")]
    [InlineData(63L, "3F")]
    [InlineData(64L, "4040")]
    [InlineData(16383L, "7FFF")]
    [InlineData(16384L, "8000004000")]
    [InlineData(4294967295L, "80FFFFFFFF")]
    [InlineData(4294967296L, "810000000100000000")]
    public void Lengths_have_Redis_s_bytes(long length, string hex)
    {
        Assert.Equal(hex, Encode(e => e.Length(length)));
        Assert.Equal(length, Decoder(hex).Length());
    }

    [Theory]
    [InlineData("abc", "03616263")]
    [InlineData("", "00")]
    [InlineData("12", "C00C")]
    [InlineData("-1", "C0FF")]
    [InlineData("300", "C12C01")]
    [InlineData("-32768", "C10080")]
    [InlineData("70000", "C270110100")]
    [InlineData("2147483648", "0A32313437343833363438")]
    [InlineData("007", "03303037")]
    [InlineData("-0", "022D30")]
    [InlineData("+5", "022B35")]
    [InlineData(" 5", "022035")]
    public void Strings_have_Redis_s_bytes(string text, string hex)
    {
        Assert.Equal(hex, Encode(e => e.String(Encoding.ASCII.GetBytes(text))));
        Assert.Equal(text, Encoding.ASCII.GetString(Decoder(hex).String()));
    }

    [Fact]
    public void A_long_repetitive_string_is_compressed_and_comes_back()
    {
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("shoal of fish ", 50)));
        string hex = Encode(e => e.String(text));
        Assert.StartsWith("C3", hex);
        Assert.InRange(hex.Length / 2, 10, 100);
        Assert.Equal(text, Decoder(hex).String().ToArray());
        var skipped = Decoder(hex);
        skipped.SkipString();
        Assert.True(skipped.AtEnd);
    }

    [Theory]
    [InlineData("05616263")]
    [InlineData("C4")]
    [InlineData("82")]
    [InlineData("8000")]
    [InlineData("C301400061")]
    public void Broken_strings_stop_with_an_offset(string hex) =>
        Assert.Throws<SnapshotCorruptException>(() => Decoder(hex).String().ToArray());

    [Fact]
    public void A_stream_is_read_through_a_small_window_with_the_right_checksum()
    {
        var bytes = new byte[1_000_000];
        new Random(5).NextBytes(bytes);
        using var decoder = new SnapshotDecoder(new MemoryStream(bytes));
        var random = new Random(6);
        int at = 0;
        while (at < bytes.Length)
        {
            int n = Math.Min(random.Next(1, random.Next(100) == 0 ? 400_000 : 3000), bytes.Length - at);
            Assert.True(decoder.Take(n).SequenceEqual(bytes.AsSpan(at, n)));
            at += n;
            Assert.Equal(at, decoder.Offset);
        }
        Assert.True(decoder.AtEnd);
        Assert.Equal(Crc64.Append(0, bytes), decoder.Checksum);
    }

    private static string Encode(Action<SnapshotEncoder> write)
    {
        using var buffer = new NativeBuffer();
        write(new SnapshotEncoder(buffer));
        return Convert.ToHexString(buffer.Written);
    }

    private static SnapshotDecoder Decoder(string hex) => new(Convert.FromHexString(hex));
}
