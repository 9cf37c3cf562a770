// Why: every question to a RankTree is "where is the first element that is not below X?". Each kind of X is a struct here;
// the tree's search is generic over them, so the compiler makes one tight loop per kind.

namespace Shoal.Store.Values;

/// <summary>A point in the order of (score, member).</summary>
internal interface IRankBound
{
    /// <summary>True when the element lies before the point.</summary>
    bool IsAfter(Arena arena, double score, long member);
}

/// <summary>The place of one (score, member) pair.</summary>
internal readonly ref struct ExactBound(double score, ReadOnlySpan<byte> member) : IRankBound
{
    private readonly double _score = score;
    private readonly ReadOnlySpan<byte> _member = member;

    public bool IsAfter(Arena arena, double score, long member) =>
        score < _score || (score == _score && RankTree.MemberText(arena, member).SequenceCompareTo(_member) < 0);
}

/// <summary>
/// Just behind one (score, member) pair: the walk ends in the leaf that holds the pair, even if it is the first there.
/// </summary>
internal readonly ref struct BehindBound(double score, ReadOnlySpan<byte> member) : IRankBound
{
    private readonly double _score = score;
    private readonly ReadOnlySpan<byte> _member = member;

    public bool IsAfter(Arena arena, double score, long member) =>
        score < _score || (score == _score && RankTree.MemberText(arena, member).SequenceCompareTo(_member) <= 0);
}

/// <summary>Before the first element of a score range.</summary>
internal readonly struct ScoreStart(ScoreRange range) : IRankBound
{
    private readonly ScoreRange _range = range;

    public bool IsAfter(Arena arena, double score, long member) => !_range.AboveMin(score);
}

/// <summary>Behind the last element of a score range.</summary>
internal readonly struct ScoreStop(ScoreRange range) : IRankBound
{
    private readonly ScoreRange _range = range;

    public bool IsAfter(Arena arena, double score, long member) => _range.BelowMax(score);
}

/// <summary>Before the first element of a lexicographic range.</summary>
internal readonly ref struct LexStart(LexRange range) : IRankBound
{
    private readonly LexRange _range = range;

    public bool IsAfter(Arena arena, double score, long member) => !_range.AboveMin(RankTree.MemberText(arena, member));
}

/// <summary>Behind the last element of a lexicographic range.</summary>
internal readonly ref struct LexStop(LexRange range) : IRankBound
{
    private readonly LexRange _range = range;

    public bool IsAfter(Arena arena, double score, long member) => _range.BelowMax(RankTree.MemberText(arena, member));
}
