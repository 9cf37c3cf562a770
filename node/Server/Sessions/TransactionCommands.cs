// MULTI, EXEC, DISCARD, WATCH, UNWATCH: the rows; the queue itself runs in Sessions.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Sessions;

public static class TransactionCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("multi", 1, Loading | Stale | Fast | NoScript | Immediate | AllowBusy, Keys.None, "transaction", Multi);
        t.Add("exec", 1, Loading | Stale | NoScript | Immediate | SkipSlowLog, Keys.None, "transaction", Exec);
        t.Add("discard", 1, Loading | Stale | Fast | NoScript | Immediate | AllowBusy, Keys.None, "transaction", Discard);
        t.Add("watch", -2, Loading | Stale | Fast | NoScript | Immediate | AllowBusy, Keys.All(), "transaction", Watch);
        t.Add("unwatch", 1, Loading | Stale | Fast | NoScript | AllowBusy, Keys.None, "transaction", Unwatch);
    }

    private static void Multi(ref CommandContext c)
    {
        if (c.Session.Transaction is not null)
        {
            c.Reply.Error(ErrorReplies.NestedMulti);
            return;
        }
        c.Session.Transaction = new Transaction();
        c.Reply.Ok();
    }

    private static void Exec(ref CommandContext c) => c.Node.Dispatcher.Transactions.Exec(ref c);

    private static void Discard(ref CommandContext c)
    {
        if (c.Session.Transaction is null)
        {
            c.Reply.Error(ErrorReplies.DiscardWithoutMulti);
            return;
        }
        c.Node.Dispatcher.Transactions.Discard(c.Session);
        c.Reply.Ok();
    }

    private static void Watch(ref CommandContext c)
    {
        if (c.Session.Transaction is not null) c.Reply.Error(ErrorReplies.WatchInMulti);
        else c.Node.Dispatcher.Transactions.Watch(ref c);
    }

    private static void Unwatch(ref CommandContext c)
    {
        c.Node.Dispatcher.Transactions.Unwatch(c.Session);
        c.Reply.Ok();
    }
}
