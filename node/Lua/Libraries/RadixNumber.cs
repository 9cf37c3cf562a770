namespace Shoal.Lua.Libraries;

/// <summary>`tonumber(text, base)`: strtoul of C, with spaces around allowed.</summary>
internal static class RadixNumber
{
    public static bool TryParse(ReadOnlySpan<byte> text, int radix, out double value)
    {
        value = 0;
        int at = 0;
        while (at < text.Length && NumberText.IsSpace(text[at])) at++;
        bool negative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is (byte)'-' or (byte)'+') at++;
        if (radix == 16 && at + 2 < text.Length && text[at] == '0' && (text[at + 1] | 0x20) == 'x' && HexNumber.Digit(text[at + 2]) >= 0) at += 2;
        ulong number = 0;
        int start = at;
        bool overflow = false;
        for (; at < text.Length; at++)
        {
            int d = Digit(text[at]);
            if (d < 0 || d >= radix) break;
            overflow |= number > (ulong.MaxValue - (uint)d) / (uint)radix;
            number = number * (uint)radix + (uint)d;
        }
        if (at == start) return false;
        while (at < text.Length && NumberText.IsSpace(text[at])) at++;
        if (at < text.Length) return false;
        if (overflow) number = ulong.MaxValue;
        else if (negative) number = 0 - number;   // strtoul negates within the unsigned range
        value = number;
        return true;
    }

    private static int Digit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'z' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'Z' => b - 'A' + 10,
        _ => -1,
    };
}
