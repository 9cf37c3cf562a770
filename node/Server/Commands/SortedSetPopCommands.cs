// Taking the lowest or highest members out of sorted sets.
using Shoal.Protocol.Resp;
using Shoal.Server.Blocking;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SortedSetPopCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("zpopmin", -2, Write | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Pop(ref c, highest: false));
        t.Add("zpopmax", -2, Write | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Pop(ref c, highest: true));
        t.Add("zmpop", -4, Write, Keys.Counted(1), "sortedset", ZMPop);
    }

    private static void Pop(ref CommandContext c, bool highest)
    {
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        bool counted = c.ArgCount == 3;
        long count = 1;
        if (counted && !c.TryPositiveCount(2, out count)) return;
        if (!c.TryFindForWrite(1, ValueType.SortedSet, out var e)) return;
        if (!e.Exists || count == 0)
        {
            c.Reply.EmptyArray();
            return;
        }
        count = Math.Min(count, SortedSetValue.Count(e));
        // Without a count RESP3 gets one flat pair; with one, an array of pairs.
        bool nested = counted && c.Reply.Resp == 3;
        c.Reply.Array((int)(nested ? count : count * 2));
        WritePairs(ref c, e, highest, count, nested);
        Take(ref c, ref e, c[1], highest, count);
    }

    internal static void WritePairs(ref CommandContext c, in EntryRef e, bool highest, long count, bool nested)
    {
        foreach (var here in SortedSetValue.EnumerateFrom(c.Keys, e, highest ? SortedSetValue.Count(e) - 1 : 0, highest))
        {
            if (nested) c.Reply.Array(2);
            c.Reply.Element(here.Member);
            c.Reply.Score(here.Score);
            if (--count == 0) break;
        }
    }

    internal static void Take(ref CommandContext c, ref EntryRef e, ReadOnlySpan<byte> key, bool highest, long count)
    {
        long left = SortedSetValue.Count(e) - count;
        if (left > 0) SortedSetValue.RemoveRanks(c.Keys, ref e, highest ? left : 0, count);
        c.Shrunk(key, left, (int)Math.Min(count, int.MaxValue), KeyEventClass.SortedSet, highest ? "zpopmax"u8 : "zpopmin"u8);
    }

    private static void ZMPop(ref CommandContext c)
    {
        if (!PopFirst(ref c, 1, out _)) c.Reply.NullArray();
    }

    /// <summary>Pops from the first sorted set that has any, "numkeys key... MIN|MAX [COUNT n]" beginning at argument <paramref name="at"/>.
    /// False when all are empty: nothing was written. Behind argument 1 begins the waiting form, whose timeout that is.</summary>
    internal static bool PopFirst(ref CommandContext c, int at, out long timeoutMs)
    {
        timeoutMs = 0;
        if (!IntegerText.TryParse(c[at], out long keys) || keys <= 0)
        {
            c.Reply.Error(ErrorReplies.NumKeys);
            return true;
        }
        long where = keys > c.ArgCount ? c.ArgCount : at + 1 + keys;
        bool highest = where < c.ArgCount && c[(int)where].Is("MAX"u8);
        if (where >= c.ArgCount || (!highest && !c[(int)where].Is("MIN"u8)))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return true;
        }
        if (!ListMoveCommands.TryPopCount(ref c, (int)where + 1, out long count)) return true;
        if (at > 1 && !c.TrySeconds(1, out timeoutMs)) return true;
        for (int i = at + 1; i < where; i++)
        {
            if (!c.TryFindForWrite(i, ValueType.SortedSet, out var e)) return true;
            if (!e.Exists) continue;
            count = Math.Min(count, SortedSetValue.Count(e));
            c.Reply.Array(2);
            c.Reply.Bulk(c[i]);
            c.Reply.Array((int)count);
            WritePairs(ref c, e, highest, count, nested: true);
            Take(ref c, ref e, c[i], highest, count);
            c.Propagate(3).Arg(highest ? "ZPOPMAX"u8 : "ZPOPMIN"u8).Arg(c[i]).Arg(count).End();
            return true;
        }
        return false;
    }
}
