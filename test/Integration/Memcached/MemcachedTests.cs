using System.Net.Sockets;
using System.Text;
using Shoal.Integration.Durability;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Memcached;

/// <summary>The memcached port: both protocols, and that its items are keys like any other.</summary>
public class MemcachedTests(MemcachedTests.Shared shared) : IClassFixture<MemcachedTests.Shared>
{
    /// <summary>One node for all exchanges; each begins with a flush.</summary>
    public sealed class Shared : IAsyncLifetime
    {
        public NodeProcess Node { get; private set; } = null!;

        public async Task InitializeAsync() => Node = await StartAsync("--save", "");

        public async Task DisposeAsync() => await Node.DisposeAsync();
    }

    // What to send, and the answer. The same exchanges were run against memcached 1.6.18.
    [Theory]
    [InlineData("get none\r\n", "END\r\n")]
    [InlineData("add a 0 0 1\r\nx\r\nadd a 0 0 1\r\ny\r\nget a\r\n", "STORED\r\nNOT_STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n")]
    [InlineData("replace a 0 0 1\r\nx\r\nappend a 0 0 1\r\nx\r\n", "NOT_STORED\r\nNOT_STORED\r\n")]
    [InlineData("set a 5 0 3\r\nabc\r\nappend a 9 0 2\r\nde\r\nprepend a 9 0 2\r\n00\r\nget a b\r\n", "STORED\r\nSTORED\r\nSTORED\r\nVALUE a 5 7\r\n00abcde\r\nEND\r\n")]
    [InlineData("set a 0 0 1 noreply\r\nx\r\nget a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n")]
    [InlineData("set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 100\r\n", "STORED\r\n15\r\n0\r\n")]
    [InlineData("set n 0 0 20\r\n18446744073709551615\r\nincr n 2\r\n", "STORED\r\n1\r\n")]
    [InlineData("incr n 1\r\nset n 0 0 1\r\nx\r\nincr n 1\r\nincr n y\r\n",
        "NOT_FOUND\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nCLIENT_ERROR invalid numeric delta argument\r\n")]
    [InlineData("set a 0 -1 1\r\nx\r\nget a\r\n", "STORED\r\nEND\r\n")]
    [InlineData("set a 3 0 1\r\nx\r\ntouch a 100\r\ntouch b 1\r\ngat 0 a b\r\n", "STORED\r\nTOUCHED\r\nNOT_FOUND\r\nVALUE a 3 1\r\nx\r\nEND\r\n")]
    [InlineData("set a 0 0 1\r\nx\r\ndelete a\r\ndelete a\r\n", "STORED\r\nDELETED\r\nNOT_FOUND\r\n")]
    [InlineData("cas a 0 0 1 5\r\nx\r\nset a 0 0 1\r\nx\r\ncas a 0 0 1 5\r\ny\r\n", "NOT_FOUND\r\nSTORED\r\nEXISTS\r\n")]
    [InlineData("set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\n", "STORED\r\nOK\r\nEND\r\n")]
    [InlineData("set a 0 0 2\r\nabcd\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nEND\r\n")]
    [InlineData("nonsense\r\nverbosity 1\r\nget\r\ntouch\r\n", "ERROR\r\nOK\r\nERROR\r\nERROR\r\n")]
    [InlineData("mn\r\nms a 3 F7 T100\r\nabc\r\nmg a v f t s k O12\r\nmg b v\r\n", "MN\r\nHD\r\nVA 3 f7 t100 s3 ka O12\r\nabc\r\nEN\r\n")]
    [InlineData("ms a 1\r\nx\r\nmg a h\r\nmg a h\r\n", "HD\r\nHD h0\r\nHD h1\r\n")]
    [InlineData("mg a v q\r\nmd a q\r\nms a 1 q\r\nx\r\nmn\r\n", "MN\r\n")]
    [InlineData("ms a 1 ME\r\nx\r\nms a 1 ME\r\ny\r\nms a 1 MA\r\nz\r\nms a 1 MP\r\nw\r\nmg a v\r\nms b 1 MR\r\nx\r\n", "HD\r\nNS\r\nHD\r\nHD\r\nVA 3\r\nwxz\r\nNS\r\n")]
    [InlineData("ma n\r\nma n N0 J13 v\r\nma n v D3\r\nma n MD v D100\r\n", "NF\r\nVA 2\r\n13\r\nVA 2\r\n16\r\nVA 1\r\n0\r\n")]
    [InlineData("mg a N30 v t\r\nmg a N30 v\r\nms a 2 T0\r\nok\r\nmg a v t\r\n", "VA 0 t30 W\r\n\r\nVA 0 Z\r\n\r\nHD\r\nVA 2 t-1\r\nok\r\n")]
    [InlineData("ms a 2\r\nok\r\nmd a I T30\r\nmg a v\r\nmg a v\r\nms a 1\r\nz\r\nmg a v\r\n", "HD\r\nHD\r\nVA 2 X W\r\nok\r\nVA 2 Z X\r\nok\r\nHD\r\nVA 1\r\nz\r\n")]
    [InlineData("ms Zm9v 3 b\r\nbar\r\nget foo\r\nmg Zm9v b k v\r\n", "HD\r\nVALUE foo 0 3\r\nbar\r\nEND\r\nVA 3 kZm9v b\r\nbar\r\n")]
    [InlineData("ms a 1 T10\r\nx\r\nmg a R30 v\r\nmg a R30 v\r\n", "HD\r\nVA 1 W\r\nx\r\nVA 1 Z\r\nx\r\n")]
    [InlineData("mg a !\r\nms a abc\r\nms a 1 MX\r\nx\r\n", "CLIENT_ERROR invalid flag\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR invalid mode for ms\r\n")]
    public async Task Exchanges(string sent, string expected)
    {
        using var client = await ConnectAsync(shared.Node);
        Assert.Equal("OK\r\n", await client.AskAsync("flush_all\r\n", 4));
        Assert.Equal(expected, await client.AskAsync(sent, expected.Length));
    }

