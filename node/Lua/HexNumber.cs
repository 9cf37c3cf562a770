namespace Shoal.Lua;

/// <summary>Hexadecimal numbers as C's strtod reads them: 0x1F, 0x.8p1.</summary>
internal static class HexNumber
{
    /// <summary>Reads the number at the start ("0x" is there); returns the bytes used: 1 (the zero alone) when no digit follows.</summary>
    public static int Read(ReadOnlySpan<byte> text, out double number)
    {
        number = 0;
        int at = 2, digits = 0, scale = 0;
        for (bool fraction = false; at < text.Length; at++)
        {
            if (text[at] == '.' && !fraction)
            {
                fraction = true;
                continue;
            }
            int d = Digit(text[at]);
            if (d < 0) break;
            number = number * 16 + d;
            digits++;
            if (fraction) scale -= 4;
        }
        if (digits == 0) return 1;
        at = ReadExponent(text, at, ref scale);
        number = Math.ScaleB(number, scale);
        return at;
    }

    /// <summary>The value of a hexadecimal digit, or -1.</summary>
    public static int Digit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };

    private static int ReadExponent(ReadOnlySpan<byte> text, int at, ref int scale)
    {
        if (at >= text.Length || (text[at] | 0x20) != 'p') return at;
        int e = at + 1;
        bool negative = e < text.Length && text[e] == '-';
        if (e < text.Length && text[e] is (byte)'-' or (byte)'+') e++;
        int start = e, exponent = 0;
        for (; e < text.Length && text[e] is >= (byte)'0' and <= (byte)'9'; e++)
            exponent = Math.Min(exponent * 10 + (text[e] - '0'), 1 << 20);
        if (e == start) return at;
        scale += negative ? -exponent : exponent;
        return e;
    }
}
