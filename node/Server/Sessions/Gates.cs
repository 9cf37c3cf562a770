// The gates every client request passes, in one order, in one list: known, arity, authenticated, permitted, paused, routed,
// loading, stale, writable, memory, queued. Each says go on, or writes the error, or asks to be tried again later.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Security;

namespace Shoal.Server.Sessions;

/// <summary>What the gates decided.</summary>
internal enum Verdict : byte
{
    Run,

    /// <summary>The reply (an error, or QUEUED) is written.</summary>
    Answered,

    /// <summary>The session was parked; the same request runs again when it is released.</summary>
    Later,
}

internal sealed class Gates(NodeServices node)
{
    private readonly ServingState _serving = node.Serving;

    /// <summary>Makes room under maxmemory, or says why it cannot; set by the part that owns eviction.</summary>
    public Func<bool>? EnsureMemory { get; set; }

    public Verdict Check(ref CommandContext c)
    {
        var session = c.Session;
        if (node.Dispatcher.Resolve(ref c) is { } unknown) return Refuse(ref c, unknown);
        var command = c.Command;
        if (!session.Authenticated && (command.Flags & CommandFlags.NoAuth) == 0 && node.Access.Users.LoginRequired) return Refuse(ref c, ErrorReplies.NoAuth);
        if (c.IsReplay) return Queue(ref c);
        if (_serving.Busy is { } busy && (command.Flags & CommandFlags.AllowBusy) == 0) return Refuse(ref c, busy.Refusal);
        if (session.Transaction is not null && (command.Flags & CommandFlags.NoMulti) != 0)
            return Refuse(ref c, "ERR Command not allowed inside a transaction");
        if (!session.User.IsUnrestricted && Denied(ref c) is { } denied) return Refuse(ref c, denied.Error(session.User, command));
        if (_serving.IsPausing && IsPaused(ref c)) return Later(ref c);
        if (node.Cluster.Enabled && !command.Keys.IsEmpty)
        {
            var route = Route(ref c, out string? redirect);
            if (route == RouteKind.Wait) return Later(ref c);
            if (redirect is not null) return Refuse(ref c, redirect);
        }
        else c.Slot = 0;
        if (session.Transaction is { Slot: >= 0 } open && command.Name == "exec")
        {
            // Between QUEUED and now the slot may have moved or be paused.
            var again = node.Cluster.RouteSlot(open.Slot, open.HasWrite, session);
            if (again.Kind == RouteKind.Wait) return Later(ref c);
            if (again.Error is not null) return Refuse(ref c, ErrorReplies.ExecAbortedBy(again.Error));
        }
        if (session.IsRestricted && Restriction(ref c) is { } restricted) return Refuse(ref c, restricted);
        if (Refusal(ref c) is { } refusal)
            return Refuse(ref c, session.Transaction is not null && command.Name == "exec" ? ErrorReplies.ExecAbortedBy(refusal) : refusal);
        return Queue(ref c);
    }

    /// <summary>A RESP2 subscriber has no way to tell a reply from a message; a monitor is a replica of a kind.</summary>
    private static string? Restriction(ref CommandContext c)
    {
        var command = c.Command;
        if (c.Session.Kind == SessionKind.PubSub && c.Session.Resp == 2
            && !(command.Has(CommandFlags.PubSub) && command.Has(CommandFlags.NoScript)) && command.Name is not ("ping" or "quit" or "reset"))
            return ErrorReplies.SubscriberMode(command.FullName);
        const CommandFlags data = CommandFlags.Write | CommandFlags.ReadOnly | CommandFlags.MayReplicate;
        if (c.Session.IsMonitor && (command.Flags & data) != 0) return "ERR Replica can't interact with the keyspace";
        return null;
    }

    /// <summary>The gates for a command of another protocol than RESP: its row is known and it is never queued.
    /// <paramref name="refusal"/>: RESP's error text, for the caller to put into its own words.</summary>
    public Verdict CheckForeign(ref CommandContext c, out string? refusal)
    {
        refusal = null;
        c.Slot = 0;
        if (_serving.Busy is { } busy) refusal = busy.Refusal;
        else if (!c.Session.User.IsUnrestricted && Denied(ref c) is { } denied) refusal = denied.Error(c.Session.User, c.Command);
        else if (_serving.IsPausing && IsPaused(ref c)) return Later(ref c);
        else if (node.Cluster.Enabled && !c.Command.Keys.IsEmpty && Route(ref c, out refusal) == RouteKind.Wait) return Later(ref c);
        refusal ??= Refusal(ref c);
        return refusal is null ? Verdict.Run : Verdict.Answered;
    }

