// A client connection to another node for moving keys: requests are pipelined by the engine thread and sent by a thread of the link's own,
// replies are counted by another, so that a slow peer never holds up the reactor. Any error reply ends the link with its text.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Shoal.Protocol.Client;
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;

namespace Shoal.Server.Cluster.Migration;

internal sealed class MigrationLink : IDisposable
{
    private const int ChunkBytes = 256 * 1024;
    private readonly NodeServices _node;
    private readonly string _host;
    private readonly int _port;
    private readonly IPAddress? _source;
    private readonly TimeSpan _timeout;
    private readonly BlockingCollection<byte[]> _outgoing = new(new ConcurrentQueue<byte[]>());
    private readonly ConcurrentQueue<long> _wanted = new();
    private readonly Queue<(long Index, Action<Reply> Then)> _expected = new();
    private readonly NativeBuffer _buffer = new(64 * 1024);
    private readonly Socket _socket;
    private long _queuedBytes;
    private int _ended;

    /// <param name="node">The node; callbacks run on its engine thread.</param>
    /// <param name="host">IP address of the other node.</param>
    /// <param name="port">Its client port.</param>
    /// <param name="source">Address to connect from; null = any.</param>
    /// <param name="timeout">For connecting, and for silence while replies are due.</param>
    public MigrationLink(NodeServices node, string host, int port, IPAddress? source, TimeSpan timeout)
    {
        _node = node;
        _host = host;
        _port = port;
        _source = source;
        _timeout = timeout;
        var family = IPAddress.TryParse(host, out var ip) ? ip.AddressFamily : AddressFamily.InterNetwork;
        _socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    }

    /// <summary>Requests written so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Replies received so far, none of them an error. Engine thread.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Bytes not handed to the kernel yet.</summary>
    public long QueuedBytes => Interlocked.Read(ref _queuedBytes) + _buffer.Length;

    /// <summary>The link is over: error reply, connection lost, or closed here (null). Engine thread, once.</summary>
    public Action<string?>? Ended { get; set; }

    /// <summary>Replies arrived. Engine thread.</summary>
    public Action? Progress { get; set; }

    public void Start()
    {
        new Thread(SendLoop) { IsBackground = true, Name = "slot-link-send" }.Start();
    }

    /// <summary>Starts a request of some arguments; follow with that many <see cref="Arg"/>.</summary>
    public void Begin(int arguments)
    {
        RequestWriter.Header(_buffer, arguments);
        Sent++;
    }

    public void Arg(ReadOnlySpan<byte> argument) => RequestWriter.Bulk(_buffer, argument);

    public void Arg(long number) => RequestWriter.Bulk(_buffer, number);

    /// <summary>Adds a whole request already encoded.</summary>
    public void Raw(ReadOnlySpan<byte> request)
    {
        _buffer.Append(request);
        Sent++;
        if (_buffer.Length >= ChunkBytes) Flush();
    }

    /// <summary>Sends a request whose reply is wanted, an error reply included.</summary>
    public void Ask(Action<Reply> then, params string[] arguments)
    {
        Begin(arguments.Length);
        foreach (string argument in arguments) Arg(System.Text.Encoding.UTF8.GetBytes(argument));
        ExpectLast(then);
        Flush();
    }

    /// <summary>The reply to the request written last goes to <paramref name="then"/>.</summary>
    public void ExpectLast(Action<Reply> then)
    {
        _wanted.Enqueue(Sent - 1);
        _expected.Enqueue((Sent - 1, then));
    }

    /// <summary>Hands over what is buffered.</summary>
    public void Flush()
    {
        if (_buffer.Length == 0 || _outgoing.IsAddingCompleted) return;
        var chunk = _buffer.Written.ToArray();
        Interlocked.Add(ref _queuedBytes, chunk.Length);
        _outgoing.Add(chunk);
        _buffer.Clear(ChunkBytes * 2);
    }

    /// <summary>Flushes once a chunk is full.</summary>
    public void FlushIfFull()
    {
        if (_buffer.Length >= ChunkBytes) Flush();
    }

    public void Dispose() => End(null, notify: false);

    private void End(string? reason, bool notify = true)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0) return;
        _outgoing.CompleteAdding();
        _socket.Dispose();
        if (notify) _node.Engine.Post(() => Ended?.Invoke(reason));
    }

    private void SendLoop()
    {
        try
        {
            if (_source is not null && _source.AddressFamily == _socket.AddressFamily) _socket.Bind(new IPEndPoint(_source, 0));
            using (var patience = new CancellationTokenSource(_timeout))
                _socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(_host), _port), patience.Token).AsTask().GetAwaiter().GetResult();
            _socket.SendTimeout = (int)_timeout.TotalMilliseconds;
            new Thread(ReceiveLoop) { IsBackground = true, Name = "slot-link-receive" }.Start();
            foreach (byte[] chunk in _outgoing.GetConsumingEnumerable())
            {
                int sent = 0;
                while (sent < chunk.Length) sent += _socket.Send(chunk.AsSpan(sent), SocketFlags.None);
                Interlocked.Add(ref _queuedBytes, -chunk.Length);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or FormatException)
        {
            End($"cannot reach {_host}:{_port}: {e.Message}");
        }
    }

    private void ReceiveLoop()
    {
        var reader = new ReplyReader();
        var bytes = new byte[64 * 1024];
        int filled = 0;
        long index = 0;
        try
        {
            while (true)
            {
                if (filled == bytes.Length) Array.Resize(ref bytes, bytes.Length * 2);
                int got = _socket.Receive(bytes.AsSpan(filled), SocketFlags.None);
                if (got == 0)
                {
                    End($"connection closed by {_host}:{_port}");
                    return;
                }
                filled += got;
                int used = Take(reader, bytes.AsSpan(0, filled), ref index, out string? error, out var replies);
                bytes.AsSpan(used, filled - used).CopyTo(bytes);
                filled -= used;
                long upTo = index;
                _node.Engine.Post(() => Arrived(upTo, replies));
                if (error is not null)
                {
                    End(error);
                    return;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or RespException)
        {
            End($"link to {_host}:{_port} lost: {e.Message}");
        }
    }

    private int Take(ReplyReader reader, ReadOnlySpan<byte> bytes, ref long index, out string? error, out List<(long, Reply)>? replies)
    {
        int used = 0;
        error = null;
        replies = null;
        while (used < bytes.Length)
        {
            var rest = bytes[used..];
            bool wanted = _wanted.TryPeek(out long want) && want == index;
            if (!wanted && rest[0] is (byte)'+' or (byte)':')
            {
                int end = rest.IndexOf((byte)'\n');
                if (end < 0) break;
                used += end + 1;
                index++;
                continue;
            }
            if (!reader.TryRead(rest, out var reply, out int consumed)) break;
            used += consumed;
            if (wanted)
            {
                _wanted.TryDequeue(out _);
                (replies ??= []).Add((index, reply));
            }
            else if (reply.IsError)
            {
                error = reply.Text;
                break;
            }
            index++;
        }
        return used;
    }

    private void Arrived(long upTo, List<(long Index, Reply Reply)>? replies)
    {
        if (Volatile.Read(ref _ended) != 0 && Ended is null) return;
        Acknowledged = upTo;
        if (replies is not null)
        {
            foreach (var (index, reply) in replies)
                if (_expected.TryPeek(out var next) && next.Index == index) _expected.Dequeue().Then(reply);
        }
        Progress?.Invoke();
    }
}
