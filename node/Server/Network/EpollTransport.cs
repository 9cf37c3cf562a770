// The fast transport: one level-triggered epoll, one receive buffer and one reply writer for all connections. Per ready
// socket and turn there is one recv, everything complete runs, one send. Without hand-over to other threads a command
// costs no wake-up, and the shared buffers stay in the first-level caches.
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

/// <summary>Direct epoll. All members on the engine thread except <see cref="Wake"/>.</summary>
public sealed unsafe class EpollTransport : ITransport
{
    private const int MaxEvents = 512;

    private readonly IRequestHandler _handler;
    private readonly HeldReplies _held;
    private readonly List<(Socket Socket, IRequestHandler Handler)> _listeners = [];
    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte* _events;
    private readonly byte* _shared;
    private EpollConnection?[] _byFd = new EpollConnection?[256];
    private List<EpollConnection> _leftover = [];
    private List<EpollConnection> _leftoverNext = [];
    private readonly List<EpollConnection> _gathered = [];
    private EpollConnection? _consuming;
    /// <summary>While a turn runs inside a request: its own events and receive buffer, and whose request that is.</summary>
    private byte* _insideEvents;
    private byte* _insideShared;
    private EpollConnection? _outer;
    private bool _isInside;
    private long _nextId;
    private bool _resting;

    public EpollTransport(IRequestHandler handler, TransportOptions options)
    {
        _handler = handler;
        Options = options;
        _held = new HeldReplies(this);
        _epoll = Check(Libc.EpollCreate(Libc.CloseOnExec), "epoll_create1");
        _wake = Check(Libc.EventFd(0, Libc.CloseOnExec | Libc.NonBlocking), "eventfd");
        _events = (byte*)NativeMemory.Alloc(MaxEvents * 16);
        _shared = (byte*)NativeMemory.AlignedAlloc(TransportOptions.TurnBytes, 64);
        Control(Libc.CtlAdd, _wake, Libc.EpollIn);
    }

    /// <summary>Epoll exists on this operating system.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    public string Name => "epoll";

    public TransportOptions Options { get; }

    /// <summary>Where the running batch writes its replies.</summary>
    public ReplyWriter Replies { get; private set; } = new(256 * 1024);

    public bool HoldReplies { get; set; }

    public Action? Awake { get; set; }

    public int ConnectionCount { get; private set; }

    public long BytesIn { get; internal set; }

    public long BytesOut { get; internal set; }

    public EndPoint Listen(EndPoint at, int backlog, IRequestHandler? handler = null)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (at.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
            int fd = (int)socket.Handle;
            if (at is IPEndPoint) Libc.SetOption(fd, 1 /* SOL_SOCKET */, 2 /* SO_REUSEADDR */, 1);
            socket.Bind(at);
            socket.Listen(backlog);
            socket.Blocking = false;
            Control(Libc.CtlAdd, fd, Libc.EpollIn);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        _listeners.Add((socket, handler ?? _handler));
        return socket.LocalEndPoint!;
    }

    public void StopListening()
    {
        foreach (var (socket, _) in _listeners)
        {
            Control(Libc.CtlDelete, (int)socket.Handle, 0);
            socket.Dispose();
        }
        _listeners.Clear();
    }

    public void Turn(int timeoutMs)
    {
        if (_leftoverNext.Count > 0) timeoutMs = 0;
        int count = Libc.EpollWait(_epoll, _events, MaxEvents, timeoutMs);
        Awake?.Invoke();
        (_leftover, _leftoverNext) = (_leftoverNext, _leftover);
        for (int i = 0; i < count; i++)
        {
            byte* at = _events + i * Libc.EventSize;
            Serve(*(int*)at, *(int*)(at + Libc.EventPayload), _shared);
        }
        foreach (var connection in _leftover)
        {
            connection.IsListed = false;
            connection.Run();
        }
        _leftover.Clear();
    }

