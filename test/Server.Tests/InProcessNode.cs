// A whole node inside the test process, on a free port and in a folder of its own.
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol.Client;
using Shoal.Server.Hosting;
using Shoal.TestKit;

namespace Shoal.Server.Tests;

public sealed class InProcessNode : IDisposable
{
    private readonly TempFolder _folder = new("shoal-inproc-");
    private readonly string _previous = Directory.GetCurrentDirectory();

    public InProcessNode(params string[] settings)
    {
        Host = NodeHost.Start(["--port", "0", "--bind", "127.0.0.1", "--loglevel", "warning", "--save", "", "--warm-up", "no", .. settings]);
    }

    public NodeHost Host { get; }

    public int Port => Host.EndPoint!.Port;

    public Task<RespClient> ConnectAsync(RespClientOptions? options = null) => RespClient.ConnectAsync("127.0.0.1", Port, options);

    /// <summary>A bare socket, for bytes no client library would send.</summary>
    public async Task<RawSocket> OpenAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", Port);
        return new RawSocket(socket);
    }

    public void Dispose()
    {
        Host.Dispose();
        Directory.SetCurrentDirectory(_previous);
        _folder.Dispose();
    }
}

/// <summary>Bytes out, bytes in.</summary>
public sealed class RawSocket(Socket socket) : IDisposable
{
    public Socket Socket => socket;

    public async Task SendAsync(string text)
    {
        ReadOnlyMemory<byte> left = Encoding.Latin1.GetBytes(text);
        while (left.Length > 0) left = left[await socket.SendAsync(left)..];
    }

    /// <summary>Reads exactly the length of <paramref name="expected"/> and compares.</summary>
    public async Task ExpectAsync(string expected) => Assert.Equal(expected, await ReadAsync(expected.Length));

    public async Task<string> ReadAsync(int length)
    {
        byte[] buffer = new byte[length];
        int have = 0;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (have < length)
        {
            int n = await socket.ReceiveAsync(buffer.AsMemory(have), SocketFlags.None, limit.Token);
            if (n == 0) break;
            have += n;
        }
        return Encoding.Latin1.GetString(buffer, 0, have);
    }

    /// <summary>Everything until the peer closes.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var all = new MemoryStream();
        byte[] buffer = new byte[65536];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            int n;
            try
            {
                n = await socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                n = 0;
            }
            if (n == 0) return Encoding.Latin1.GetString(all.ToArray());
            all.Write(buffer, 0, n);
        }
    }

    public void Dispose() => socket.Dispose();
}
