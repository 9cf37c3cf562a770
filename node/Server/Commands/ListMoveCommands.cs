// Lists: moving an element from one to another, and popping from the first that has any.
using Shoal.Protocol.Resp;
using Shoal.Server.Blocking;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class ListMoveCommands
{
    // An element this short is set aside on the stack while the lists change.
    private const int StackElement = 1024;

    public static void Register(CommandTable t)
    {
        t.Add("lmove", 5, Write | DenyOom, Keys.Two, "list", LMove);
        t.Add("rpoplpush", 3, Write | DenyOom, Keys.Two, "list", (ref CommandContext c) => Move(ref c, fromHead: false, toHead: true, Empty));
        t.Add("lmpop", -4, Write, Keys.Counted(1), "list", LMPop);
    }

    /// <summary>What a command does when no list has an element.</summary>
    internal delegate void WhenEmpty(ref CommandContext c);

    private static void Empty(ref CommandContext c) => c.Reply.Null();

    private static void LMove(ref CommandContext c)
    {
        if (TryEnd(c[3], out bool fromHead) && TryEnd(c[4], out bool toHead)) Move(ref c, fromHead, toHead, Empty);
        else c.Reply.Error(ErrorReplies.Syntax);
    }

    /// <summary>Reads LEFT or RIGHT.</summary>
    internal static bool TryEnd(ReadOnlySpan<byte> word, out bool head)
    {
        head = word.Is("LEFT"u8);
        return head || word.Is("RIGHT"u8);
    }

    /// <summary>Moves an element from the list in argument 1 to the one in argument 2; a blocking move is journalled as the plain one.</summary>
    internal static void Move(ref CommandContext c, bool fromHead, bool toHead, WhenEmpty whenEmpty)
    {
        if (!c.TryFindFirstOfTwo(1, 2, ValueType.List, out var source)) return;
        if (!source.Exists)
        {
            whenEmpty(ref c);
            return;
        }
        if (!c.IsTypeOrAbsent(c.Keys.Peek(c[2], c.Slot), ValueType.List)) return;
        var element = ListValue.Peek(c.Keys, source, fromHead);
        int length = element.TextLength;
        Span<byte> aside = length <= StackElement ? stackalloc byte[StackElement] : new byte[length];
        element.Text(stackalloc byte[IntegerText.MaxLength]).CopyTo(aside);
        aside = aside[..length];

        if (c[1].SequenceEqual(c[2]))
        {
            // Rotation: add first, so that a list of one element is never empty.
            ListCommands.PushOne(ref c, ref source, c[1], aside, toHead);
            ListValue.RemoveRange(c.Keys, ref source, fromHead ? (toHead ? 1 : 0) : ListValue.Count(source) - (toHead ? 1 : 2), 1);
            c.Changed(c[1]);
            c.Notify(KeyEventClass.List, toHead ? "lpush"u8 : "rpush"u8, c[1]);
            c.Notify(KeyEventClass.List, fromHead ? "lpop"u8 : "rpop"u8, c[1]);
        }
        else
        {
            long left = ListValue.Count(source) - 1;
            if (left > 0) ListValue.RemoveRange(c.Keys, ref source, fromHead ? 0 : left, 1);
            else c.Keys.Remove(c[1], c.Slot);
            c.Changed(c[1]);
            var target = c.Keys.FindForWrite(c[2], c.Slot);
            ListCommands.PushOne(ref c, ref target, c[2], aside, toHead);
            c.Changed(c[2]);
            // Redis tells of the arrival first.
            c.Notify(KeyEventClass.List, toHead ? "lpush"u8 : "rpush"u8, c[2]);
            c.Notify(KeyEventClass.List, fromHead ? "lpop"u8 : "rpop"u8, c[1]);
            if (left == 0) c.Notify(KeyEventClass.Generic, "del"u8, c[1]);
        }
        c.Reply.Bulk(aside);
    }

    private static void LMPop(ref CommandContext c)
    {
        if (!PopFirst(ref c, 1, out _)) c.Reply.NullArray();
    }

    /// <summary>Pops from the first list that has any, "numkeys key... LEFT|RIGHT [COUNT n]" beginning at argument <paramref name="at"/>.
    /// False when all are empty: nothing was written. Behind argument 1 begins the waiting form, whose timeout that is.</summary>
    internal static bool PopFirst(ref CommandContext c, int at, out long timeoutMs)
    {
        timeoutMs = 0;
        if (!IntegerText.TryParse(c[at], out long keys) || keys <= 0)
        {
            c.Reply.Error(ErrorReplies.NumKeys);
            return true;
        }
        long where = keys > c.ArgCount ? c.ArgCount : at + 1 + keys, count = 1;
        if (where >= c.ArgCount || !TryEnd(c[(int)where], out bool head))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return true;
        }
        if (!TryPopCount(ref c, (int)where + 1, out count)) return true;
        if (at > 1 && !c.TrySeconds(1, out timeoutMs)) return true;
        for (int i = at + 1; i < where; i++)
        {
            if (!c.TryFindForWrite(i, ValueType.List, out var e)) return true;
            if (!e.Exists) continue;
            count = Math.Min(count, ListValue.Count(e));
            c.Reply.Array(2);
            c.Reply.Bulk(c[i]);
            ListCommands.WriteEnd(ref c, e, head, count);
            ListCommands.TakeEnd(ref c, ref e, c[i], head, count);
            c.Propagate(3).Arg(head ? "LPOP"u8 : "RPOP"u8).Arg(c[i]).Arg(count).End();
            return true;
        }
        return false;
    }

    /// <summary>Reads the optional "COUNT n" (n > 0) that ends LMPOP and ZMPOP.</summary>
    internal static bool TryPopCount(ref CommandContext c, int at, out long count)
    {
        count = 1;
        if (at == c.ArgCount) return true;
        bool named = at + 1 < c.ArgCount && c[at].Is("COUNT"u8);
        bool positive = named && IntegerText.TryParse(c[at + 1], out count) && count > 0;
        if (positive && at + 2 == c.ArgCount) return true;
        c.Reply.Error(named && !positive ? "ERR count should be greater than 0" : ErrorReplies.Syntax);
        return false;
    }
}