    [Fact]
    public async Task A_unique_changes_with_every_store_and_with_writes_by_RESP()
    {
        using var client = await ConnectAsync(shared.Node);
        using var resp = await shared.Node.ConnectAsync();
        await client.AskAsync("set a 7 0 1\r\nx\r\n", "STORED\r\n".Length);
        string first = await UniqueAsync(client);
        Assert.Equal("STORED\r\n", await client.AskAsync($"cas a 7 0 1 {first}\r\nx\r\n", 8));
        string second = await UniqueAsync(client);
        Assert.NotEqual(first, second); // the same value, stored again
        Assert.Equal("EXISTS\r\n", await client.AskAsync($"cas a 7 0 1 {first}\r\ny\r\n", 8));
        await resp.ExecuteAsync("APPEND", "a", "z");
        Assert.Equal("EXISTS\r\n", await client.AskAsync($"cas a 7 0 1 {second}\r\ny\r\n", 8));
        Assert.Equal("VALUE a 7 2\r\nxz\r\nEND\r\n", await client.AskAsync("get a\r\n", 22));
        await resp.ExecuteAsync("SET", "a", "plain");
        Assert.Equal("VALUE a 0 5\r\nplain\r\nEND\r\n", await client.AskAsync("get a\r\n", 25));
        await resp.ExecuteAsync("LPUSH", "list", "x");
        Assert.Equal("END\r\n", await client.AskAsync("get list\r\n", 5));
    }

