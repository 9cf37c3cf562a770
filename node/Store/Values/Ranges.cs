// Why: the ends of ZRANGE's score and lexicographic ranges have a little grammar of their own ("(1.5", "-inf", "[abc", "+"),
// shared by a dozen commands.

namespace Shoal.Store.Values;

/// <summary>A range of scores; an end may be exclusive.</summary>
public readonly record struct ScoreRange(double Min, double Max, bool MinExclusive = false, bool MaxExclusive = false)
{
    /// <summary>Reads "[(]number" for both ends; false when one is not a number.</summary>
    public static bool TryParse(ReadOnlySpan<byte> min, ReadOnlySpan<byte> max, out ScoreRange range)
    {
        range = default;
        if (!TryEnd(min, out double low, out bool lowOpen) || !TryEnd(max, out double high, out bool highOpen)) return false;
        range = new ScoreRange(low, high, lowOpen, highOpen);
        return true;
    }

    public bool IsEmpty => Min > Max || (Min == Max && (MinExclusive || MaxExclusive));

    public bool AboveMin(double score) => MinExclusive ? score > Min : score >= Min;

    public bool BelowMax(double score) => MaxExclusive ? score < Max : score <= Max;

    public bool Contains(double score) => AboveMin(score) && BelowMax(score);

    private static bool TryEnd(ReadOnlySpan<byte> text, out double score, out bool exclusive)
    {
        exclusive = text.Length > 0 && text[0] == '(';
        if (exclusive) text = text[1..];
        // strtod takes no digits at all for 0, and clients came to rely on a bare "(".
        if (text.IsEmpty) { score = 0; return true; }
        return ScoreText.TryParse(text, out score);
    }
}

/// <summary>One end of a lexicographic range.</summary>
public enum LexEnd : byte { Lowest, Highest, Inclusive, Exclusive }

/// <summary>A range of members of equal score, compared as bytes; "-" and "+" are below and above everything.</summary>
public readonly ref struct LexRange
{
    private readonly ReadOnlySpan<byte> _min, _max;
    private readonly LexEnd _minKind, _maxKind;

    private LexRange(ReadOnlySpan<byte> min, LexEnd minKind, ReadOnlySpan<byte> max, LexEnd maxKind)
    {
        _min = min; _minKind = minKind; _max = max; _maxKind = maxKind;
    }

    /// <summary>Reads "-", "+", "[text" or "(text" for both ends; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<byte> min, ReadOnlySpan<byte> max, out LexRange range)
    {
        range = default;
        if (!TryEnd(min, out LexEnd minKind, out var low) || !TryEnd(max, out LexEnd maxKind, out var high)) return false;
        range = new LexRange(low, minKind, high, maxKind);
        return true;
    }

    public bool IsEmpty
    {
        get
        {
            if (_minKind == LexEnd.Highest || _maxKind == LexEnd.Lowest) return true;
            if (_minKind == LexEnd.Lowest || _maxKind == LexEnd.Highest) return false;
            int order = _min.SequenceCompareTo(_max);
            return order > 0 || (order == 0 && (_minKind == LexEnd.Exclusive || _maxKind == LexEnd.Exclusive));
        }
    }

    public bool AboveMin(ReadOnlySpan<byte> member) => _minKind switch
    {
        LexEnd.Lowest => true,
        LexEnd.Highest => false,
        LexEnd.Inclusive => member.SequenceCompareTo(_min) >= 0,
        _ => member.SequenceCompareTo(_min) > 0,
    };

    public bool BelowMax(ReadOnlySpan<byte> member) => _maxKind switch
    {
        LexEnd.Lowest => false,
        LexEnd.Highest => true,
        LexEnd.Inclusive => member.SequenceCompareTo(_max) <= 0,
        _ => member.SequenceCompareTo(_max) < 0,
    };

    public bool Contains(ReadOnlySpan<byte> member) => AboveMin(member) && BelowMax(member);

    private static bool TryEnd(ReadOnlySpan<byte> text, out LexEnd kind, out ReadOnlySpan<byte> bound)
    {
        kind = default;
        bound = default;
        if (text.Length == 1 && text[0] == '-') { kind = LexEnd.Lowest; return true; }
        if (text.Length == 1 && text[0] == '+') { kind = LexEnd.Highest; return true; }
        if (text.IsEmpty || text[0] is not ((byte)'(' or (byte)'[')) return false;
        kind = text[0] == '(' ? LexEnd.Exclusive : LexEnd.Inclusive;
        bound = text[1..];
        return true;
    }
}
