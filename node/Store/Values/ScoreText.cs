// Why: scores travel as text and are compared by clients byte for byte, so they are printed as Redis 7.2 prints them:
// integers plainly, anything else in the shortest digits that read back to the same number, laid out by these rules
// (d = digits, k = power of ten of the last digit, e = |power of ten of the first digit|):
//   k >= 0 and e < d + 7            digits, then k zeros             1200000000000000000000 -> "1.2e+21"; 5e18 -> "5e+18"
//   k < 0 and (k > -7 or e < 4)     plain decimal                    0.000001, 1.5
//   otherwise                       d.ddde+XX, exponent unpadded     1e-7
// Reading accepts what strtod accepts of decimal numbers, and the infinities; NaN and out-of-range are refused.

using System.Globalization;

namespace Shoal.Store.Values;

/// <summary>Scores (64-bit floating point) to and from text.</summary>
public static class ScoreText
{
    /// <summary>Longest text <see cref="Write"/> produces.</summary>
    public const int MaxLength = 40;

    /// <summary>True when the score is an integer that is stored and printed as one.</summary>
    public static bool IsInteger(double score, out long value)
    {
        value = 0;
        if (!(score >= -(double)(long.MaxValue / 2) && score <= long.MaxValue / 2)) return false;
        value = (long)score;
        return value == score;
    }

    /// <summary>Prints into <paramref name="scratch"/> (at least <see cref="MaxLength"/> bytes) and returns the text.</summary>
    public static ReadOnlySpan<byte> Write(double score, Span<byte> scratch)
    {
        if (score == 0) return double.IsNegative(score) ? "-0"u8 : "0"u8;
        if (IsInteger(score, out long whole)) return IntegerText.Write(whole, scratch);
        if (double.IsNaN(score)) return "nan"u8;
        if (double.IsInfinity(score)) return score > 0 ? "inf"u8 : "-inf"u8;

        Span<byte> shortest = stackalloc byte[32];
        Span<byte> digits = stackalloc byte[32];
        int count = ShortestDigits(Math.Abs(score), shortest, digits, out int power);
        int at = 0;
        bool negative = score < 0;
        if (negative) scratch[at++] = (byte)'-';
        return scratch[..(at + Lay(digits[..count], power, negative, scratch[at..]))];
    }

    /// <summary>Splits the shortest round-trip text of a positive number into digits and the power of ten of the last one.</summary>
    private static int ShortestDigits(double score, Span<byte> text, Span<byte> digits, out int power)
    {
        score.TryFormat(text, out int length, "R", CultureInfo.InvariantCulture);
        int count = 0, exponent = 0, fraction = 0;
        bool afterPoint = false;
        for (int i = 0; i < length; i++)
        {
            byte c = text[i];
            if (c == '.') { afterPoint = true; continue; }
            if (c == 'E')
            {
                bool down = text[++i] == '-';
                for (i++; i < length; i++) exponent = exponent * 10 + (text[i] - '0');
                if (down) exponent = -exponent;
                break;
            }
            if (afterPoint) fraction++;
            if (count == 0 && c == '0') continue; // leading zeros
            digits[count++] = c;
        }
        power = exponent - fraction;
        while (count > 1 && digits[count - 1] == '0') { count--; power++; }
        return count;
    }

    private static int Lay(ReadOnlySpan<byte> digits, int power, bool negative, Span<byte> to)
    {
        int first = power + digits.Length - 1, distance = Math.Abs(first);
        if (power >= 0 && distance < digits.Length + 7)
        {
            digits.CopyTo(to);
            to.Slice(digits.Length, power).Fill((byte)'0');
            return digits.Length + power;
        }
        if (power < 0 && (power > -7 || distance < 4))
        {
            int whole = digits.Length + power;
            if (whole > 0)
            {
                digits[..whole].CopyTo(to);
                to[whole] = (byte)'.';
                digits[whole..].CopyTo(to[(whole + 1)..]);
                return digits.Length + 1;
            }
            "0."u8.CopyTo(to);
            to.Slice(2, -whole).Fill((byte)'0');
            digits.CopyTo(to[(2 - whole)..]);
            return digits.Length + 2 - whole;
        }
        int count = Math.Min(digits.Length, negative ? 17 : 18), at = 0;
        to[at++] = digits[0];
        if (count > 1)
        {
            to[at++] = (byte)'.';
            digits[1..count].CopyTo(to[at..]);
            at += count - 1;
        }
        to[at++] = (byte)'e';
        to[at++] = (byte)(first < 0 ? '-' : '+');
        return at + IntegerText.Write(distance, to[at..]).Length;
    }

    /// <summary>Reads a score. False for anything but a number or an infinity; also for NaN and for overflow, as Redis does.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double score)
    {
        if (IntegerText.TryParse(text, out long whole) && Math.Abs((double)whole) < 1L << 53) { score = whole; return true; }
        score = 0;
        if (text.IsEmpty) return false;
        ReadOnlySpan<byte> unsigned = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        if (unsigned.IsEmpty) return false;
        if (IsWord(unsigned, "inf"u8) || IsWord(unsigned, "infinity"u8))
        {
            score = text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        if (unsigned[0] != '.' && (uint)(unsigned[0] - '0') > 9) return false;
        if (unsigned.Length > 2 && (unsigned[1] | 0x20) == 'x')
        {
            if (!HexFloat.TryParse(unsigned, out score)) return false;
            if (text[0] == '-') score = -score;
            return true;
        }
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!double.TryParse(text, style, CultureInfo.InvariantCulture, out score)) return false;
        if (double.IsInfinity(score)) return false;
        return score != 0 || !HasNonZeroDigit(unsigned);
    }

    private static bool IsWord(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower)
    {
        if (text.Length != lower.Length) return false;
        for (int i = 0; i < text.Length; i++) if ((text[i] | 0x20) != lower[i]) return false;
        return true;
    }

    private static bool HasNonZeroDigit(ReadOnlySpan<byte> text)
    {
        foreach (byte c in text)
        {
            if (c is (byte)'e' or (byte)'E') return false;
            if (c is >= (byte)'1' and <= (byte)'9') return true;
        }
        return false;
    }
}
