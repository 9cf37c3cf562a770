// A Lua number as the argument of a command: integers as integers, everything else with the fewest digits that read back the same,
// laid out as Redis does (scientific only when the plain form would be long).
using System.Buffers.Text;
using System.Globalization;

namespace Shoal.Server.Scripting;

internal static class ScriptNumber
{
    /// <summary>Writes the text and returns its length (at most 32 bytes).</summary>
    public static int Format(double number, Span<byte> into)
    {
        int length;
        if (Math.Abs(number) <= long.MaxValue / 2 && number == Math.Truncate(number))
        {
            Utf8Formatter.TryFormat((long)number, into, out length);
            return length;
        }
        if (!double.IsFinite(number))
        {
            var text = double.IsNaN(number) ? double.IsNegative(number) ? "-nan"u8 : "nan"u8 : number > 0 ? "inf"u8 : "-inf"u8;
            text.CopyTo(into);
            return text.Length;
        }
        Span<byte> digits = stackalloc byte[24];
        int count = Shortest(Math.Abs(number), digits, out int scale);
        int at = 0;
        if (number < 0) into[at++] = (byte)'-';
        return at + Lay(digits[..count], scale, into[at..]);
    }

    /// <summary>The digits without point or zeros at their end; the value is 0.digits times 10 to <paramref name="scale"/>.</summary>
    private static int Shortest(double number, Span<byte> digits, out int scale)
    {
        Span<byte> text = stackalloc byte[32];
        number.TryFormat(text, out int length, "R", CultureInfo.InvariantCulture);
        int e = text[..length].IndexOf((byte)'E'), mantissa = e < 0 ? length : e, exponent = 0, count = 0, point = mantissa;
        if (e >= 0) exponent = int.Parse(text[(e + 1)..length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        bool leading = true;
        int before = 0;
        for (int i = 0; i < mantissa; i++)
        {
            if (text[i] == '.')
            {
                point = i;
                continue;
            }
            if (leading && text[i] == '0')
            {
                if (point < i) before--;
                continue;
            }
            leading = false;
            digits[count++] = text[i];
            if (i < point) before++;
        }
        if (point == mantissa) before = count;
        scale = before + exponent;
        while (count > 1 && digits[count - 1] == '0') count--;
        return count;
    }

    private static int Lay(ReadOnlySpan<byte> digits, int scale, Span<byte> into)
    {
        int count = digits.Length, exponent = Math.Abs(scale - 1), below = scale - count, at = 0;
        if (below >= 0 && exponent < count + 7)
        {
            digits.CopyTo(into);
            into.Slice(count, below).Fill((byte)'0');
            return count + below;
        }
        if (below < 0 && (below > -7 || exponent < 4))
        {
            if (scale <= 0)
            {
                into[at++] = (byte)'0';
                into[at++] = (byte)'.';
                into.Slice(at, -scale).Fill((byte)'0');
                digits.CopyTo(into[(at - scale)..]);
                return at - scale + count;
            }
            digits[..scale].CopyTo(into);
            into[scale] = (byte)'.';
            digits[scale..].CopyTo(into[(scale + 1)..]);
            return count + 1;
        }
        into[at++] = digits[0];
        if (count > 1)
        {
            into[at++] = (byte)'.';
            digits[1..].CopyTo(into[at..]);
            at += count - 1;
        }
        into[at++] = (byte)'e';
        into[at++] = scale - 1 < 0 ? (byte)'-' : (byte)'+';
        Utf8Formatter.TryFormat(exponent, into[at..], out int length);
        return at + length;
    }
}
