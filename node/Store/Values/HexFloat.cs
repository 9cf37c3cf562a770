// Why: Redis reads scores with C's strtod, which takes hexadecimal floats too ("0x10", "0x1.8p3").
namespace Shoal.Store.Values;

internal static class HexFloat
{
    private const int LargestExponent = 100_000;

    /// <summary>Reads 0x, hexadecimal digits with at most one point, and an optional p with a decimal power of two; no sign.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        if (text.Length < 3 || text[0] != '0' || (text[1] | 0x20) != 'x') return false;
        int at = 2, digits = 0, scale = 0;
        bool point = false;
        for (; at < text.Length; at++)
        {
            if (text[at] == '.' && !point) point = true;
            else if (char.IsAsciiHexDigit((char)text[at]))
            {
                value = value * 16 + Convert.ToInt32(((char)text[at]).ToString(), 16);
                digits++;
                if (point) scale -= 4;
            }
            else break;
        }
        if (digits == 0) return false;
        if (at < text.Length)
        {
            if (at + 1 == text.Length || (text[at] | 0x20) != 'p' || !IntegerText.TryParse(text[at + 1] == '+' ? text[(at + 2)..] : text[(at + 1)..], out long power)) return false;
            scale += (int)Math.Clamp(power, -LargestExponent, LargestExponent);
        }
        value = Math.ScaleB(value, scale);
        return !double.IsInfinity(value);
    }
}
