// Requests may arrive in any pieces and in any state of disrepair.
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Resp;

namespace Shoal.Protocol.Tests.Resp;

public sealed unsafe class RespReaderTests
{
    private static readonly RespLimits Limits = new();

    [Fact]
    public void Request_split_at_every_byte_reads_the_same()
    {
        byte[] bytes = Encoding.Latin1.GetBytes("*3\r\n$3\r\nSET\r\n$5\r\nk\r\n\0\xff\r\n$12\r\nhello world!\r\n");
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            using var reader = new RespReader(Limits);
            Assert.Equal(ReadStatus.Incomplete, Try(reader, bytes.AsSpan(0, cut), out _, out _));
            Assert.True(reader.Wanted > cut, $"cut {cut} wants {reader.Wanted}");
            Assert.Equal(ReadStatus.Complete, Try(reader, bytes, out string[] args, out int consumed));
            Assert.Equal(bytes.Length, consumed);
            Assert.Equal(["SET", "k\r\n\0\xff", "hello world!"], args);
        }
    }

    [Fact]
    public void Request_that_comes_byte_by_byte_reads_the_same()
    {
        byte[] bytes = "*2\r\n$4\r\nECHO\r\n$100\r\n"u8.ToArray().Concat(new byte[100]).Concat("\r\n"u8.ToArray()).ToArray();
        using var reader = new RespReader(Limits);
        for (int n = 0; n < bytes.Length; n++) Assert.Equal(ReadStatus.Incomplete, Try(reader, bytes.AsSpan(0, n), out _, out _));
        Assert.Equal(ReadStatus.Complete, Try(reader, bytes, out string[] args, out _));
        Assert.Equal(100, args[1].Length);
    }

    [Theory]
    [InlineData("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "GET", "k")]
    [InlineData("*1\r\n$4\r\nPING\r\n", "PING")]
    [InlineData("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET", "")]
    [InlineData("PING\r\n", "PING")]
    [InlineData("PING\n", "PING")]
    [InlineData("  set  k 'a b' \"c\\x41\\n\"\r\n", "set", "k", "a b", "cA\n")]
    public void Well_formed_requests(string bytes, params string[] expected)
    {
        using var reader = new RespReader(Limits);
        Assert.Equal(ReadStatus.Complete, Try(reader, Encoding.Latin1.GetBytes(bytes), out string[] args, out int consumed));
        Assert.Equal(expected, args);
        Assert.Equal(bytes.Length, consumed);
    }

    [Theory]
    [InlineData("*0\r\n", 4)]
    [InlineData("*-1\r\n", 5)]
    [InlineData("\r\n", 2)]
    [InlineData("   \r\n", 5)]
    public void Empty_requests_are_skipped(string bytes, int length)
    {
        using var reader = new RespReader(Limits);
        Assert.Equal(ReadStatus.Complete, Try(reader, Encoding.Latin1.GetBytes(bytes + "PING\r\n"), out string[] args, out int consumed));
        Assert.Empty(args);
        Assert.Equal(length, consumed);
    }

    [Theory]
    [InlineData("*x\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*99999999\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*9223372036854775808\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*1\r\n:4\r\n", "Protocol error: expected '$', got ':'")]
    [InlineData("*1\r\n$x\r\n", "Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$-1\r\n", "Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$99999999999\r\n", "Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$4\r\nPINGxx", "Protocol error: expected CRLF after bulk")]
    [InlineData("get \"k\r\n", "Protocol error: unbalanced quotes in request")]
    public void Malformed_requests_name_the_fault(string bytes, string error)
    {
        using var reader = new RespReader(Limits);
        Assert.Equal(ReadStatus.Malformed, Try(reader, Encoding.Latin1.GetBytes(bytes), out _, out _));
        Assert.Equal(error, reader.Error);
    }

    [Fact]
    public void Lines_without_end_are_refused()
    {
        using var reader = new RespReader(Limits);
        byte[] ones = Encoding.ASCII.GetBytes(new string('1', RespLimits.MaxInline + 2));
        Assert.Equal(ReadStatus.Malformed, Try(reader, [(byte)'*', .. ones], out _, out _));
        Assert.Equal("Protocol error: too big mbulk count string", reader.Error);
        Assert.Equal(ReadStatus.Malformed, Try(reader, [.. "*1\r\n$"u8, .. ones], out _, out _));
        Assert.Equal("Protocol error: too big bulk count string", reader.Error);
        Assert.Equal(ReadStatus.Malformed, Try(reader, ones, out _, out _));
        Assert.Equal("Protocol error: too big inline request", reader.Error);
    }

    [Fact]
    public void Small_limits_hold_before_login()
    {
        using var reader = new RespReader(Limits) { Unauthenticated = true };
        Assert.Equal(ReadStatus.Malformed, Try(reader, "*11\r\n"u8, out _, out _));
        Assert.Equal("Protocol error: unauthenticated multibulk length", reader.Error);
        Assert.Equal(ReadStatus.Malformed, Try(reader, "*1\r\n$16385\r\n"u8, out _, out _));
        Assert.Equal("Protocol error: unauthenticated bulk length", reader.Error);
    }

    [Fact]
    public void Large_value_says_how_much_it_needs()
    {
        using var reader = new RespReader(Limits);
        byte[] head = "*2\r\n$4\r\nECHO\r\n$1000000\r\n"u8.ToArray();
        Assert.Equal(ReadStatus.Incomplete, Try(reader, head, out _, out _));
        Assert.Equal(head.Length + 1000000 + 2, reader.Wanted);
    }

    [Fact]
    public void Frame_is_the_request_as_one_array_even_for_inline()
    {
        using var reader = new RespReader(Limits);
        byte[] bytes = "set k \"v w\"\r\n"u8.ToArray();
        fixed (byte* p = bytes)
        {
            Assert.Equal(ReadStatus.Complete, reader.Read(p, bytes.Length, out var request, out _));
            Assert.Equal("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$3\r\nv w\r\n", Encoding.ASCII.GetString(request.Frame));
        }
    }

    [Fact]
    public void Any_pipeline_cut_anywhere_reads_back_what_was_written()
    {
        var words = Gen.ListOf(ArbMap.Default.GeneratorFor<byte[]>());
        var requests = Gen.NonEmptyListOf(Gen.Where(words, w => w.Count > 0));
        Prop.ForAll(Arb.From(requests), Arb.From(Gen.Choose(1, 7)), (pipeline, piece) =>
        {
            using var all = new NativeBuffer();
            foreach (var request in pipeline)
            {
                RequestWriter.Header(all, request.Count());
                foreach (byte[] word in request) RequestWriter.Bulk(all, word);
            }
            return ReadInPieces(all, piece).SequenceEqual(pipeline.Select(r => string.Join('|', r.Select(Convert.ToHexString))));
        }).QuickCheckThrowOnFailure();
    }

    private static List<string> ReadInPieces(NativeBuffer all, int piece)
    {
        var read = new List<string>();
        using var reader = new RespReader(Limits);
        int start = 0, end = 0;
        while (start < all.Length)
        {
            end = Math.Min(end + piece, all.Length);
            while (reader.Read(all.Start + start, end - start, out var request, out int consumed) == ReadStatus.Complete)
            {
                var words = new List<string>();
                for (int i = 0; i < request.Count; i++) words.Add(Convert.ToHexString(request[i]));
                read.Add(string.Join('|', words));
                start += consumed;
            }
        }
        return read;
    }

    private static ReadStatus Try(RespReader reader, ReadOnlySpan<byte> bytes, out string[] args, out int consumed)
    {
        // The bytes move between attempts, as they do when a connection's buffer grows.
        byte[] copy = bytes.ToArray();
        fixed (byte* p = copy.Length == 0 ? new byte[1] : copy)
        {
            var status = reader.Read(p, copy.Length, out var request, out consumed);
            args = new string[status == ReadStatus.Complete ? request.Count : 0];
            for (int i = 0; i < args.Length; i++) args[i] = Encoding.Latin1.GetString(request[i]);
            return status;
        }
    }
}
