// The client's parser must give the same replies however the network cuts the bytes, and refuse what is not RESP.
using System.Text;
using Shoal.Protocol.Client;

namespace Shoal.Protocol.Tests.Client;

public sealed class ReplyReaderTests
{
    [Theory]
    [InlineData("+OK\r\n", "OK")]
    [InlineData("-ERR no\r\n", "(error) ERR no")]
    [InlineData(":-42\r\n", "(integer) -42")]
    [InlineData("$5\r\nhe\r\no\r\n", "\"he\r\no\"")]
    [InlineData("$-1\r\n", "(nil)")]
    [InlineData("*-1\r\n", "(nil)")]
    [InlineData("_\r\n", "(nil)")]
    [InlineData("*0\r\n", "[]")]
    [InlineData("*2\r\n$1\r\na\r\n*2\r\n:1\r\n$0\r\n\r\n", "[\"a\", [(integer) 1, \"\"]]")]
    [InlineData("%1\r\n+k\r\n:1\r\n", "[k, (integer) 1]")]
    [InlineData("~2\r\n+a\r\n#t\r\n", "[a, (true)]")]
    [InlineData(">2\r\n+a\r\n+b\r\n", "[a, b]")]
    [InlineData(",1.5\r\n", "\"1.5\"")]
    [InlineData("=5\r\ntxt:x\r\n", "\"x\"")]
    [InlineData("(123456789012345678901234567890\r\n", "\"123456789012345678901234567890\"")]
    [InlineData("|1\r\n+a\r\n+b\r\n*2\r\n+c\r\n|1\r\n+d\r\n+e\r\n+f\r\n", "[c, f]")]
    public void Reads_every_type_however_the_bytes_are_cut(string wire, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(wire);
        var reader = new ReplyReader();
        for (var have = 0; have < bytes.Length; have++)
        {
            Assert.False(reader.TryRead(bytes.AsSpan(0, have), out _, out _));
        }

        Assert.True(reader.TryRead(bytes, out var reply, out var consumed));
        Assert.Equal(expected, reply.ToString());
        Assert.Equal(bytes.Length, consumed);
    }

    [Fact]
    public void Frames_behind_each_other_are_read_one_by_one()
    {
        var bytes = "+a\r\n:1\r\n$1\r\nz\r\n"u8.ToArray();
        var reader = new ReplyReader();
        var seen = new List<string>();
        var at = 0;
        while (at < bytes.Length)
        {
            Assert.True(reader.TryRead(bytes.AsSpan(at), out var reply, out var consumed));
            seen.Add(reply.Text);
            at += consumed;
        }

        Assert.Equal(["a", "1", "z"], seen);
    }

    [Theory]
    [InlineData("hello\r\n")]
    [InlineData("+OK\n")]
    [InlineData("$x\r\n")]
    [InlineData("$-7\r\n")]
    [InlineData("*99999999999\r\n")]
    public void What_is_not_RESP_is_refused(string wire) =>
        Assert.Throws<RespException>(() => new ReplyReader().TryRead(Encoding.UTF8.GetBytes(wire), out _, out _));
}
