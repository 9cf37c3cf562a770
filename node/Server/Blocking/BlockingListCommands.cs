// The list commands that wait: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP. What they do when a list has elements, and what is
// journalled then, is their plain form's.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Blocking;

public static class BlockingListCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags waits = Write | CommandFlags.Blocking;
        t.Add("blpop", -3, waits, Keys.Range(1, -2), "list", (ref CommandContext c) => Pop(ref c, head: true));
        t.Add("brpop", -3, waits, Keys.Range(1, -2), "list", (ref CommandContext c) => Pop(ref c, head: false));
        t.Add("blmove", 6, waits | DenyOom, Keys.Two, "list", BLMove);
        t.Add("brpoplpush", 4, waits | DenyOom, Keys.Two, "list", BRPopLPush);
        t.Add("blmpop", -5, waits | MovableKeys, Keys.Counted(2), "list", BLMPop);
    }

    private static void Pop(ref CommandContext c, bool head)
    {
        int last = c.ArgCount - 2;
        if (!c.TrySeconds(last + 1, out long timeout)) return;
        for (int i = 1; i <= last; i++)
        {
            if (!c.TryFindForWrite(i, ValueType.List, out var e)) return;
            if (!e.Exists) continue;
            c.Reply.Array(2);
            c.Reply.Bulk(c[i]);
            c.Reply.Element(ListValue.Peek(c.Keys, e, head));
            ListCommands.TakeEnd(ref c, ref e, c[i], head, 1);
            c.Propagate(head ? "LPOP"u8 : "RPOP"u8, c[i]);
            return;
        }
        c.Block(1, last, ValueType.List, timeout, BlockingContext.NullArray);
    }

    private static void BLMove(ref CommandContext c)
    {
        if (!ListMoveCommands.TryEnd(c[3], out bool fromHead) || !ListMoveCommands.TryEnd(c[4], out bool toHead))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (!c.TrySeconds(5, out _)) return;
        ListMoveCommands.Move(ref c, fromHead, toHead, WaitForSource);
        if (c.HasChanged) c.Propagate("LMOVE"u8, c[1], c[2], c[3], c[4]);
    }

    private static void BRPopLPush(ref CommandContext c)
    {
        if (!c.TrySeconds(3, out _)) return;
        ListMoveCommands.Move(ref c, fromHead: false, toHead: true, WaitForSource);
        if (c.HasChanged) c.Propagate("RPOPLPUSH"u8, c[1], c[2]);
    }

    private static void WaitForSource(ref CommandContext c)
    {
        if (c.TrySeconds(c.ArgCount - 1, out long timeout)) c.Block(1, 1, ValueType.List, timeout, BlockingContext.Null);
    }

    private static void BLMPop(ref CommandContext c)
    {
        if (ListMoveCommands.PopFirst(ref c, 2, out long timeout)) return;
        IntegerText.TryParse(c[2], out long keys);
        c.Block(3, (int)keys + 2, ValueType.List, timeout, BlockingContext.NullArray);
    }
}
