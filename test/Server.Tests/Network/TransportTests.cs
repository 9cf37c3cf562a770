// What a client may do to a socket, on both transports: pieces, floods, garbage, silence.
using Shoal.Protocol.Client;

namespace Shoal.Server.Tests.Network;

[Collection("in-process nodes")]
public abstract class TransportTests(string backend)
{
    private InProcessNode Node(params string[] settings) => new(["--io-backend", backend, .. settings]);

    [Fact]
    public async Task Pipeline_is_answered_in_order()
    {
        using var node = Node();
        using var client = await node.ConnectAsync();
        var calls = Enumerable.Range(0, 10_000).Select(i => client.CallAsync("ECHO", $"{i}")).ToArray();
        for (int i = 0; i < calls.Length; i++) Assert.Equal($"{i}", (await calls[i]).Text);
    }

    [Fact]
    public async Task Request_in_single_bytes_is_one_request()
    {
        using var node = Node();
        using var raw = await node.OpenAsync();
        foreach (char c in "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n") await raw.SendAsync($"{c}");
        await raw.ExpectAsync("$5\r\nhello\r\n");
        await raw.SendAsync("PING\r\nPI");
        await raw.ExpectAsync("+PONG\r\n");
        await raw.SendAsync("NG\r\n");
        await raw.ExpectAsync("+PONG\r\n");
    }

    [Fact]
    public async Task Large_values_go_in_and_out_whole()
    {
        using var node = Node();
        using var client = await node.ConnectAsync(new RespClientOptions { CallTimeout = TimeSpan.FromSeconds(120) });
        foreach (int size in (int[])[65_535, 65_536, 1_000_000, 40_000_000])
        {
            string value = string.Create(size, size, (span, _) => { for (int i = 0; i < span.Length; i++) span[i] = (char)('a' + i % 23); });
            Assert.True((await client.CallAsync("SET", "big", value)).IsOk);
            Assert.Equal(value, (await client.CallAsync("GET", "big")).Text);
        }
        Assert.Equal("PONG", (await client.CallAsync("PING")).Text);
    }

