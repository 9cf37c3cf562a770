// The 80-bit floating point number of x86, which INCRBYFLOAT and HINCRBYFLOAT compute with in Redis: results must agree to the
// last digit, and double has too few. A number is a 64-bit mantissa times a power of two; each operation is done exactly on
// integers and then rounded once, half to even, as the hardware does. Not on any hot path, so clarity over speed.
using System.Globalization;
using System.Numerics;

namespace Shoal.Server.Commands;

/// <summary>A binary floating point number with a 64-bit mantissa.</summary>
public readonly struct LongDouble
{
    private const int MantissaBits = 64;
    private const int MaxExponent = 16384;
    private const int MinExponent = -16445;
    private const int FractionDigits = 17;
    private const int LongestText = 5 * 1024;

    private readonly BigInteger _mantissa;
    private readonly int _exponent;
    private readonly int _infinity;

    private LongDouble(BigInteger mantissa, int exponent, int infinity = 0)
    {
        _mantissa = mantissa;
        _exponent = exponent;
        _infinity = infinity;
    }

    public static LongDouble Zero => new(BigInteger.Zero, 0);

    public bool IsFinite => _infinity == 0;

    public static LongDouble operator +(LongDouble a, LongDouble b)
    {
        if (a._infinity != 0 || b._infinity != 0) return new LongDouble(0, 0, a._infinity != 0 ? a._infinity : b._infinity);
        int exponent = Math.Min(a._exponent, b._exponent);
        BigInteger sum = (a._mantissa << a._exponent - exponent) + (b._mantissa << b._exponent - exponent);
        return Round(sum, BigInteger.One, exponent);
    }

    /// <summary>Reads what strtold reads in full, refuses "nan", blanks, and numbers beyond its range.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out LongDouble value)
    {
        value = Zero;
        if (text.IsEmpty || text.Length >= LongestText) return false;
        bool negative = text[0] == '-';
        if (negative || text[0] == '+') text = text[1..];
        if (text.Length >= 3 && (text.Is("inf"u8) || text.Is("infinity"u8)))
        {
            value = new LongDouble(0, 0, negative ? -1 : 1);
            return true;
        }
        if (text.Length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x')
        {
            if (!TryHexadecimal(text[2..], out BigInteger bits, out int shift)) return false;
            value = Round(negative ? -bits : bits, BigInteger.One, shift);
            return value.IsFinite && (bits.IsZero || !value._mantissa.IsZero);
        }
        if (!TryDecimal(text, out BigInteger digits, out long power)) return false;
        if (negative) digits = -digits;
        if (digits.IsZero) return true;
        if (power is > 10_000 or < -20_000) return false;
        value = power >= 0
            ? Round(digits * BigInteger.Pow(10, (int)power), BigInteger.One, 0)
            : Round(digits, BigInteger.Pow(10, (int)-power), 0);
        return value.IsFinite && !value._mantissa.IsZero;
    }

    /// <summary>As printf("%.17Lf") without trailing zeros.</summary>
    public byte[] ToText()
    {
        BigInteger scaled = BigInteger.Abs(_mantissa) * BigInteger.Pow(10, FractionDigits);
        BigInteger whole = _exponent >= 0 ? scaled << _exponent : ShiftRounded(scaled, -_exponent);
        string digits = whole.ToString(CultureInfo.InvariantCulture).PadLeft(FractionDigits + 1, '0');
        string fraction = digits[^FractionDigits..].TrimEnd('0');
        string text = digits[..^FractionDigits] + (fraction.Length > 0 ? "." + fraction : "");
        return System.Text.Encoding.ASCII.GetBytes(_mantissa.Sign < 0 && text != "0" ? "-" + text : text);
    }

    /// <summary>digits[.digits][e[+-]digits] as digits * 10^power.</summary>
    private static bool TryDecimal(ReadOnlySpan<byte> text, out BigInteger digits, out long power)
    {
        power = 0;
        digits = default;
        Span<char> all = stackalloc char[text.Length];
        int count = 0, at = 0;
        bool point = false;
        for (; at < text.Length; at++)
        {
            if (text[at] == '.' && !point)
            {
                point = true;
                continue;
            }
            if (!char.IsAsciiDigit((char)text[at])) break;
            all[count++] = (char)text[at];
            if (point) power--;
        }
        if (count == 0) return false;
        digits = BigInteger.Parse(all[..count], NumberStyles.None, CultureInfo.InvariantCulture);
        if (at == text.Length) return true;
        if ((text[at] | 0x20) != 'e') return false;
        bool parsed = System.Buffers.Text.Utf8Parser.TryParse(text[(at + 1)..], out int exponent, out int used);
        if (!parsed || at + 1 + used != text.Length) return false;
        power += exponent;
        return true;
    }

    /// <summary>hex[.hex][p[+-]digits] as bits * 2^shift.</summary>
    private static bool TryHexadecimal(ReadOnlySpan<byte> text, out BigInteger bits, out int shift)
    {
        bits = BigInteger.Zero;
        shift = 0;
        int count = 0, at = 0;
        bool point = false;
        for (; at < text.Length; at++)
        {
            if (text[at] == '.' && !point)
            {
                point = true;
                continue;
            }
            if (!char.IsAsciiHexDigit((char)text[at])) break;
            bits = (bits << 4) + Convert.ToInt32(((char)text[at]).ToString(), 16);
            count++;
            if (point) shift -= 4;
        }
        if (count == 0) return false;
        if (at == text.Length) return true;
        if ((text[at] | 0x20) != 'p') return false;
        bool parsed = System.Buffers.Text.Utf8Parser.TryParse(text[(at + 1)..], out int exponent, out int used);
        if (!parsed || at + 1 + used != text.Length || exponent is > 20_000 or < -40_000) return false;
        shift += exponent;
        return true;
    }

    /// <summary>numerator / denominator * 2^exponent, rounded to the mantissa's width.</summary>
    private static LongDouble Round(BigInteger numerator, BigInteger denominator, int exponent)
    {
        if (numerator.IsZero) return Zero;
        BigInteger magnitude = BigInteger.Abs(numerator);
        long excess = (long)magnitude.GetBitLength() - (long)denominator.GetBitLength() - MantissaBits;
        if (excess + exponent + MantissaBits > MaxExponent + 2)
            return new LongDouble(0, 0, numerator.Sign);
        // One try may be a bit too wide or too narrow, since only lengths were compared.
        for (long shift = excess; ; shift++)
        {
            shift = Math.Max(shift, MinExponent - exponent);
            BigInteger top = shift < 0 ? magnitude << (int)-shift : magnitude;
            BigInteger bottom = shift > 0 ? denominator << (int)shift : denominator;
            BigInteger quotient = BigInteger.DivRem(top, bottom, out BigInteger remainder);
            int half = (remainder << 1).CompareTo(bottom);
            if (half > 0 || half == 0 && !quotient.IsEven) quotient += 1;
            if (quotient.GetBitLength() > MantissaBits && !quotient.IsPowerOfTwo) continue;
            if (quotient.GetBitLength() + shift + exponent > MaxExponent) return new LongDouble(0, 0, numerator.Sign);
            return new LongDouble(numerator.Sign < 0 ? -quotient : quotient, (int)(exponent + shift));
        }
    }

    private static BigInteger ShiftRounded(BigInteger value, int bits)
    {
        BigInteger quotient = value >> bits, remainder = value - (quotient << bits), half = BigInteger.One << bits - 1;
        int order = remainder.CompareTo(half);
        return order > 0 || order == 0 && !quotient.IsEven ? quotient + 1 : quotient;
    }
}
