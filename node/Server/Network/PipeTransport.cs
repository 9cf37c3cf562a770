// The portable transport: one System.IO.Pipelines pair per socket, filled and drained by the thread pool, while requests
// still run on the engine thread only. Slower than epoll (two hops per batch), but it runs wherever .NET does and shows
// that nothing above the seam knows which transport it has.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

/// <summary>Pipelines transport. All members on the engine thread except <see cref="Wake"/> and <see cref="Ready"/>.</summary>
public sealed class PipeTransport(IRequestHandler handler, TransportOptions options) : ITransport
{
    private readonly ConcurrentQueue<PipeConnection> _ready = new();
    private readonly ConcurrentQueue<(Socket Socket, IRequestHandler Handler)> _accepted = new();
    private readonly HashSet<PipeConnection> _open = [];
    private readonly List<Socket> _listeners = [];
    private readonly SemaphoreSlim _signal = new(0, int.MaxValue);
    private readonly Queue<(PipeConnection Connection, byte[] Bytes, long Offset)> _held = new();
    private long _nextId;

    public string Name => "pipes";

    public TransportOptions Options => options;

    public ReplyWriter Replies { get; } = new(64 * 1024);

    public bool HoldReplies { get; set; }

    public Action? Awake { get; set; }

    public int ConnectionCount => _open.Count;

    public long BytesIn { get; internal set; }

    public long BytesOut { get; internal set; }

    public EndPoint Listen(EndPoint at, int backlog, IRequestHandler? other = null)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, at is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            if (at.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
            socket.Bind(at);
            socket.Listen(backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        _listeners.Add(socket);
        _ = AcceptAsync(socket, other ?? handler);
        return socket.LocalEndPoint!;
    }

    public void StopListening()
    {
        foreach (var socket in _listeners) socket.Dispose();
        _listeners.Clear();
    }

    public void Turn(int timeoutMs)
    {
        _signal.Wait(timeoutMs);
        while (_signal.CurrentCount > 0 && _signal.Wait(0)) { }
        Awake?.Invoke();
        while (_accepted.TryDequeue(out var accepted)) Add(accepted.Socket, accepted.Handler);
        for (int left = _ready.Count; left > 0 && _ready.TryDequeue(out var connection); left--) connection.Serve();
    }

    public void TurnInside()
    {
        IsInside = true;
        while (_accepted.TryDequeue(out var accepted)) Add(accepted.Socket, accepted.Handler);
        for (int left = _ready.Count; left > 0 && _ready.TryDequeue(out var connection); left--) connection.Serve();
        IsInside = false;
    }

    /// <summary>A turn runs inside a request: its answers leave at once.</summary>
    internal bool IsInside { get; private set; }

    public void EndTurn(long offset, long durableOffset)
    {
        if (_unheld.Count == 0) return;
        foreach (var (connection, bytes) in _unheld) _held.Enqueue((connection, bytes, offset));
        _unheld.Clear();
        ReleaseReplies(HoldReplies ? durableOffset : long.MaxValue);
    }

    public void ReleaseReplies(long durableOffset)
    {
        while (_held.TryPeek(out var first) && first.Offset <= durableOffset)
        {
            _held.Dequeue();
            first.Connection.Released(first.Bytes);
        }
    }

    public void Wake() => _signal.Release();

    public void Dispose()
    {
        StopListening();
        foreach (var connection in _open.ToArray()) connection.Close();
        Replies.Dispose();
    }

    private readonly List<(PipeConnection Connection, byte[] Bytes)> _unheld = [];

    internal int Consume(PipeConnection connection, ReadOnlySpan<byte> bytes)
    {
        int mark = Replies.Length;
        int used = connection.Handler.Consume(connection, bytes);
        int length = Replies.Length - mark;
        if (length > 0)
        {
            connection.Reply(Replies.Written.Slice(mark, length));
            Replies.Truncate(mark);
        }
        return used;
    }

    /// <summary>Keeps bytes until the journal offset this turn reaches is durable.</summary>
    internal void Hold(PipeConnection connection, ReadOnlySpan<byte> bytes) => _unheld.Add((connection, bytes.ToArray()));

    /// <summary>The connection has something for the engine. Any thread.</summary>
    internal void Ready(PipeConnection connection)
    {
        _ready.Enqueue(connection);
        _signal.Release();
    }

    internal void Forget(PipeConnection connection)
    {
        if (_open.Remove(connection)) connection.Handler.Closed(connection);
    }

    private async Task AcceptAsync(Socket listener, IRequestHandler server)
    {
        while (true)
        {
            try
            {
                _accepted.Enqueue((await listener.AcceptAsync().ConfigureAwait(false), server));
                _signal.Release();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.ConnectionAborted or SocketError.ConnectionReset)
            {
                await Task.Delay(100).ConfigureAwait(false);
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    private void Add(Socket socket, IRequestHandler server)
    {
        string remote, local;
        try
        {
            remote = socket.RemoteEndPoint is IPEndPoint r ? r.ToString() : "/unix";
            local = socket.LocalEndPoint?.ToString() ?? "";
            if (remote[0] != '/') socket.NoDelay = true;
            if (options.KeepAliveSeconds > 0) socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return;
        }
        var connection = new PipeConnection(this, ++_nextId, socket, remote, local) { Handler = server };
        _open.Add(connection);
        if (!server.Opened(connection) && !connection.IsClosed) connection.CloseAfterReplies();
        else connection.Start();
    }
}
