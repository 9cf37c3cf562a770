// Numbers to text and back as C does it for Lua 5.1 on Linux: "%.14g" out; strtod (decimal, hexadecimal, inf, nan) in.
using System.Buffers.Text;
using System.Globalization;

namespace Shoal.Lua;

/// <summary>Conversions between doubles and their texts.</summary>
internal static class NumberText
{
    /// <summary>Longest text <see cref="Write"/> makes.</summary>
    public const int MaxLength = 32;

    public static LuaString ToLuaString(double number)
    {
        Span<byte> text = stackalloc byte[MaxLength];
        return new LuaString(text[..Write(number, text)]);
    }

    /// <summary>Writes "%.14g" of the number; returns the length.</summary>
    public static int Write(double number, Span<byte> to)
    {
        if (number == Math.Floor(number) && Math.Abs(number) < 1e14 && (number != 0 || !double.IsNegative(number)))
        {
            Utf8Formatter.TryFormat((long)number, to, out int length);
            return length;
        }
        return WriteGeneral(number, 14, to);
    }

    /// <summary>Writes "%.{precision}g" (precision 1 to 17 fits <see cref="MaxLength"/>).</summary>
    public static int WriteGeneral(double number, int precision, Span<byte> to)
    {
        if (!double.IsFinite(number)) return WriteNonFinite(number, to);
        if (precision == 0) precision = 1;
        Span<byte> scientific = stackalloc byte[precision + 16];
        number.TryFormat(scientific, out int n, ScientificFormat(precision - 1), CultureInfo.InvariantCulture);
        scientific = scientific[..n];

        int at = 0;
        if (scientific[0] == '-')
        {
            to[at++] = (byte)'-';
            scientific = scientific[1..];
        }
        int e = scientific.IndexOf((byte)'e');
        Utf8Parser.TryParse(scientific[(e + 2)..], out int exponent, out _);
        if (scientific[e + 1] == '-') exponent = -exponent;
        Span<byte> digits = stackalloc byte[precision];
        int count = 0;
        foreach (byte b in scientific[..e])
            if (b != '.') digits[count++] = b;
        while (count > 1 && digits[count - 1] == '0') count--;
        digits = digits[..count];
        return exponent < -4 || exponent >= precision
            ? at + WriteExponential(digits, exponent, to[at..])
            : at + WriteFixed(digits, exponent, to[at..]);
    }

    /// <summary>inf, -inf, nan or -nan, as printf spells them.</summary>
    public static int WriteNonFinite(double number, Span<byte> to)
    {
        var text = double.IsNaN(number) ? "-nan"u8 : "-inf"u8;
        if (!double.IsNegative(number)) text = text[1..];
        text.CopyTo(to);
        return text.Length;
    }

    /// <summary>Reads a whole text as a number, with spaces around it allowed.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double number)
    {
        number = 0;
        int at = 0;
        while (at < text.Length && IsSpace(text[at])) at++;
        bool negative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is (byte)'-' or (byte)'+') at++;
        int end = ReadUnsigned(text, at, out number);
        if (end == at) return false;
        if (negative) number = -number;
        while (end < text.Length && IsSpace(text[end])) end++;
        return end == text.Length;
    }

    /// <summary>Reads the number a text starts with (no spaces before it); bytes used, 0 when there is none.</summary>
    public static int ReadPrefix(ReadOnlySpan<byte> text, out double number)
    {
        int at = text.Length > 0 && text[0] is (byte)'-' or (byte)'+' ? 1 : 0;
        int end = ReadUnsigned(text, at, out number);
        if (end == at) return 0;
        if (text[0] == '-') number = -number;
        return end;
    }

    public static bool IsSpace(byte b) => b is (byte)' ' or (>= 9 and <= 13);

    private static int ReadUnsigned(ReadOnlySpan<byte> text, int at, out double number)
    {
        number = 0;
        var rest = text[at..];
        if (rest.Length > 2 && rest[0] == '0' && (rest[1] | 0x20) == 'x') return at + HexNumber.Read(rest, out number);
        int n = 0, digits = 0;
        while (n < rest.Length && rest[n] is >= (byte)'0' and <= (byte)'9') { n++; digits++; }
        if (n < rest.Length && rest[n] == '.')
        {
            n++;
            while (n < rest.Length && rest[n] is >= (byte)'0' and <= (byte)'9') { n++; digits++; }
        }
        if (digits == 0) return at + ReadWord(rest, out number);
        int e = n;
        if (e < rest.Length && (rest[e] | 0x20) == 'e')
        {
            e++;
            if (e < rest.Length && rest[e] is (byte)'+' or (byte)'-') e++;
            if (e < rest.Length && rest[e] is >= (byte)'0' and <= (byte)'9')
            {
                while (e < rest.Length && rest[e] is >= (byte)'0' and <= (byte)'9') e++;
                n = e;
            }
        }
        double.TryParse(rest[..n], NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
        return at + n;
    }

    private static int ReadWord(ReadOnlySpan<byte> text, out double number)
    {
        number = 0;
        if (StartsWith(text, "inf"u8))
        {
            number = double.PositiveInfinity;
            return StartsWith(text, "infinity"u8) ? 8 : 3;
        }
        if (!StartsWith(text, "nan"u8)) return 0;
        number = BitConverter.UInt64BitsToDouble(0x7FF8_0000_0000_0000);   // C's nan is the positive one, the runtime's the negative
        return 3;
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
        text.Length >= word.Length && System.Text.Ascii.EqualsIgnoreCase(text[..word.Length], word);

    private static string ScientificFormat(int decimals) => decimals switch
    {
        13 => "e13",
        16 => "e16",
        _ => "e" + decimals.ToString(CultureInfo.InvariantCulture),
    };

    private static int WriteExponential(ReadOnlySpan<byte> digits, int exponent, Span<byte> to)
    {
        int at = 0;
        to[at++] = digits[0];
        if (digits.Length > 1)
        {
            to[at++] = (byte)'.';
            digits[1..].CopyTo(to[at..]);
            at += digits.Length - 1;
        }
        to[at++] = (byte)'e';
        to[at++] = exponent < 0 ? (byte)'-' : (byte)'+';
        exponent = Math.Abs(exponent);
        if (exponent < 10) to[at++] = (byte)'0';
        Utf8Formatter.TryFormat(exponent, to[at..], out int n);
        return at + n;
    }

    private static int WriteFixed(ReadOnlySpan<byte> digits, int exponent, Span<byte> to)
    {
        int at = 0;
        if (exponent < 0)
        {
            to[at++] = (byte)'0';
            to[at++] = (byte)'.';
            for (int i = -1; i > exponent; i--) to[at++] = (byte)'0';
            digits.CopyTo(to[at..]);
            return at + digits.Length;
        }
        for (int i = 0; i <= exponent; i++) to[at++] = i < digits.Length ? digits[i] : (byte)'0';
        if (digits.Length <= exponent + 1) return at;
        to[at++] = (byte)'.';
        digits[(exponent + 1)..].CopyTo(to[at..]);
        return at + digits.Length - exponent - 1;
    }
}
