// A bare HTTP/1.1 server whose replies a test writes byte by byte, for what a well-behaved server never does: cutting a
// line in half, closing at once, answering 410, refusing a token.

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Tests.Kubernetes;

internal sealed record FakeRequest(string Method, string Path, string Query, Dictionary<string, string> Headers, string Body)
{
    public string? Parameter(string name) => Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => p.Split('=', 2)).Where(p => p[0] == name).Select(p => Uri.UnescapeDataString(p[1])).FirstOrDefault();
}

/// <summary>A status and a body; a stream is written piece by piece without a length, then closed.</summary>
internal sealed record FakeReply(int Status, string Body)
{
    public string ContentType { get; init; } = "application/json";

    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>Chunks of a watch, written as they come. Ends the stream cleanly when it ends.</summary>
    public IAsyncEnumerable<string>? Stream { get; init; }

    /// <summary>Drops the connection after the last chunk instead of ending the stream.</summary>
    public bool CutOff { get; init; }
}

internal sealed class FakeApiServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<FakeRequest, FakeReply> _handler;
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _accepting;

    public FakeApiServer(Func<FakeRequest, FakeReply> handler)
    {
        _handler = handler;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public KubernetesApi Client(Func<KubernetesConfig, KubernetesConfig>? change = null, TimeProvider? clock = null)
    {
        var config = new KubernetesConfig { Server = Url };
        return new KubernetesApi(change?.Invoke(config) ?? config, clock ?? TimeProvider.System, NullLogger.Instance) { WatchGrace = TimeSpan.FromMilliseconds(300) };
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await ReadAsync(stream) is { } request)
                {
                    Requests.Enqueue(request);
                    if (!await ReplyAsync(client, stream, _handler(request)))
                    {
                        return;
                    }
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
            {
                // The client went away, which is what some tests are about.
            }
        }
    }

    private async Task<FakeRequest?> ReadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, _stop.Token);
        var target = lines[0].Split(' ')[1].Split('?', 2);
        return new FakeRequest(lines[0].Split(' ')[0], target[0], target.Length > 1 ? target[1] : "", headers, Encoding.UTF8.GetString(body));
    }

    private async Task<bool> ReplyAsync(TcpClient client, NetworkStream stream, FakeReply reply)
    {
        var extra = string.Concat(reply.Headers.Select(h => $"{h.Key}: {h.Value}\r\n"));
        var bytes = Encoding.UTF8.GetBytes(reply.Body);
        var size = reply.Stream is null ? $"Content-Length: {bytes.Length}\r\n" : "Transfer-Encoding: chunked\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {reply.Status} X\r\nContent-Type: {reply.ContentType}\r\n{size}{extra}\r\n"), _stop.Token);
        await stream.WriteAsync(bytes, _stop.Token);
        if (reply.Stream is null)
        {
            return true;
        }

        await foreach (var piece in reply.Stream.WithCancellation(_stop.Token))
        {
            var chunk = Encoding.UTF8.GetBytes(piece);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{chunk.Length:x}\r\n"), _stop.Token);
            await stream.WriteAsync(chunk, _stop.Token);
            await stream.WriteAsync("\r\n"u8.ToArray(), _stop.Token);
        }

        if (reply.CutOff)
        {
            client.Client.LingerState = new LingerOption(true, 0);
            return false;
        }

        await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), _stop.Token);
        return true;
    }
}
