// Each reply in both protocol versions, byte for byte.
using System.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Protocol.Tests.Resp;

public sealed class ReplyWriterTests
{
    private static string Write(int resp, Action<ReplyWriter> reply)
    {
        using var writer = new ReplyWriter(16) { Resp = resp };
        reply(writer);
        return Encoding.UTF8.GetString(writer.Written).Replace("\r\n", "|", StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Replies => new()
    {
        { "null", "$-1|", "_|" },
        { "nullarray", "*-1|", "_|" },
        { "map", "*4|", "%2|" },
        { "set", "*2|", "~2|" },
        { "push", "*2|", ">2|" },
        { "double", "$3|1.5|", ",1.5|" },
        { "inf", "$4|-inf|", ",-inf|" },
        { "bool", ":1|", "#t|" },
        { "verbatim", "$2|hi|", "=6|txt:hi|" },
        { "big", "$3|123|", "(123|" },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public void Forms_of_both_versions(string kind, string resp2, string resp3)
    {
        Action<ReplyWriter> reply = kind switch
        {
            "null" => w => w.Null(),
            "nullarray" => w => w.NullArray(),
            "map" => w => w.Map(2),
            "set" => w => w.Set(2),
            "push" => w => w.Push(2),
            "double" => w => w.Double(1.5),
            "inf" => w => w.Double(double.NegativeInfinity),
            "bool" => w => w.Bool(true),
            "verbatim" => w => w.Verbatim("hi"),
            _ => w => w.BigNumber("123"u8),
        };
        Assert.Equal(resp2, Write(2, reply));
        Assert.Equal(resp3, Write(3, reply));
    }

    [Theory]
    [InlineData(0, ":0|")]
    [InlineData(9, ":9|")]
    [InlineData(10, ":10|")]
    [InlineData(-1, ":-1|")]
    [InlineData(long.MinValue, ":-9223372036854775808|")]
    [InlineData(long.MaxValue, ":9223372036854775807|")]
    public void Integers(long value, string expected) => Assert.Equal(expected, Write(2, w => w.Integer(value)));

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(70000)]
    public void Bulks_of_every_length(int length)
    {
        string text = new('x', length);
        Assert.Equal($"${length}|{text}|", Write(2, w => w.Bulk(Encoding.ASCII.GetBytes(text))));
        Assert.Equal($"${length}|{text}|", Write(2, w => w.Bulk(text)));
    }

    [Fact]
    public void Errors_stay_on_one_line()
    {
        Assert.Equal("-ERR a  b|", Write(2, w => w.Error("ERR a\r\nb")));
        Assert.Equal("+a b|", Write(2, w => w.Simple("a\nb")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(1234567)]
    public void Deferred_arrays_close_up(int count)
    {
        string written = Write(2, w =>
        {
            w.Ok();
            int mark = w.DeferArray();
            w.Bulk("element"u8);
            w.EndArray(mark, count);
            w.Integer(7);
        });
        Assert.Equal($"+OK|*{count}|$7|element|:7|", written);
    }

    [Theory]
    [InlineData(3, "3")]
    [InlineData(0.1, "0.1")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(1e16, "10000000000000000")]
    [InlineData(double.PositiveInfinity, "inf")]
    public void Doubles(double value, string expected) => Assert.Equal($"${expected.Length}|{expected}|", Write(2, w => w.Double(value)));

    [Fact]
    public void Writing_allocates_nothing_once_the_buffer_has_grown()
    {
        using var writer = new ReplyWriter(1024);
        long before = 0;
        for (int i = 0; i < 2000; i++)
        {
            if (i == 1000) before = GC.GetAllocatedBytesForCurrentThread();
            writer.Clear();
            writer.Ok();
            writer.Integer(i * 1000L);
            writer.Bulk("value"u8);
            writer.Error("ERR no");
            writer.Map(3);
            writer.Double(i + 0.5);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