    [Theory]
    [InlineData("yes")]
    [InlineData("no")]
    public async Task Items_survive_a_restart_and_reach_replicas_with_their_flags(string appendOnly)
    {
        await using var node = await StartAsync("--appendonly", appendOnly, "--save", "3600 1000000");
        await using var replica = await StartAsync("--replicaof", $"127.0.0.1 {node.Port}", "--save", "");
        const string expected = "VALUE a 4294967295 1\r\nx\r\nVALUE n 3 2\r\n17\r\nVALUE p 9 3\r\nyes\r\nEND\r\n";
        using (var r = await replica.ConnectAsync())
        using (var p = await node.ConnectAsync())
        {
            using var client = await ConnectAsync(node);
            await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(r)).Contains("master_link_status:up"));
            await client.AskAsync("set a 4294967295 0 1\r\nx\r\nset n 3 1000 2\r\n12\r\nincr n 5\r\nset p 9 0 1\r\ns\r\nprepend p 0 0 2\r\nye\r\n", 8 + 8 + 4 + 8 + 8);
            Assert.Equal(1, (await p.ExecuteAsync("WAIT", "1", "20000")).Integer);
            Assert.Equal("17", (await r.ExecuteAsync("GET", "n")).Text);
            Assert.InRange((await r.ExecuteAsync("TTL", "n")).Integer, 900, 1000);
            using var there = await ConnectAsync(replica);
            Assert.Equal(expected, await there.AskAsync("get a n p\r\n", expected.Length));
            Assert.StartsWith("SERVER_ERROR READONLY", await there.AskAsync("set a 0 0 1\r\nx\r\n", 22));
        }
        if (appendOnly == "yes") await node.KillAsync();
        else await node.TerminateAsync();
        await node.StartAgainAsync();
        using var again = await ConnectAsync(node);
        Assert.Equal(expected, await again.AskAsync("get a n p\r\n", expected.Length));
    }

    [Fact]
    public async Task A_password_is_asked_for_and_limits_hold()
    {
        await using var node = await StartAsync("--requirepass", "secret", "--memcached-max-item-size", "2kb");
        using var client = await ConnectAsync(node, "secret");
        Assert.Equal("CLIENT_ERROR unauthenticated\r\n", await client.AskAsync("get a\r\n", 30));
        Assert.Equal("CLIENT_ERROR authentication failure\r\n", await client.AskAsync("set auth 0 0 12\r\ndefault word\r\n", 37));
        Assert.Equal("STORED\r\n", await client.AskAsync("set auth 0 0 14\r\ndefault secret\r\n", 8));
        string big = new('x', 3000);
        Assert.Equal("SERVER_ERROR object too large for cache\r\nEND\r\n", await client.AskAsync($"set a 0 0 3000\r\n{big}\r\nget a\r\n", 46));
        string half = new('x', 1500);
        Assert.Equal("STORED\r\nSERVER_ERROR object too large for cache\r\n", await client.AskAsync($"set a 0 0 1500\r\n{half}\r\nappend a 0 0 1500\r\n{half}\r\n", 49));
        Assert.Equal("CLIENT_ERROR bad command line format\r\n", await client.AskAsync($"get {new string('k', 251)}\r\n", 38));
    }

    private static async Task<string> UniqueAsync(Client client)
    {
        string first = await client.AskAsync("gets a\r\n", 20);
        while (!first.EndsWith("END\r\n")) first += await client.AskAsync("", 1);
        return first.Split('\r')[0].Split(' ')[4];
    }

    private static async Task<NodeProcess> StartAsync(params string[] settings) =>
        await NodeProcess.StartAsync([.. settings, "--memcached-port", $"{FreePort.Take()}"]);

    private static async Task<Client> ConnectAsync(NodeProcess node, string password = "")
    {
        using var resp = await node.ConnectAsync();
        if (password.Length > 0) await resp.ExecuteAsync("AUTH", password);
        var port = int.Parse((await resp.ExecuteAsync("CONFIG", "GET", "memcached-port"))[1].Text);
        var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port);
        return new Client(socket);
    }

    private sealed class Client(TcpClient socket) : IDisposable
    {
        /// <summary>Sends and reads at least <paramref name="length"/> bytes of answer.</summary>
        public async Task<string> AskAsync(string text, int length)
        {
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
            var buffer = new byte[64 * 1024];
            int have = 0;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (have < length)
            {
                int got = await stream.ReadAsync(buffer.AsMemory(have), limit.Token);
                if (got == 0) break;
                have += got;
            }
            return Encoding.Latin1.GetString(buffer, 0, have);
        }

        public void Dispose() => socket.Dispose();
    }
}
