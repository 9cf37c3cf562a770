// The sorted set family: rows, and the handlers of single members. Ranges, pops and algebra have files of their own.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SortedSetCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("zadd", -4, Write | DenyOom | Fast, Keys.One(1), "sortedset", ZAdd);
        t.Add("zincrby", 4, Write | DenyOom | Fast, Keys.One(1), "sortedset", ZIncrBy);
        t.Add("zrem", -3, Write | Fast, Keys.One(1), "sortedset", ZRem);
        t.Add("zscore", 3, ReadOnly | Fast, Keys.One(1), "sortedset", ZScore);
        t.Add("zmscore", -3, ReadOnly | Fast, Keys.One(1), "sortedset", ZMScore);
        t.Add("zcard", 2, ReadOnly | Fast, Keys.One(1), "sortedset", ZCard);
        t.Add("zrank", -3, ReadOnly | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Rank(ref c, down: false));
        t.Add("zrevrank", -3, ReadOnly | Fast, Keys.One(1), "sortedset", (ref CommandContext c) => Rank(ref c, down: true));
        t.Add("zrandmember", -2, ReadOnly, Keys.One(1), "sortedset", ZRandMember);
        t.Add("zscan", -3, ReadOnly, Keys.One(1), "sortedset", (ref CommandContext c) => CollectionScan.Run(ref c, ValueType.SortedSet));
        SortedSetRangeCommands.Register(t);
        SortedSetPopCommands.Register(t);
        SortedSetAlgebraCommands.Register(t);
    }

    private static void ZAdd(ref CommandContext c)
    {
        var options = default(ZAddOptions);
        if (!options.TryRead(ref c, out int first)) return;
        // All scores are read before anything changes: a bad one leaves the set as it was.
        for (int i = first; i < c.ArgCount; i += 2)
        {
            if (ScoreText.TryParse(c[i], out _)) continue;
            c.Reply.Error(ErrorReplies.NotFloat);
            return;
        }
        if (!c.TryFindForWrite(1, ValueType.SortedSet, out var e)) return;
        if (options.Increment)
        {
            ScoreText.TryParse(c[first], out double change);
            Increment(ref c, ref e, options, c[first + 1], change);
            return;
        }
        int added = 0, updated = 0;
        for (int i = first; i < c.ArgCount; i += 2)
        {
            ScoreText.TryParse(c[i], out double score);
            switch (SetOne(ref c, ref e, options, c[i + 1], score))
            {
                case ScoreChange.Added: added++; break;
                case ScoreChange.Updated: updated++; break;
            }
        }
        c.Changed(c[1], added + updated);
        if (added + updated > 0) c.Notify(KeyEventClass.SortedSet, "zadd"u8, c[1]);
        c.Reply.Integer(options.CountChanged ? added + updated : added);
    }

    internal static ScoreChange SetOne(ref CommandContext c, ref EntryRef e, in ZAddOptions options, ReadOnlySpan<byte> member, double score)
    {
        if (!e.Exists)
        {
            if (options.OnlyExisting) return ScoreChange.Unchanged;
            e = SortedSetValue.Create(c.Keys, c[1], c.Slot, member, score);
            return ScoreChange.Added;
        }
        if (options.IsConditional)
        {
            bool exists = SortedSetValue.TryGetScore(c.Keys, e, member, out double old);
            if (!options.Permits(exists, old, score)) return ScoreChange.Unchanged;
        }
        return SortedSetValue.Set(c.Keys, ref e, member, score);
    }

    private static void ZIncrBy(ref CommandContext c)
    {
        if (!ScoreText.TryParse(c[2], out double change))
        {
            c.Reply.Error(ErrorReplies.NotFloat);
            return;
        }
        if (c.TryFindForWrite(1, ValueType.SortedSet, out var e)) Increment(ref c, ref e, default, c[3], change);
    }

    private static void Increment(ref CommandContext c, ref EntryRef e, in ZAddOptions options, ReadOnlySpan<byte> member, double change)
    {
        double old = 0;
        bool exists = e.Exists && SortedSetValue.TryGetScore(c.Keys, e, member, out old);
        double score = exists ? old + change : change;
        if (double.IsNaN(score))
        {
            c.Reply.Error("ERR resulting score is not a number (NaN)");
            return;
        }
        if (!options.Permits(exists, old, score))
        {
            c.Reply.Null();
            return;
        }
        var done = ScoreChange.Added;
        if (e.Exists) done = SortedSetValue.Set(c.Keys, ref e, member, score);
        else e = SortedSetValue.Create(c.Keys, c[1], c.Slot, member, score);
        if (done != ScoreChange.Unchanged)
        {
            c.Changed(c[1]);
            c.Notify(KeyEventClass.SortedSet, "zincr"u8, c[1]);
        }
        c.Reply.Score(score);
    }

    private static void ZRem(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.SortedSet, out var e)) return;
        int removed = 0;
        if (e.Exists)
        {
            long left = SortedSetValue.Count(e);
            for (int i = 2; i < c.ArgCount && left > 0; i++)
            {
                if (!SortedSetValue.Remove(c.Keys, ref e, c[i])) continue;
                removed++;
                left--;
            }
            c.Shrunk(c[1], left, removed, KeyEventClass.SortedSet, "zrem"u8);
        }
        c.Reply.Integer(removed);
    }

    private static void ZScore(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        if (e.Exists && SortedSetValue.TryGetScore(c.Keys, e, c[2], out double score)) c.Reply.Score(score);
        else c.Reply.Null();
    }

    private static void ZMScore(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (e.Exists && SortedSetValue.TryGetScore(c.Keys, e, c[i], out double score)) c.Reply.Score(score);
            else c.Reply.Null();
        }
    }

    private static void ZCard(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.SortedSet, out var e)) c.Reply.Integer(e.Exists ? SortedSetValue.Count(e) : 0);
    }

    private static void Rank(ref CommandContext c, bool down)
    {
        if (c.ArgCount > 4)
        {
            c.WrongArity();
            return;
        }
        bool withScore = c.ArgCount == 4;
        if (withScore && !c[3].Is("WITHSCORE"u8))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        double score = 0;
        long rank = e.Exists ? SortedSetValue.Rank(c.Keys, e, c[2], out score) : -1;
        if (rank < 0)
        {
            if (withScore) c.Reply.NullArray(); else c.Reply.Null();
            return;
        }
        if (withScore) c.Reply.Array(2);
        c.Reply.Integer(down ? SortedSetValue.Count(e) - 1 - rank : rank);
        if (withScore) c.Reply.Score(score);
    }

    private static void ZRandMember(ref CommandContext c)
    {
        bool withScores = c.ArgCount == 4 && c[3].Is("WITHSCORES"u8);
        long count = 0;
        if (c.ArgCount > 2)
        {
            if (!c.TryChoiceCount(2, c.ArgCount > 3, out count)) return;
            if (c.ArgCount > 4 || (c.ArgCount == 4 && !withScores))
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        if (c.ArgCount == 2)
        {
            if (!e.Exists) { c.Reply.Null(); return; }
            SortedSetValue.Random(c.Keys, e, ref c.Keys.Random, out var only, out _);
            c.Reply.Element(only);
            return;
        }
        if (!e.Exists || count == 0) c.Reply.EmptyArray();
        else if (count < 0)
        {
            PairsHead(c.Reply, -count, withScores);
            for (; count < 0 && !c.Reply.Overflowed; count++)
            {
                SortedSetValue.Random(c.Keys, e, ref c.Keys.Random, out var member, out double score);
                Pair(c.Reply, member, score, withScores);
            }
        }
        else WriteDistinct(ref c, e, Math.Min(count, SortedSetValue.Count(e)), withScores);
    }

    private static void WriteDistinct(ref CommandContext c, in EntryRef e, long count, bool withScores)
    {
        PairsHead(c.Reply, count, withScores);
        var draw = new Draw(SortedSetValue.Count(e), count);
        foreach (var here in SortedSetValue.Enumerate(c.Keys, e))
        {
            if (draw.Takes(ref c.Keys.Random)) Pair(c.Reply, here.Member, here.Score, withScores);
            if (draw.Wanted == 0) break;
        }
    }

    /// <summary>Header of so many members, or member and score pairs: nested arrays in RESP3, flat in RESP2.</summary>
    internal static void PairsHead(ReplyWriter reply, long count, bool withScores) =>
        reply.Array((int)(withScores && reply.Resp == 2 ? count * 2 : count));

    internal static void Pair(ReplyWriter reply, scoped Element member, double score, bool withScores)
    {
        if (withScores && reply.Resp == 3) reply.Array(2);
        reply.Element(member);
        if (withScores) reply.Score(score);
    }
}
