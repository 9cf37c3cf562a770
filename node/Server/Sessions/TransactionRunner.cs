// MULTI, EXEC, DISCARD, WATCH: the queue runs as one piece on the engine thread, and reaches journal and replicas as one
// MULTI ... EXEC.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Sessions;

internal sealed unsafe class TransactionRunner(NodeServices node, Dispatcher dispatcher)
{
    private readonly RespReader _reader = new(new RespLimits());

    public WatchRegistry Watches { get; } = new();

    public void Exec(ref CommandContext c)
    {
        var session = c.Session;
        if (session.Transaction is not { } open)
        {
            c.Reply.Error(ErrorReplies.ExecWithoutMulti);
            return;
        }
        if (open.Aborted) c.Reply.Error(ErrorReplies.ExecAbort);
        else if (session.Watched is { } watched && (watched.Dirty || HasExpired(watched))) c.Reply.NullArray();
        else
        {
            session.Transaction = null;
            RunQueue(ref c, open);
        }
        session.Transaction = null;
        open.Dispose();
        Unwatch(session);
    }

    public void Discard(Session session)
    {
        session.Transaction?.Dispose();
        session.Transaction = null;
        Unwatch(session);
    }

    public void Watch(ref CommandContext c)
    {
        var watched = c.Session.Watched ??= new WatchedKeys();
        for (int i = 1; i < c.ArgCount; i++) Watches.Watch(watched, c.Db, c[i], c.Slot, c.Keys.Peek(c[i], c.Slot).Exists);
        c.Reply.Ok();
    }

    public void Unwatch(Session session)
    {
        if (session.Watched is not { } watched) return;
        Watches.Unwatch(watched);
        session.Watched = null;
    }

    public void Forget(Session session) => Discard(session);

    private void RunQueue(ref CommandContext c, Transaction open)
    {
        c.Reply.Array(open.Count);
        // DontPropagate: EXEC itself is written by the journal around what the queue changed.
        c.DontPropagate();
        node.Journal.OpenTransaction();
        int at = 0;
        byte* start = open.Frames.Start;
        var inner = dispatcher.Begin(c.Session, c.Reply);
        inner.IsReplay = c.IsReplay;
        inner.IsInner = true;
        inner.Slot = Math.Max(open.Slot, 0);
        for (int i = 0; i < open.Count; i++)
        {
            _reader.Read(start + at, open.Frames.Length - at, out inner.Request, out int length);
            at += length;
            dispatcher.Resolve(ref inner);
            if (!c.IsReplay && !c.Session.User.IsUnrestricted && node.Access.Check(c.Session, inner.Command, inner.Request, "multi") is { } denied)
                c.Reply.Error(denied.ErrorAtExec());
            else dispatcher.Call(ref inner);
        }
        node.Journal.CloseTransaction();
        c.Reply.ErrorSeen = false;
    }

    /// <summary>A key that was there at WATCH and is due now has changed, though nobody has touched it yet.</summary>
    private bool HasExpired(WatchedKeys watched) =>
        watched.Keys.Exists(k => k.Existed && !node.Databases[k.Db].Peek(k.Key, k.Slot).Exists);
}
