// Ranges of sorted sets. Whatever the kind, a range becomes an interval of ranks first; then it is counted, written, stored or
// removed.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SortedSetRangeCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("zcount", 4, ReadOnly | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Count(ref c, RangeKind.Score));
        t.Add("zlexcount", 4, ReadOnly | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Count(ref c, RangeKind.Lex));
        t.Add("zrange", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, null, false));
        t.Add("zrevrange", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, RangeKind.Rank, true));
        t.Add("zrangebyscore", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, RangeKind.Score, false));
        t.Add("zrevrangebyscore", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, RangeKind.Score, true));
        t.Add("zrangebylex", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, RangeKind.Lex, false));
        t.Add("zrevrangebylex", -4, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => Write(ref c, RangeKind.Lex, true));
        t.Add("zrangestore", -5, CommandFlags.Write | DenyOom, Keys.Two, "sortedset", ZRangeStore);
        t.Add("zremrangebyrank", 4, CommandFlags.Write, Keys.One(1), "sortedset", (ref CommandContext c) => Remove(ref c, RangeKind.Rank));
        t.Add("zremrangebyscore", 4, CommandFlags.Write, Keys.One(1), "sortedset", (ref CommandContext c) => Remove(ref c, RangeKind.Score));
        t.Add("zremrangebylex", 4, CommandFlags.Write, Keys.One(1), "sortedset", (ref CommandContext c) => Remove(ref c, RangeKind.Lex));
    }

    private static void Count(ref CommandContext c, RangeKind kind)
    {
        var range = new RankRange { Kind = kind };
        if (!range.TryReadEnds(ref c, 2) || !c.TryFind(1, ValueType.SortedSet, out var e)) return;
        if (e.Exists) range.Resolve(c.Keys, e);
        c.Reply.Integer(e.Exists ? range.Length : 0);
    }

    private static void Remove(ref CommandContext c, RangeKind kind)
    {
        var range = new RankRange { Kind = kind };
        if (!range.TryReadEnds(ref c, 2) || !c.TryFindForWrite(1, ValueType.SortedSet, out var e)) return;
        if (!e.Exists)
        {
            c.Reply.Zero();
            return;
        }
        range.Resolve(c.Keys, e);
        long left = SortedSetValue.Count(e) - range.Length;
        if (left > 0) SortedSetValue.RemoveRanks(c.Keys, ref e, range.First, range.Length);
        c.Shrunk(c[1], left, (int)Math.Min(range.Length, int.MaxValue), KeyEventClass.SortedSet, kind switch
        {
            RangeKind.Rank => "zremrangebyrank"u8,
            RangeKind.Score => "zremrangebyscore"u8,
            _ => "zremrangebylex"u8,
        });
        c.Reply.Integer(range.Length);
    }

    private static void Write(ref CommandContext c, RangeKind? kind, bool down)
    {
        var range = new RankRange { Kind = kind ?? RangeKind.Rank, Down = down };
        if (!range.TryRead(ref c, 2, kind is null, scoresAllowed: true)) return;
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        if (e.Exists) range.Resolve(c.Keys, e);
        if (!e.Exists || range.Length == 0)
        {
            c.Reply.EmptyArray();
            return;
        }
        SortedSetCommands.PairsHead(c.Reply, range.Length, range.WithScores);
        long left = range.Length;
        foreach (var here in SortedSetValue.EnumerateFrom(c.Keys, e, range.Start, range.Down))
        {
            SortedSetCommands.Pair(c.Reply, here.Member, here.Score, range.WithScores);
            if (--left == 0) break;
        }
    }

    private static void ZRangeStore(ref CommandContext c)
    {
        var range = new RankRange();
        if (!range.TryRead(ref c, 3, anyKind: true, scoresAllowed: false)) return;
        if (!c.TryFind(2, ValueType.SortedSet, out var e)) return;
        if (e.Exists) range.Resolve(c.Keys, e);
        // Gathered aside, since the destination may be the source.
        using var result = new ScratchTable(c.Keys.Arena);
        if (e.Exists && range.Length > 0)
        {
            Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
            long left = range.Length;
            foreach (var here in SortedSetValue.EnumerateFrom(c.Keys, e, range.Start, range.Down))
            {
                result.SetScore(here.Member.Text(scratch), here.Score);
                if (--left == 0) break;
            }
        }
        Replace(ref c, c[1], result, "zrangestore"u8);
    }

    /// <summary>Puts a result in place of whatever the key held, publishes it as <paramref name="name"/>, and replies with its size.</summary>
    internal static void Replace(ref CommandContext c, ReadOnlySpan<byte> key, ScratchTable result, ReadOnlySpan<byte> name)
    {
        bool replaced = c.Keys.Remove(key, c.Slot);
        var created = c.Keys.Events.HoldCreated(replaced);
        EntryRef target = default;
        var members = result.Members;
        while (members.MoveNext())
        {
            if (target.Exists) SortedSetValue.Set(c.Keys, ref target, members.Current, members.Score);
            else target = SortedSetValue.Create(c.Keys, key, c.Slot, members.Current, members.Score);
        }
        c.Keys.Events.Created = created;
        if (result.Count > 0)
        {
            c.Changed(key);
            c.Notify(KeyEventClass.SortedSet, name, key);
        }
        else if (replaced) c.Removed(key);
        c.Reply.Integer(result.Count);
    }
}
