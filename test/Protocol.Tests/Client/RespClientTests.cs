// The client against a scripted peer: order of replies, errors, time-outs and a connection that dies.
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol.Client;

namespace Shoal.Protocol.Tests.Client;

public sealed class RespClientTests : IAsyncLifetime
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private RespClient client = null!;
    private NetworkStream peer = null!;

    public async Task InitializeAsync()
    {
        listener.Start();
        var accept = listener.AcceptTcpClientAsync();
        client = await RespClient.ConnectAsync("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port,
            new RespClientOptions { CallTimeout = TimeSpan.FromSeconds(20) });
        peer = (await accept).GetStream();
    }

    public async Task DisposeAsync()
    {
        await client.DisposeAsync();
        peer.Dispose();
        listener.Stop();
    }

    [Fact]
    public async Task Overlapping_calls_get_their_own_replies_in_order()
    {
        var first = client.CallAsync("GET", "a");
        var second = client.CallAsync("GET", "b");
        await ExpectAsync("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n");
        await peer.WriteAsync("$1\r\n1\r\n$1\r"u8.ToArray());
        Assert.Equal("1", (await first).Text);
        Assert.False(second.IsCompleted);
        await peer.WriteAsync("\n2\r\n"u8.ToArray());
        Assert.Equal("2", (await second).Text);
    }

    [Fact]
    public async Task An_error_is_a_reply_to_call_and_an_exception_to_execute()
    {
        var call = client.CallAsync("GET", "a");
        var execute = client.ExecuteAsync("GET", "a");
        await peer.WriteAsync("-MOVED 1 h:1\r\n-MOVED 1 h:1\r\n"u8.ToArray());
        Assert.True((await call).IsError);
        var e = await Assert.ThrowsAsync<RespException>(() => execute);
        Assert.Equal("MOVED", e.Code);
    }

    [Fact]
    public async Task A_dead_connection_fails_calls_in_flight_and_later_ones()
    {
        var call = client.CallAsync("PING");
        peer.Dispose();
        await Assert.ThrowsAsync<IOException>(() => call);
        await client.Completed;
        Assert.True(client.IsClosed);
        await Assert.ThrowsAsync<IOException>(() => client.CallAsync("PING"));
    }

    [Fact]
    public async Task An_abandoned_call_does_not_shift_the_replies_of_others()
    {
        using var cancel = new CancellationTokenSource();
        var abandoned = client.CallAsync(["GET", "a"], cancel.Token);
        var kept = client.CallAsync("GET", "b");
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        await peer.WriteAsync("+first\r\n+second\r\n"u8.ToArray());
        Assert.Equal("second", (await kept).Text);
    }

    [Fact]
    public async Task Nobody_listening_is_an_io_error_that_names_the_address()
    {
        var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        var e = await Assert.ThrowsAsync<IOException>(() => RespClient.ConnectAsync("127.0.0.1", port));
        Assert.Contains($"127.0.0.1:{port}", e.Message, StringComparison.Ordinal);
    }

    private async Task ExpectAsync(string wire)
    {
        var buffer = new byte[wire.Length];
        await peer.ReadExactlyAsync(buffer);
        Assert.Equal(wire, Encoding.UTF8.GetString(buffer));
    }
}