    public void TurnInside()
    {
        if (_insideEvents is null)
        {
            _insideEvents = (byte*)NativeMemory.Alloc(MaxEvents * 16);
            _insideShared = (byte*)NativeMemory.AlignedAlloc(TransportOptions.TurnBytes, 64);
        }
        _isInside = true;
        _outer = _consuming;
        int count = Libc.EpollWait(_epoll, _insideEvents, MaxEvents, 0);
        for (int i = 0; i < count; i++)
        {
            byte* at = _insideEvents + i * Libc.EventSize;
            int fd = *(int*)(at + Libc.EventPayload);
            // Posts wait for the outer turn, and so does whatever else the running request's client sends.
            if (fd != _wake && fd != _outer?.Fd) Serve(*(int*)at, fd, _insideShared);
        }
        _consuming = _outer;
        _outer = null;
        _isInside = false;
    }

    public void EndTurn(long offset, long durableOffset)
    {
        _held.EndTurn(offset, durableOffset);
        FlushGathered();
    }

    public void ReleaseReplies(long durableOffset)
    {
        _held.Release(durableOffset);
        FlushGathered();
    }

    public void Wake()
    {
        ulong one = 1;
        _ = Libc.Write(_wake, (byte*)&one, 8);
    }

    public void Dispose()
    {
        StopListening();
        foreach (var connection in _byFd) connection?.Close();
        _ = Libc.Close(_epoll);
        _ = Libc.Close(_wake);
        NativeMemory.Free(_events);
        NativeMemory.AlignedFree(_shared);
        NativeMemory.Free(_insideEvents);
        NativeMemory.AlignedFree(_insideShared);
    }

    internal int Consume(EpollConnection connection, ReadOnlySpan<byte> bytes)
    {
        _consuming = connection;
        int mark = Replies.Length;
        int used = connection.Handler.Consume(connection, bytes);
        _consuming = null;
        int length = Replies.Length - mark;
        if (length > 0)
        {
            if (_isInside) AnswerInside(connection, mark, length);
            else if (HoldReplies || connection.HeldBytes > 0) _held.Add(connection, mark, length, aside: false);
            else
            {
                connection.Reply(Replies.Start + mark, length);
                if (mark == 0) Replies.Clear(1024 * 1024);
                else Replies.Truncate(mark);
            }
        }
        else if (connection is { IsClosing: true, PendingOutput: 0 }) connection.Close();
        return used;
    }

    /// <summary>The running request's replies end at <paramref name="mark"/>: what lies behind must be gone before it goes on.</summary>
    private void AnswerInside(EpollConnection connection, int mark, int length)
    {
        if (connection.HeldBytes > 0) _held.Append(connection, new ReadOnlySpan<byte>(Replies.Start + mark, length));
        else connection.Reply(Replies.Start + mark, length);
        Replies.Truncate(mark);
    }

    internal bool IsConsuming(EpollConnection connection) => _consuming == connection || _outer == connection;

    /// <summary>Bytes that must stay behind replies which wait for the disk.</summary>
    internal void Hold(EpollConnection connection, ReadOnlySpan<byte> bytes) => _held.Append(connection, bytes);

    /// <summary>The connection has bytes to send at the end of the turn.</summary>
    internal void Gathered(EpollConnection connection) => _gathered.Add(connection);

    /// <summary>Gives the writer of this turn away and takes an empty one.</summary>
    internal ReplyWriter SwapReplies(ReplyWriter empty)
    {
        var full = Replies;
        Replies = empty;
        return full;
    }

    /// <summary>The connection has requests left: it is served again in the next turn, behind the others.</summary>
    internal void List(EpollConnection connection)
    {
        if (connection.IsListed) return;
        connection.IsListed = true;
        _leftoverNext.Add(connection);
    }

    internal void Forget(EpollConnection connection)
    {
        Control(Libc.CtlDelete, connection.Fd, 0);
        _byFd[connection.Fd] = null;
        ConnectionCount--;
        if (_resting) RestListeners(false);
        connection.Handler.Closed(connection);
    }

