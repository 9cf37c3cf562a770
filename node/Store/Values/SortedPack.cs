// Why: reading a packed list as a sorted set: pairs of member and score in order. Positions are those of the members.

namespace Shoal.Store.Values;

internal static unsafe class SortedPack
{
    public static int Find(byte* list, ReadOnlySpan<byte> member) => PackedList.Find(list, PackedList.First(list), new Piece(member), 1);

    public static double ScoreOf(byte* list, int member) => ReadScore(PackedList.Read(list, PackedList.Next(list, member)));

    /// <summary>Position of the pair behind the one at <paramref name="member"/>; -1 at the end.</summary>
    public static int NextPair(byte* list, int member) => PackedList.Next(list, PackedList.Next(list, member));

    public static int PreviousPair(byte* list, int member)
    {
        int score = PackedList.Prev(list, member);
        return score < 0 ? -1 : PackedList.Prev(list, score);
    }

    /// <summary>Where a new pair belongs: the position of the first pair behind it, or the end position.</summary>
    public static int PlaceOf(byte* list, ReadOnlySpan<byte> member, double score)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int at = PackedList.First(list); at >= 0; at = NextPair(list, at))
        {
            double there = ScoreOf(list, at);
            if (there > score) return at;
            if (there == score && PackedList.Read(list, at).Text(scratch).SequenceCompareTo(member) > 0) return at;
        }
        return PackedList.TotalBytes(list) - 1;
    }

    public static long RankAt(byte* list, int member)
    {
        long rank = 0;
        for (int at = PackedList.First(list); at != member; at = NextPair(list, at)) rank++;
        return rank;
    }

    public static void Ranks(byte* list, in ScoreRange range, out long first, out long end)
    {
        first = end = 0;
        for (int at = PackedList.First(list); at >= 0; at = NextPair(list, at))
        {
            double score = ScoreOf(list, at);
            if (!range.BelowMax(score)) return;
            if (!range.AboveMin(score)) first++;
            end++;
        }
    }

    public static void Ranks(byte* list, in LexRange range, out long first, out long end)
    {
        first = end = 0;
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int at = PackedList.First(list); at >= 0; at = NextPair(list, at))
        {
            var member = PackedList.Read(list, at).Text(scratch);
            if (!range.BelowMax(member)) return;
            if (!range.AboveMin(member)) first++;
            end++;
        }
    }

    /// <summary>True when the elements are pairs whose scores are numbers, in ascending order, no pair twice.</summary>
    public static bool IsOrdered(byte* list, int count, out int longestMember)
    {
        longestMember = 0;
        if (count == 0 || count % 2 != 0) return false;
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength], previousScratch = stackalloc byte[IntegerText.MaxLength];
        double lastScore = double.NegativeInfinity;
        int previous = -1;
        for (int at = PackedList.First(list); at >= 0; at = NextPair(list, at))
        {
            var member = PackedList.Read(list, at).Text(scratch);
            var text = PackedList.Read(list, PackedList.Next(list, at));
            if (!text.IsNumber && !ScoreText.TryParse(text.RawText, out _)) return false;
            double score = ReadScore(text);
            if (score < lastScore) return false;
            if (previous >= 0 && score == lastScore
                && PackedList.Read(list, previous).Text(previousScratch).SequenceCompareTo(member) >= 0) return false;
            longestMember = Math.Max(longestMember, member.Length);
            lastScore = score;
            previous = at;
        }
        return true;
    }

    private static double ReadScore(in Element score)
    {
        if (score.IsNumber) return score.Number;
        ScoreText.TryParse(score.RawText, out double value);
        return value;
    }
}