    [Fact]
    public async Task Client_that_reads_late_gets_everything()
    {
        using var node = Node();
        using (var setup = await node.ConnectAsync()) await setup.ExecuteAsync("SET", "k", new string('v', 10_000));
        using var raw = await node.OpenAsync();
        const int count = 5000;
        await raw.SendAsync(string.Concat(Enumerable.Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", count)));
        string reply = "$10000\r\n" + new string('v', 10_000) + "\r\n";
        using (var other = await node.ConnectAsync()) Assert.Equal("PONG", (await other.CallAsync("PING")).Text);
        for (int i = 0; i < count; i++) await raw.ExpectAsync(reply);
        await raw.SendAsync("PING\r\n");
        await raw.ExpectAsync("+PONG\r\n");
    }

    [Theory]
    [InlineData("*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n")]
    [InlineData("*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n")]
    [InlineData("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n")]
    [InlineData("PING\r\n*99999999\r\nPING\r\n", "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n")]
    [InlineData("set k \"v\r\nPING\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n")]
    public async Task Malformed_frame_closes_its_connection_and_no_other(string bytes, string expected)
    {
        using var node = Node();
        using var neighbour = await node.ConnectAsync();
        Assert.Equal("PONG", (await neighbour.CallAsync("PING")).Text);
        using var raw = await node.OpenAsync();
        await raw.SendAsync(bytes);
        Assert.Equal(expected, await raw.ReadToEndAsync());
        Assert.Equal("PONG", (await neighbour.CallAsync("PING")).Text);
    }

    [Fact]
    public async Task Oversized_argument_is_refused_by_its_length_alone()
    {
        using var node = Node("--proto-max-bulk-len", "1mb");
        using var raw = await node.OpenAsync();
        await raw.SendAsync("*2\r\n$4\r\nECHO\r\n$1048577\r\n");
        Assert.Equal("-ERR Protocol error: invalid bulk length\r\n", await raw.ReadToEndAsync());
    }

    [Fact]
    public async Task Query_buffer_limit_closes_the_connection()
    {
        using var node = Node("--client-query-buffer-limit", "1mb");
        using var raw = await node.OpenAsync();
        await raw.SendAsync("*2\r\n$4\r\nECHO\r\n$5000000\r\n");
        try
        {
            await raw.SendAsync(new string('x', 4_000_000));
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Closed while we were sending: what was asked for.
        }
        Assert.Equal("", await raw.ReadToEndAsync());
    }

    [Fact]
    public async Task Quit_answers_and_closes()
    {
        using var node = Node();
        using var raw = await node.OpenAsync();
        await raw.SendAsync("PING\r\nQUIT\r\nPING\r\n");
        Assert.Equal("+PONG\r\n+OK\r\n", await raw.ReadToEndAsync());
    }

    [Fact]
    public async Task Beyond_maxclients_a_connection_hears_why()
    {
        using var node = Node("--maxclients", "2");
        using var a = await node.ConnectAsync();
        using var b = await node.ConnectAsync();
        Assert.Equal("PONG", (await a.CallAsync("PING")).Text);
        Assert.Equal("PONG", (await b.CallAsync("PING")).Text);
        using var raw = await node.OpenAsync();
        Assert.Equal("-ERR max number of clients reached\r\n", await raw.ReadToEndAsync());
        a.Dispose();
        await Eventually(async () =>
        {
            using var c = await node.OpenAsync();
            await c.SendAsync("PING\r\n");
            return (await c.ReadAsync(7)).StartsWith("+PONG", StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Many_connections_come_and_go()
    {
        using var node = Node();
        for (int round = 0; round < 3; round++)
        {
            var clients = new List<RespClient>();
            for (int i = 0; i < 200; i++) clients.Add(await node.ConnectAsync());
            var calls = clients.ConvertAll(c => c.CallAsync("PING"));
            foreach (var call in calls) Assert.Equal("PONG", (await call).Text);
            foreach (var client in clients) client.Dispose();
        }
        using var last = await node.ConnectAsync();
        await Eventually(async () => (await last.CallAsync("INFO", "clients")).Text.Contains("connected_clients:1\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_connection_flooding_does_not_starve_another()
    {
        using var node = Node();
        using var flood = await node.OpenAsync();
        string batch = string.Concat(Enumerable.Repeat("*1\r\n$4\r\nPING\r\n", 20_000));
        var drain = Task.Run(flood.ReadToEndAsync);
        using var stop = new CancellationTokenSource();
        var pump = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) await flood.SendAsync(batch);
        });
        using var calm = await node.ConnectAsync();
        for (int i = 0; i < 100; i++) Assert.Equal("PONG", (await calm.CallAsync("PING")).Text);
        await stop.CancelAsync();
        await pump;
        flood.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await drain;
    }

    [Fact]
    public async Task Idle_clients_are_closed_after_timeout()
    {
        using var node = Node("--timeout", "1");
        using var raw = await node.OpenAsync();
        await raw.SendAsync("PING\r\n");
        await raw.ExpectAsync("+PONG\r\n");
        Assert.Equal("", await raw.ReadToEndAsync());
    }

    protected static async Task Eventually(Func<Task<bool>> condition)
    {
        for (int i = 0; i < 600; i++)
        {
            if (await condition()) return;
            await Task.Delay(50);
        }
        Assert.Fail("not within 30 s");
    }
}

public sealed class EpollTransportTests() : TransportTests("epoll");

public sealed class PipeTransportTests() : TransportTests("pipes");

/// <summary>In-process nodes change the working directory and compete for two cores: one at a time.</summary>
[CollectionDefinition("in-process nodes", DisableParallelization = true)]
public sealed class InProcessNodes;
