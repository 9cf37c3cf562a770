// One socket as the engine sees it. Transports derive from it; sessions, replica links and the rest only know this much.
using System.Net;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

/// <summary>A client connection. Engine thread only, except where noted.</summary>
public abstract class Connection
{
    private bool _closing;

    protected Connection(long id, string remote, string local)
    {
        Id = id;
        RemoteAddress = remote;
        LocalAddress = local;
    }

    /// <summary>Increasing number, never reused: CLIENT ID.</summary>
    public long Id { get; }

    /// <summary>"ip:port" of the peer, or the socket path.</summary>
    public string RemoteAddress { get; }

    /// <summary>"ip:port" on our side.</summary>
    public string LocalAddress { get; }

    /// <summary>Socket number for CLIENT LIST; -1 where there is none.</summary>
    public virtual int Descriptor => -1;

    /// <summary>Who serves it.</summary>
    internal IRequestHandler Handler { get; init; } = null!;

    /// <summary>Handler's state of this connection (the session).</summary>
    public object? State { get; set; }

    /// <summary>Where replies of the running batch go; only valid inside <see cref="IRequestHandler.Consume"/>.</summary>
    public abstract ReplyWriter Replies { get; }

    /// <summary>Total bytes the handler wants before <c>Consume</c> can make progress (a hint for large values).</summary>
    public int WantedBytes { get; set; }

    /// <summary>While true no further requests are read: the session is parked.</summary>
    public bool IsPaused { get; private set; }

    /// <summary>True once closing has begun; nothing sent after that arrives.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Bytes accepted by <see cref="Send"/> (or replied) that the kernel has not taken yet.</summary>
    public abstract long PendingOutput { get; }

    /// <summary>Bytes received but not consumed yet.</summary>
    public virtual int PendingInput => 0;

    /// <summary>Raised when the socket takes bytes again after a short <see cref="TrySend"/> or a <see cref="Send"/> that had to wait.</summary>
    public Action? Writable { get; set; }

    /// <summary>Raised once when the connection is gone (peer closed, error, or <see cref="Close"/>).</summary>
    public Action? Closed { get; set; }

    /// <summary>Loopback or unix socket: protected-mode lets it in.</summary>
    public bool IsLocal => RemoteAddress.StartsWith('/') || (IPEndPoint.TryParse(RemoteAddress, out var end) && IPAddress.IsLoopback(end.Address));

    /// <summary>Queues bytes behind everything sent before; writes what the kernel takes at once.</summary>
    public abstract void Send(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// As <see cref="Send"/>, but the bytes leave at the end of the turn, together with what follows in it: a subscriber gets
    /// the messages of a turn in one piece. Never closes the connection before it returns.
    /// </summary>
    public abstract void SendSoon(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Writes what the socket takes now and returns how much that was (0: it is full, or replies are still queued before).
    /// Nothing is kept: after a short answer wait for <see cref="Writable"/>.
    /// </summary>
    public abstract int TrySend(ReadOnlySpan<byte> bytes);

    /// <summary>Stops reading requests until <see cref="Resume"/>.</summary>
    public void Pause()
    {
        IsPaused = true;
        PauseChanged();
    }

    /// <summary>Goes on reading; requests already received run in the next turn.</summary>
    public void Resume()
    {
        if (!IsPaused) return;
        IsPaused = false;
        PauseChanged();
    }

    /// <summary>Closes at once; <see cref="Closed"/> is raised before this returns. Unsent output is lost.</summary>
    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        CloseSocket();
        Closed?.Invoke();
    }

    /// <summary>Reads nothing more and closes once everything queued has left.</summary>
    public void CloseAfterReplies()
    {
        _closing = true;
        PauseChanged();
    }

    /// <summary>True after <see cref="CloseAfterReplies"/>.</summary>
    public bool IsClosing => _closing;

    /// <summary>The transport looks at <see cref="IsPaused"/> and <see cref="IsClosing"/> again.</summary>
    protected abstract void PauseChanged();

    protected abstract void CloseSocket();
}
