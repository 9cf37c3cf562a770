// Why: clients compare score texts byte for byte. The expected texts were produced by Redis 8 (d2string, as in 7.2).

using Shoal.Store.Values;
using Texts = System.Text.Encoding;

namespace Shoal.Store.Tests.Values;

public sealed class ScoreTextTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(-0.0, "-0")]
    [InlineData(3, "3")]
    [InlineData(-17, "-17")]
    [InlineData(1.5, "1.5")]
    [InlineData(0.1, "0.1")]
    [InlineData(-0.25, "-0.25")]
    [InlineData(3.14159265358979, "3.14159265358979")]
    [InlineData(0.1 + 0.2, "0.30000000000000004")]
    [InlineData(1e17, "100000000000000000")]
    [InlineData(4e18, "4000000000000000000")]
    [InlineData(5e18, "5e+18")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.2e21, "1.2e+21")]
    [InlineData(1e-5, "0.00001")]
    [InlineData(1e-6, "0.000001")]
    [InlineData(1e-7, "1e-7")]
    [InlineData(1.5e-9, "1.5e-9")]
    [InlineData(1.7976931348623157e308, "1.7976931348623157e+308")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(123456789012345678901234.0, "123456789012345690000000")]
    [InlineData(0.00012345, "1.2345e-4")]
    [InlineData(12345.678e-10, "1.2345678e-6")]
    [InlineData(1234567.891e15, "1.234567891e+21")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    public void Prints_as_Redis_does(double score, string expected)
    {
        Assert.Equal(expected, Texts.ASCII.GetString(ScoreText.Write(score, new byte[ScoreText.MaxLength])));
    }

    [Fact]
    public void Every_number_reads_back_to_itself()
    {
        var random = new Random(11);
        var scratch = new byte[ScoreText.MaxLength];
        for (int i = 0; i < 100_000; i++)
        {
            double score = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (double.IsNaN(score)) continue;
            if (i % 2 == 0) score = Math.Round(random.NextDouble() * 1e6, random.Next(8)) * (i % 4 == 0 ? 1 : -1e-4);
            var text = ScoreText.Write(score, scratch);
            Assert.True(ScoreText.TryParse(text, out double back), Texts.ASCII.GetString(text));
            Assert.Equal(score, back);
        }
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("+5", 5)]
    [InlineData(".5", 0.5)]
    [InlineData("5.", 5)]
    [InlineData("1e3", 1000)]
    [InlineData("-1.5E-2", -0.015)]
    [InlineData("inf", double.PositiveInfinity)]
    [InlineData("+Inf", double.PositiveInfinity)]
    [InlineData("-infinity", double.NegativeInfinity)]
    [InlineData("0e999", 0)]
    [InlineData("9007199254740993", 9007199254740992)]
    public void Reads_what_strtod_reads(string text, double expected)
    {
        Assert.True(ScoreText.TryParse(Texts.ASCII.GetBytes(text), out double score));
        Assert.Equal(expected, score);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("nan")]
    [InlineData("abc")]
    [InlineData("1e400")]
    [InlineData("1e-400")]
    [InlineData("--1")]
    [InlineData("+")]
    [InlineData("1.2.3")]
    [InlineData("1,000")]
    [InlineData("+inf0")]
    public void Refuses_the_rest(string text) => Assert.False(ScoreText.TryParse(Texts.ASCII.GetBytes(text), out _));
}
