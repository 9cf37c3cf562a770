// The sorted set commands that wait: BZPOPMIN, BZPOPMAX, BZMPOP.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Blocking;

public static class BlockingSortedSetCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags waits = Write | CommandFlags.Blocking;
        t.Add("bzpopmin", -3, waits | Fast, Keys.Range(1, -2), "sortedset", (ref CommandContext c) => Pop(ref c, highest: false));
        t.Add("bzpopmax", -3, waits | Fast, Keys.Range(1, -2), "sortedset", (ref CommandContext c) => Pop(ref c, highest: true));
        t.Add("bzmpop", -5, waits | MovableKeys, Keys.Counted(2), "sortedset", BZMPop);
    }

    private static void Pop(ref CommandContext c, bool highest)
    {
        int last = c.ArgCount - 2;
        if (!c.TrySeconds(last + 1, out long timeout)) return;
        for (int i = 1; i <= last; i++)
        {
            if (!c.TryFindForWrite(i, ValueType.SortedSet, out var e)) return;
            if (!e.Exists) continue;
            c.Reply.Array(3);
            c.Reply.Bulk(c[i]);
            SortedSetPopCommands.WritePairs(ref c, e, highest, 1, nested: false);
            SortedSetPopCommands.Take(ref c, ref e, c[i], highest, 1);
            c.Propagate(highest ? "ZPOPMAX"u8 : "ZPOPMIN"u8, c[i]);
            return;
        }
        c.Block(1, last, ValueType.SortedSet, timeout, BlockingContext.NullArray);
    }

    private static void BZMPop(ref CommandContext c)
    {
        if (SortedSetPopCommands.PopFirst(ref c, 2, out long timeout)) return;
        IntegerText.TryParse(c[2], out long keys);
        c.Block(3, (int)keys + 2, ValueType.SortedSet, timeout, BlockingContext.NullArray);
    }
}
