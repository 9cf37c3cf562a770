// The bus thread: one loop over all bus sockets, the ten ticks a second, and the work other threads hand in. It never waits for the
// reactor, so heartbeats go out however busy that is; and it is the only thread that touches the ClusterModel.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Shoal.Server.Cluster.Bus;

/// <summary>What the loop calls; all on the bus thread.</summary>
internal interface IBusEvents
{
    void Message(BusLink link, BusMessage message);
    void LinkUp(BusLink link);
    void LinkDown(BusLink link);
    void Tick(long iteration);
    /// <summary>Everything of this round is handled: publish and save what changed.</summary>
    void RoundEnd();
    void Failed(Exception error);
    void Log(string text);
}

internal sealed class BusTransport : IDisposable
{
    private const int TickMs = 100;
    private readonly IBusEvents _events;
    private readonly TimeProvider _time;
    private readonly List<Socket> _listeners = [];
    private readonly Dictionary<Socket, BusLink> _links = [];
    private readonly ConcurrentQueue<Action> _work = new();
    private readonly Socket _wakeReceiver;
    private readonly Socket _wakeSender;
    private readonly Thread _thread;
    private readonly IPAddress? _source;
    private int _wakePending;
    private volatile bool _stopping;

    /// <param name="events">Who handles what happens.</param>
    /// <param name="addresses">Addresses to listen on.</param>
    /// <param name="port">Bus port.</param>
    /// <param name="time">Clock of link ages.</param>
    /// <exception cref="SocketException">An address cannot be bound.</exception>
    public BusTransport(IBusEvents events, IReadOnlyList<IPAddress> addresses, int port, TimeProvider time)
    {
        _events = events;
        _time = time;
        foreach (var address in addresses) _listeners.Add(Listen(address, port));
        // Links go out from the address this node is known by, as peers identify a node met without announce-ip by it.
        _source = addresses.Count > 0 && !addresses[0].Equals(IPAddress.Any) && !addresses[0].Equals(IPAddress.IPv6Any) ? addresses[0] : null;
        using var pair = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        pair.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        pair.Listen(1);
        _wakeSender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _wakeSender.Connect(pair.LocalEndPoint!);
        _wakeReceiver = pair.Accept();
        _wakeReceiver.Blocking = false;
        _wakeSender.NoDelay = true;
        _thread = new Thread(Loop) { IsBackground = true, Name = "cluster-bus", Priority = ThreadPriority.AboveNormal };
    }

    public void Start() => _thread.Start();

    public bool IsBusThread => Thread.CurrentThread == _thread;

    /// <summary>Runs on the bus thread soon. Any thread.</summary>
    public void Post(Action work)
    {
        _work.Enqueue(work);
        if (Interlocked.Exchange(ref _wakePending, 1) == 0 && !_stopping) _wakeSender.Send([1], SocketFlags.None, out _);
    }

    /// <summary>Opens a link; null when it fails at once. Bus thread.</summary>
    public BusLink? Connect(string ip, int port)
    {
        if (!IPAddress.TryParse(ip, out var address) || port is <= 0 or > 65535) return null;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false, NoDelay = true };
        try
        {
            if (_source is not null && _source.AddressFamily == address.AddressFamily) socket.Bind(new IPEndPoint(_source, 0));
            socket.Connect(address, port);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // goes on in the background; the socket turns writable when it is decided
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
        var link = new BusLink(socket, inbound: false, NowMs());
        _links[socket] = link;
        return link;
    }

    public void Dispose()
    {
        _stopping = true;
        Post(() => { });
        if (_thread.IsAlive && !IsBusThread) _thread.Join(TimeSpan.FromSeconds(5));
        foreach (var listener in _listeners) listener.Dispose();
        foreach (var link in _links.Values) link.Close();
        _wakeSender.Dispose();
        _wakeReceiver.Dispose();
    }

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static Socket Listen(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(128);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return socket;
    }

    private void Loop()
    {
        var read = new List<Socket>();
        var write = new List<Socket>();
        long iteration = 0, nextTick = Environment.TickCount64;
        while (!_stopping)
        {
            try
            {
                long wait = Math.Clamp(nextTick - Environment.TickCount64, 0, TickMs);
                Round(read, write, (int)wait);
                if (Environment.TickCount64 >= nextTick)
                {
                    nextTick = Environment.TickCount64 + TickMs;
                    _events.Tick(iteration++);
                }
                _events.RoundEnd();
            }
#pragma warning disable CA1031 // one bad round must not end the heartbeats; the owner decides whether the node can go on
            catch (Exception error)
#pragma warning restore CA1031
            {
                _events.Failed(error);
            }
        }
    }

    private void Round(List<Socket> read, List<Socket> write, int waitMs)
    {
        read.Clear();
        write.Clear();
        read.Add(_wakeReceiver);
        read.AddRange(_listeners);
        foreach (var (socket, link) in _links.ToArray())
        {
            if (link.IsClosed)
            {
                Drop(link);
                continue;
            }
            if (link.IsUp) read.Add(socket);
            if (link.WantsWrite) write.Add(socket);
        }
        Socket.Select(read, write.Count > 0 ? write : null, null, waitMs * 1000);
        foreach (var socket in write)
            if (_links.TryGetValue(socket, out var link) && !link.IsClosed) Write(link);
        foreach (var socket in read)
        {
            if (socket == _wakeReceiver) DrainWake();
            else if (_links.TryGetValue(socket, out var link))
            {
                if (link.IsClosed) continue;
                if (link.Receive(_events.Message) is { } reason) Break(link, reason);
            }
            else Accept(socket);
        }
        while (_work.TryDequeue(out var work)) work();
    }

    private void Write(BusLink link)
    {
        if (link.IsUp)
        {
            if (!link.Flush()) Break(link, "");
        }
        else if (link.FinishConnect()) _events.LinkUp(link);
        else Break(link, "");
    }

    private void Break(BusLink link, string reason)
    {
        if (reason.Length > 0) _events.Log($"bus link with {link.RemoteIp} closed: {reason}");
        link.Close();
        Drop(link);
    }

    private void Drop(BusLink link)
    {
        if (_links.Remove(link.Socket)) _events.LinkDown(link);
    }

    private void Accept(Socket listener)
    {
        for (int i = 0; i < 64; i++)
        {
            try
            {
                var socket = listener.Accept();
                socket.Blocking = false;
                socket.NoDelay = true;
                _links[socket] = new BusLink(socket, inbound: true, NowMs());
            }
            catch (SocketException)
            {
                return; // nobody left in the queue, or the peer is gone already
            }
        }
    }

    private void DrainWake()
    {
        Span<byte> sink = stackalloc byte[64];
        while (_wakeReceiver.Receive(sink, SocketFlags.None, out var error) > 0 && error == SocketError.Success) { }
        Volatile.Write(ref _wakePending, 0);
    }
}
