// The range arguments of the ZRANGE family: two ends, BYSCORE/BYLEX/REV, LIMIT and WITHSCORES; resolved against a sorted set
// they are an interval of ranks.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Commands;

internal enum RangeKind : byte { Rank, Score, Lex }

internal ref struct RankRange
{
    public RangeKind Kind;
    public bool Down, WithScores;
    private bool _limited;
    private long _min, _max, _offset, _limit;
    private ScoreRange _scores;
    private LexRange _lex;

    /// <summary>Lowest rank of the interval.</summary>
    public long First { get; private set; }

    /// <summary>Members in the interval.</summary>
    public long Length { get; private set; }

    /// <summary>Rank to begin the walk with: the lowest, or the highest when walking down.</summary>
    public readonly long Start => Down ? First + Length - 1 : First;

    /// <summary>Reads ends at <paramref name="at"/> and the options behind them; writes the error when that fails.</summary>
    public bool TryRead(ref CommandContext c, int at, bool anyKind, bool scoresAllowed)
    {
        for (int i = at + 2; i < c.ArgCount; i++)
        {
            if (scoresAllowed && c[i].Is("WITHSCORES"u8)) WithScores = true;
            else if (c[i].Is("LIMIT"u8) && i + 2 < c.ArgCount)
            {
                if (!c.TryInteger(i + 1, out _offset) || !c.TryInteger(i + 2, out _limit)) return false;
                _limited = true;
                i += 2;
            }
            else if (anyKind && c[i].Is("REV"u8)) Down = true;
            else if (anyKind && c[i].Is("BYLEX"u8)) Kind = RangeKind.Lex;
            else if (anyKind && c[i].Is("BYSCORE"u8)) Kind = RangeKind.Score;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        if (_limited && _limit != -1 && Kind == RangeKind.Rank)
        {
            c.Reply.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
            return false;
        }
        if (WithScores && Kind == RangeKind.Lex)
        {
            c.Reply.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
            return false;
        }
        return TryReadEnds(ref c, at);
    }

    /// <summary>Reads the two ends; walking down by score or name, the higher end comes first.</summary>
    public bool TryReadEnds(ref CommandContext c, int at)
    {
        if (Kind == RangeKind.Rank) return c.TryInteger(at, out _min) && c.TryInteger(at + 1, out _max);
        var low = c[Down ? at + 1 : at];
        var high = c[Down ? at : at + 1];
        if (Kind == RangeKind.Score)
        {
            if (ScoreRange.TryParse(low, high, out _scores)) return true;
            c.Reply.Error(ErrorReplies.MinMaxNotFloat);
            return false;
        }
        if (LexRange.TryParse(low, high, out _lex)) return true;
        c.Reply.Error(ErrorReplies.MinMaxNotString);
        return false;
    }

    /// <summary>Finds the interval of ranks in a sorted set, LIMIT applied.</summary>
    public void Resolve(Keyspace keys, in EntryRef e)
    {
        long count = SortedSetValue.Count(e);
        if (Kind == RangeKind.Rank)
        {
            long first = _min;
            Length = ListCommands.Clamp(ref first, _max, count);
            First = Down ? count - first - Length : first;
            return;
        }
        long from, end;
        if (Kind == RangeKind.Score) SortedSetValue.Ranks(keys, e, _scores, out from, out end);
        else SortedSetValue.Ranks(keys, e, _lex, out from, out end);
        long length = end - from;
        if (_limited)
        {
            long skipped = _offset < 0 ? length : Math.Min(_offset, length);
            long taken = _limit < 0 ? length - skipped : Math.Min(_limit, length - skipped);
            if (!Down) from += skipped;
            else from += length - skipped - taken;
            length = taken;
        }
        First = from;
        Length = length;
    }
}
