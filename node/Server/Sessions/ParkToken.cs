// The promise of a reply that comes later: WAIT, a paused slot, a snapshot to be sent.
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;

namespace Shoal.Server.Sessions;

/// <summary>A parked command. Complete it once, on the engine thread; later calls do nothing.</summary>
public sealed class ParkToken
{
    private readonly NodeServices _node;
    private readonly Action<ReplyWriter>? _onTimeout;
    private IDisposable? _timer;
    private bool _done;

    internal ParkToken(NodeServices node, Session session, Action<ReplyWriter>? onTimeout)
    {
        _node = node;
        Session = session;
        _onTimeout = onTimeout;
    }

    public Session Session { get; }

    /// <summary>True once completed, timed out or cut by a closed connection.</summary>
    public bool IsDone => _done;

    /// <summary>CLIENT UNBLOCK may end it.</summary>
    internal bool CanTimeOut => _onTimeout is not null;

    /// <summary>Raised when the token ends without <see cref="Complete"/>: timeout, CLIENT UNBLOCK, or the client left.</summary>
    public Action? Abandoned { get; set; }

    /// <summary>Writes the reply and lets the session go on.</summary>
    public void Complete(Action<ReplyWriter> reply)
    {
        if (_done) return;
        End();
        if (Session.Connection is { IsClosed: false } connection) _node.Dispatcher.ReplyLater(Session, connection, reply);
    }

    /// <summary>Lets the session go on without a reply (it was taken over, or the request is to run again).</summary>
    public void Release()
    {
        if (_done) return;
        End();
        Session.Connection?.Resume();
    }

    /// <summary>The time is over, or CLIENT UNBLOCK.</summary>
    internal bool TimeOut(string? error = null)
    {
        if (_done || (error is null && _onTimeout is null)) return false;
        Complete(error is null ? _onTimeout! : w => w.Error(error));
        Abandoned?.Invoke();
        return true;
    }

    internal void Cut()
    {
        if (_done) return;
        End();
        Abandoned?.Invoke();
    }

    internal void ArmTimeout(TimeSpan after) => _timer = _node.Engine.After(after, () => TimeOut());

    private void End()
    {
        _done = true;
        _timer?.Dispose();
        if (Session.Parked == this) Session.Parked = null;
    }
}