    /// <summary>permitted: what the session's user may not do. Asked again for each queued command when EXEC runs it.</summary>
    public Denial? Denied(ref CommandContext c) =>
        node.Access.Check(c.Session, c.Command, c.Request, c.Session.Transaction is null ? "toplevel" : "multi");

    /// <summary>loading, stale, writable, memory: the state of the node against what the command is; EXEC is what it queued.</summary>
    public string? Refusal(ref CommandContext c)
    {
        var flags = c.Command.FlagsOf(c.Request);
        if (c.Session.Transaction is { Count: > 0 } open && (flags & CommandFlags.Immediate) != 0 && c.Command.Name == "exec")
        {
            const CommandFlags ifAll = CommandFlags.Loading | CommandFlags.Stale;
            flags = (open.AnyFlags & ~ifAll) | (open.AllFlags & ifAll);
        }
        if (_serving.IsLoading && (flags & CommandFlags.Loading) == 0) return ErrorReplies.Loading;
        if (_serving.StaleRefusal is { } stale && (flags & CommandFlags.Stale) == 0 && stale() is { } down) return down;
        bool write = (flags & CommandFlags.Write) != 0;
        if (write)
        {
            foreach (var refusal in _serving.WriteRefusals)
                if (refusal() is { } error) return error;
        }
        if ((flags & CommandFlags.DenyOom) != 0 && EnsureMemory is { } ensure && !ensure()) return ErrorReplies.OutOfMemory;
        return null;
    }

    /// <summary>Where a replayed write belongs: its first key decides.</summary>
    public int SlotForReplay(ref CommandContext c)
    {
        if (!node.Cluster.Enabled) return 0;
        int key = c.Command.Keys.FirstKey(c.Request);
        return key == 0 ? 0 : HashSlot.Of(c.Request[key]);
    }

    private static Verdict Queue(ref CommandContext c)
    {
        if (c.Session.Transaction is not { } open || (c.Command.Flags & CommandFlags.Immediate) != 0) return Verdict.Run;
        open.Queue(c.Request, c.Command.FlagsOf(c.Request));
        c.Reply.Queued();
        return Verdict.Answered;
    }

    private RouteKind Route(ref CommandContext c, out string? error)
    {
        var decision = node.Cluster.Route(c.Command, c.Request, c.Session);
        c.Session.Asking = false;
        c.Slot = decision.Slot;
        error = decision.Error;
        if (decision.Kind != RouteKind.Serve || c.Session.Transaction is not { } open || decision.Slot < 0) return decision.Kind;
        // EXEC runs on one node at one moment: all of its keys share a slot.
        if (open.Slot >= 0 && open.Slot != decision.Slot) error = ErrorReplies.CrossSlot;
        else open.Slot = decision.Slot;
        return error is null ? decision.Kind : RouteKind.Refuse;
    }

    private bool IsPaused(ref CommandContext c)
    {
        if (_serving.PausedUntilMs <= c.NowMs) _serving.PausedUntilMs = 0;
        if (!_serving.IsPausing) return false;
        if (c.Session.Kind is not (SessionKind.Normal or SessionKind.PubSub) || (c.Command.Flags & CommandFlags.Immediate) != 0 && c.Command.Name != "exec") return false;
        if (_serving.PausedUntilMs > 0 && _serving.PauseAll) return c.Command.Container?.Name != "client";
        if (c.Command.Name == "exec") return c.Session.Transaction is { HasWrite: true };
        return (c.Command.FlagsOf(c.Request) & (CommandFlags.Write | CommandFlags.MayReplicate)) != 0;
    }

    /// <summary>Parks the session; its bytes stay where they are and are read again.</summary>
    private Verdict Later(ref CommandContext c)
    {
        // A session that waits for keys goes on waiting.
        if (c.IsRerun) return Verdict.Later;
        var token = c.Session.Park();
        if (_serving.IsPausing) node.PausedSessions.Add(token);
        else node.Cluster.WhenReleased(token.Release);
        return Verdict.Later;
    }

    private Verdict Refuse(ref CommandContext c, string error)
    {
        if (c.Session.Transaction is { } open) open.Aborted = true;
        if (c.Command is { } command) command.Statistics.Rejected++;
        if (c.Command is { Name: "exec" } && c.Session.Transaction is not null && !error.StartsWith("EXECABORT", StringComparison.Ordinal))
            error = "EXECABORT Transaction discarded because of: " + error;
        c.Reply.Error(error);
        node.Dispatcher.Meter.CountError(error);
        if (c.Command is { Name: "exec" } && c.Session.Transaction is not null) node.Dispatcher.Transactions.Discard(c.Session);
        return Verdict.Answered;
    }
}