    internal void Control(int operation, int fd, int interest)
    {
        byte* e = stackalloc byte[16];
        *(int*)e = interest;
        *(long*)(e + Libc.EventPayload) = fd;
        _ = Libc.EpollControl(_epoll, operation, fd, e);
    }

    private void FlushGathered()
    {
        // A flush may close its connection, whose farewell may gather more: the list can grow meanwhile.
        for (int i = 0; i < _gathered.Count; i++) _gathered[i].FlushGathered();
        _gathered.Clear();
    }

    private void Serve(int events, int fd, byte* buffer)
    {
        if (fd == _wake)
        {
            ulong drained;
            _ = Libc.Read(_wake, (byte*)&drained, 8);
            return;
        }
        if ((uint)fd >= (uint)_byFd.Length || _byFd[fd] is not { } connection)
        {
            int listener = _listeners.FindIndex(l => (int)l.Socket.Handle == fd);
            if (listener >= 0) Accept(fd, _listeners[listener].Handler);
            return;
        }
        if ((events & Libc.EpollOut) != 0) connection.WriteReady();
        if ((events & (Libc.EpollIn | Libc.EpollHup | Libc.EpollErr | Libc.EpollRdHup)) == 0 || connection.IsClosed) return;
        // A hang-up is reported even when nothing was asked for: a paused connection must not spin on it.
        if ((events & (Libc.EpollHup | Libc.EpollErr | Libc.EpollRdHup)) != 0 && (connection.Interest & Libc.EpollIn) == 0) connection.Close();
        else connection.ReadReady(buffer, TransportOptions.TurnBytes);
    }

    private void Accept(int listener, IRequestHandler handler)
    {
        byte* address = stackalloc byte[128];
        for (int i = 0; i < 256; i++)
        {
            int length = 128;
            int fd = Libc.Accept(listener, address, &length, Libc.CloseOnExec | Libc.NonBlocking);
            if (fd < 0)
            {
                // Out of descriptors: the listener would stay readable and spin, so it rests until one is freed.
                if (Marshal.GetLastPInvokeError() is Libc.TooManyFiles or Libc.TooManyFilesSystem) RestListeners(true);
                return;
            }
            string remote = Libc.AddressText(address, length);
            length = 128;
            string local = Libc.GetSocketName(fd, address, &length) == 0 ? Libc.AddressText(address, length) : "";
            Tune(fd, remote);
            Add(fd, remote, local, handler);
        }
    }

    private void RestListeners(bool rest)
    {
        _resting = rest;
        foreach (var (socket, _) in _listeners) Control(Libc.CtlModify, (int)socket.Handle, rest ? 0 : Libc.EpollIn);
    }

    private void Tune(int fd, string remote)
    {
        if (remote.StartsWith('/')) return;
        Libc.SetOption(fd, 6 /* TCP */, 1 /* NODELAY */, 1);
        if (Options.KeepAliveSeconds <= 0) return;
        Libc.SetOption(fd, 1 /* SOL_SOCKET */, 9 /* KEEPALIVE */, 1);
        Libc.SetOption(fd, 6, 4 /* KEEPIDLE */, Options.KeepAliveSeconds);
        Libc.SetOption(fd, 6, 5 /* KEEPINTVL */, Math.Max(Options.KeepAliveSeconds / 3, 1));
        Libc.SetOption(fd, 6, 6 /* KEEPCNT */, 3);
    }

    private void Add(int fd, string remote, string local, IRequestHandler handler)
    {
        if (fd >= _byFd.Length) Array.Resize(ref _byFd, Math.Max(fd + 1, _byFd.Length * 2));
        var connection = new EpollConnection(this, ++_nextId, fd, remote, local) { Handler = handler };
        _byFd[fd] = connection;
        ConnectionCount++;
        Control(Libc.CtlAdd, fd, Libc.EpollIn);
        if (!handler.Opened(connection) && !connection.IsClosed) connection.CloseAfterReplies();
    }

    private static int Check(int result, string call) =>
        result >= 0 ? result : throw new InvalidOperationException($"{call}: errno {Marshal.GetLastPInvokeError()}");
}
