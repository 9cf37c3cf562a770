using System.Text;
using Shoal.Server.Scripting;

namespace Shoal.Server.Tests.Scripting;

public sealed class ScriptNumberTests
{
    // The layout of Redis 7.2's fpconv_dtoa.
    [Theory]
    [InlineData(0, "0")]
    [InlineData(-7, "-7")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(1234.5, "1234.5")]
    [InlineData(-0.1, "-0.1")]
    [InlineData(0.00001, "0.00001")]
    [InlineData(1e-7, "1e-7")]
    [InlineData(1.5e-9, "1.5e-9")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.2345678e21, "1.2345678e+21")]
    [InlineData(12345.6789e30, "1.23456789e+34")]
    [InlineData(0.30000000000000004, "0.30000000000000004")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    public void A_number_becomes_the_argument_redis_sends(double number, string expected)
    {
        Span<byte> text = stackalloc byte[40];
        Assert.Equal(expected, Encoding.ASCII.GetString(text[..ScriptNumber.Format(number, text)]));
    }
}
