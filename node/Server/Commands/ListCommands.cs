// The list family: rows, and the handlers that work at ends and indexes. Moves between lists are in ListMoveCommands.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class ListCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("lpush", -3, Write | DenyOom | Fast, Keys.One(1), "list", LPush);
        t.Add("rpush", -3, Write | DenyOom | Fast, Keys.One(1), "list", RPush);
        t.Add("lpushx", -3, Write | DenyOom | Fast, Keys.One(1), "list", LPushX);
        t.Add("rpushx", -3, Write | DenyOom | Fast, Keys.One(1), "list", RPushX);
        t.Add("lpop", -2, Write | Fast, Keys.One(1), "list", LPop);
        t.Add("rpop", -2, Write | Fast, Keys.One(1), "list", RPop);
        t.Add("llen", 2, ReadOnly | Fast, Keys.One(1), "list", LLen);
        t.Add("lindex", 3, ReadOnly, Keys.One(1), "list", LIndex);
        t.Add("lrange", 4, ReadOnly, Keys.One(1), "list", LRange);
        t.Add("lset", 4, Write | DenyOom, Keys.One(1), "list", LSet);
        t.Add("lrem", 4, Write, Keys.One(1), "list", LRem);
        t.Add("ltrim", 4, Write, Keys.One(1), "list", LTrim);
        t.Add("linsert", 5, Write | DenyOom, Keys.One(1), "list", LInsert);
        t.Add("lpos", -3, ReadOnly, Keys.One(1), "list", LPos);
        ListMoveCommands.Register(t);
    }

    private static void LPush(ref CommandContext c) => Push(ref c, head: true, onlyExisting: false);

    private static void RPush(ref CommandContext c) => Push(ref c, head: false, onlyExisting: false);

    private static void LPushX(ref CommandContext c) => Push(ref c, head: true, onlyExisting: true);

    private static void RPushX(ref CommandContext c) => Push(ref c, head: false, onlyExisting: true);

    private static void Push(ref CommandContext c, bool head, bool onlyExisting)
    {
        if (!c.TryFindForWrite(1, ValueType.List, out var e)) return;
        if (!e.Exists && onlyExisting)
        {
            c.Reply.Zero();
            return;
        }
        for (int i = 2; i < c.ArgCount; i++) PushOne(ref c, ref e, c[1], c[i], head);
        c.Changed(c[1], c.ArgCount - 2);
        c.Notify(KeyEventClass.List, head ? "lpush"u8 : "rpush"u8, c[1]);
        c.Reply.Integer(ListValue.Count(e));
    }

    /// <summary>Pushes to a list that may not exist yet.</summary>
    internal static void PushOne(ref CommandContext c, ref EntryRef e, ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> value, bool head)
    {
        if (!e.Exists) e = ListValue.Create(c.Keys, key, c.Slot, value);
        else if (head) ListValue.PushHead(c.Keys, ref e, value);
        else ListValue.PushTail(c.Keys, ref e, value);
    }

    private static void LPop(ref CommandContext c) => Pop(ref c, head: true);

    private static void RPop(ref CommandContext c) => Pop(ref c, head: false);

    private static void Pop(ref CommandContext c, bool head)
    {
        if (c.ArgCount > 3)
        {
            c.WrongArity();
            return;
        }
        bool counted = c.ArgCount == 3;
        long count = 1;
        if (counted && !c.TryPositiveCount(2, out count)) return;
        if (!c.TryFindForWrite(1, ValueType.List, out var e)) return;
        if (!e.Exists)
        {
            if (counted) c.Reply.NullArray(); else c.Reply.Null();
            return;
        }
        if (!counted)
        {
            c.Reply.Element(ListValue.Peek(c.Keys, e, head));
            TakeEnd(ref c, ref e, c[1], head, 1);
            return;
        }
        count = Math.Min(count, ListValue.Count(e));
        WriteEnd(ref c, e, head, count);
        TakeEnd(ref c, ref e, c[1], head, count);
    }

    /// <summary>An array of <paramref name="count"/> elements from one end inwards.</summary>
    internal static void WriteEnd(ref CommandContext c, in EntryRef e, bool head, long count)
    {
        c.Reply.Array((int)count);
        if (count == 0) return;
        foreach (var here in ListValue.EnumerateFrom(c.Keys, e, head ? 0 : ListValue.Count(e) - 1, !head))
        {
            c.Reply.Element(here.Element);
            if (--count == 0) break;
        }
    }

    /// <summary>Removes elements from one end, and the key with the last of them; publishes "lpop" or "rpop".</summary>
    internal static void TakeEnd(ref CommandContext c, ref EntryRef e, ReadOnlySpan<byte> key, bool head, long count)
    {
        if (count == 0) return;
        long left = ListValue.Count(e) - count;
        if (left > 0) ListValue.RemoveRange(c.Keys, ref e, head ? 0 : left, count);
        c.Shrunk(key, left, (int)Math.Min(count, int.MaxValue), KeyEventClass.List, head ? "lpop"u8 : "rpop"u8);
    }

    private static void LLen(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.List, out var e)) c.Reply.Integer(e.Exists ? ListValue.Count(e) : 0);
    }

    private static void LIndex(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.List, out var e)) return;
        if (!e.Exists)
        {
            c.Reply.Null();
            return;
        }
        if (!c.TryInteger(2, out long index)) return;
        if (index < 0) index += ListValue.Count(e);
        if (ListValue.TryGet(c.Keys, e, index, out var value)) c.Reply.Element(value);
        else c.Reply.Null();
    }

    private static void LRange(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long first) || !c.TryInteger(3, out long last)) return;
        if (!c.TryFind(1, ValueType.List, out var e)) return;
        long count = e.Exists ? Clamp(ref first, last, ListValue.Count(e)) : 0;
        c.Reply.Array((int)count);
        if (count == 0) return;
        foreach (var here in ListValue.EnumerateFrom(c.Keys, e, first, false))
        {
            c.Reply.Element(here.Element);
            if (--count == 0) break;
        }
    }

    /// <summary>Resolves a range with negative indexes against a length; returns its number of elements.</summary>
    internal static long Clamp(ref long first, long last, long length)
    {
        if (first < 0) first = Math.Max(first + length, 0);
        if (last < 0) last += length;
        last = Math.Min(last, length - 1);
        return first > last || first >= length ? 0 : last - first + 1;
    }

    private static void LSet(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.List, out var e)) return;
        if (!e.Exists)
        {
            c.Reply.Error(ErrorReplies.NoSuchKey);
            return;
        }
        if (!c.TryInteger(2, out long index)) return;
        long count = ListValue.Count(e);
        if (index < 0) index += count;
        if (index < 0 || index >= count)
        {
            c.Reply.Error(ErrorReplies.IndexOutOfRange);
            return;
        }
        ListValue.Set(c.Keys, ref e, index, c[3]);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.List, "lset"u8, c[1]);
        c.Reply.Ok();
    }

    private static void LRem(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long count) || !c.TryFindForWrite(1, ValueType.List, out var e)) return;
        long removed = 0;
        if (e.Exists)
        {
            long limit = count == 0 ? long.MaxValue : count == long.MinValue ? long.MaxValue : Math.Abs(count);
            removed = ListValue.RemoveEqual(c.Keys, ref e, c[3], limit, count < 0);
            c.Shrunk(c[1], ListValue.Count(e), (int)Math.Min(removed, int.MaxValue), KeyEventClass.List, "lrem"u8);
        }
        c.Reply.Integer(removed);
    }

    private static void LTrim(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long first) || !c.TryInteger(3, out long last)) return;
        if (!c.TryFindForWrite(1, ValueType.List, out var e)) return;
        c.Reply.Ok();
        if (!e.Exists) return;
        long length = ListValue.Count(e), kept = Clamp(ref first, last, length);
        if (kept == length)
        {
            // Nothing to journal, but Redis calls it a change all the same.
            c.Keys.Events.RaiseChanged(c.Keys, c[1], c.Slot);
            c.Notify(KeyEventClass.List, "ltrim"u8, c[1]);
            return;
        }
        if (kept > 0)
        {
            ListValue.RemoveRange(c.Keys, ref e, first + kept, length - first - kept);
            ListValue.RemoveRange(c.Keys, ref e, 0, first);
        }
        c.Shrunk(c[1], kept, 1, KeyEventClass.List, "ltrim"u8);
    }

    private static void LInsert(ref CommandContext c)
    {
        bool after = c[2].Is("AFTER"u8);
        if (!after && !c[2].Is("BEFORE"u8))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (!c.TryFindForWrite(1, ValueType.List, out var e)) return;
        if (!e.Exists) c.Reply.Zero();
        else if (!ListValue.Insert(c.Keys, ref e, c[3], after, c[4])) c.Reply.Integer(-1);
        else
        {
            c.Changed(c[1]);
            c.Notify(KeyEventClass.List, "linsert"u8, c[1]);
            c.Reply.Integer(ListValue.Count(e));
        }
    }

    private static void LPos(ref CommandContext c)
    {
        long rank = 1, count = -1, longest = 0;
        for (int i = 3; i < c.ArgCount; i += 2)
        {
            if (i + 1 == c.ArgCount) { c.Reply.Error(ErrorReplies.Syntax); return; }
            if (c[i].Is("RANK"u8))
            {
                if (!c.TryInteger(i + 1, out rank)) return;
                if (rank == long.MinValue) { c.Reply.Error(CollectionAccess.BelowLongRange); return; }
                if (rank != 0) continue;
                c.Reply.Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list");
                return;
            }
            if (c[i].Is("COUNT"u8))
            {
                if (IntegerText.TryParse(c[i + 1], out count) && count >= 0) continue;
                c.Reply.Error("ERR COUNT can't be negative");
                return;
            }
            if (c[i].Is("MAXLEN"u8))
            {
                if (IntegerText.TryParse(c[i + 1], out longest) && longest >= 0) continue;
                c.Reply.Error("ERR MAXLEN can't be negative");
                return;
            }
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (!c.TryFind(1, ValueType.List, out var e)) return;
        if (e.Exists) WritePositions(ref c, e, rank, count, longest);
        else if (count >= 0) c.Reply.EmptyArray();
        else c.Reply.Null();
    }

    // count: -1 = one position as an integer, 0 = all, else so many at most. longest: elements looked at, 0 = all.
    private static void WritePositions(ref CommandContext c, in EntryRef e, long rank, long count, long longest)
    {
        long length = ListValue.Count(e), skip = Math.Abs(rank) - 1, looked = 0;
        bool fromTail = rank < 0;
        int mark = count >= 0 ? c.Reply.DeferArray() : 0, found = 0;
        var wanted = new Piece(c[2]);
        foreach (var here in ListValue.EnumerateFrom(c.Keys, e, fromTail ? length - 1 : 0, fromTail))
        {
            if (longest > 0 && looked >= longest) break;
            long position = fromTail ? length - 1 - looked : looked;
            looked++;
            if (!here.Matches(wanted) || skip-- > 0) continue;
            c.Reply.Integer(position);
            found++;
            if (count < 0 || found == count) break;
        }
        if (count >= 0) c.Reply.EndArray(mark, found);
        else if (found == 0) c.Reply.Null();
    }
}
