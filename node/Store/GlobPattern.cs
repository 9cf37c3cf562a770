// Glob-style patterns over bytes, as KEYS, SCAN MATCH and PSUBSCRIBE understand them:
//   *  any run      ?  any one byte      [abc] [a-z] [^a]  one of (none of) these      \x  x itself
// An unclosed class ends with the pattern. Only the last star is ever retried, so the cost is bounded by the product
// of the two lengths; no pattern makes it exponential.
namespace Shoal.Store;

/// <summary>Glob matching.</summary>
public static class GlobPattern
{
    /// <summary>A pattern that gets past more stars than these matches nothing: Redis recurses per star and stops there.</summary>
    private const int MaxStars = 1000;

    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text, bool ignoreCase = false)
    {
        int p = 0, s = 0, afterStar = -1, retry = 0, stars = 0;
        while (s < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                while (p + 1 < pattern.Length && pattern[p + 1] == '*') p++;
                if (++stars > MaxStars) return false;
                afterStar = ++p;
                retry = s;
                if (p == pattern.Length) return true;
            }
            else if (p < pattern.Length && MatchesOne(pattern, ref p, text[s], ignoreCase))
            {
                s++;
            }
            else if (afterStar >= 0)
            {
                p = afterStar;
                s = ++retry;
            }
            else
            {
                return false;
            }
        }
        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }

    /// <summary>True when the pattern is a plain text that matches only itself.</summary>
    public static bool IsLiteral(ReadOnlySpan<byte> pattern) => pattern.IndexOfAny("*?[\\"u8) < 0;

    /// <summary>Matches one byte against the element at p; on success p stands behind the element.</summary>
    private static bool MatchesOne(ReadOnlySpan<byte> pattern, ref int p, byte b, bool ignoreCase)
    {
        int at = p;
        byte element = pattern[at++];
        bool matches;
        switch (element)
        {
            case (byte)'?':
                matches = true;
                break;
            case (byte)'[':
                matches = MatchesClass(pattern, ref at, b, ignoreCase);
                break;
            default:
                if (element == '\\' && at < pattern.Length) element = pattern[at++];
                matches = Fold(element, ignoreCase) == Fold(b, ignoreCase);
                break;
        }
        if (matches) p = at;
        return matches;
    }

    private static bool MatchesClass(ReadOnlySpan<byte> pattern, ref int at, byte b, bool ignoreCase)
    {
        bool negated = at < pattern.Length && pattern[at] == '^';
        if (negated) at++;
        bool found = false;
        b = Fold(b, ignoreCase);
        while (at < pattern.Length)
        {
            byte element = pattern[at];
            if (element == '\\' && at + 1 < pattern.Length)
            {
                found |= Fold(pattern[at + 1], ignoreCase) == b;
                at += 2;
            }
            else if (element == ']')
            {
                at++;
                break;
            }
            else if (at + 2 < pattern.Length && pattern[at + 1] == '-')
            {
                byte low = Fold(element, ignoreCase), high = Fold(pattern[at + 2], ignoreCase);
                if (low > high) (low, high) = (high, low);
                found |= b >= low && b <= high;
                at += 3;
            }
            else
            {
                found |= Fold(element, ignoreCase) == b;
                at++;
            }
        }
        return found != negated;
    }

    private static byte Fold(byte b, bool ignoreCase) => ignoreCase && b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
}
