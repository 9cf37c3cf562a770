// string.format: the conversions of C's printf that Lua 5.1 passes on.
using System.Buffers.Text;
using System.Text;

namespace Shoal.Lua.Libraries;

/// <summary>string.format.</summary>
internal static class FormatFunction
{
    public static int Format(ref LuaCall call)
    {
        var format = call.CheckString(1).Bytes;
        var result = new ByteBuffer(call.State);
        int argument = 1;
        for (int i = 0; i < format.Length;)
        {
            byte b = format[i++];
            if (b != '%')
            {
                result.Append(b);
            }
            else if (i < format.Length && format[i] == '%')
            {
                result.Append((byte)'%');
                i++;
            }
            else
            {
                if (++argument > call.Count) throw call.ArgumentError(argument, "no value");
                var spec = FormatSpec.Read(ref call, format, ref i);
                Convert(ref call, result, spec, i < format.Length ? format[i] : (byte)0, argument);
                i++;
            }
        }
        return call.Return(result.ToLuaString());
    }

    private static void Convert(ref LuaCall call, ByteBuffer result, in FormatSpec spec, byte conversion, int argument)
    {
        switch ((char)conversion)
        {
            case 'c':
                spec.Character(result, (byte)call.CheckInt(argument));
                break;
            case 'd' or 'i':
                spec.Integer(result, LuaCall.ToLong(call.CheckNumber(argument)));
                break;
            case 'o' or 'u' or 'x' or 'X':
                spec.Unsigned(result, ToUnsigned(call.CheckNumber(argument)), (char)conversion);
                break;
            case 'e' or 'E' or 'f' or 'g' or 'G':
                spec.Double(result, call.CheckNumber(argument), (char)conversion);
                break;
            case 'q':
                Quote(result, call.CheckString(argument).Bytes);
                break;
            case 's':
                var text = call.CheckString(argument).Bytes;
                if (spec.Precision < 0 && text.Length >= 100)
                {
                    result.Append(text);   // too long to be formatted: kept as it is
                    break;
                }
                int zero = text.IndexOf((byte)0);   // C's %s ends at a zero byte
                if (zero >= 0) text = text[..zero];
                spec.Pad(result, spec.Precision >= 0 && spec.Precision < text.Length ? text[..spec.Precision] : text);
                break;
            default:
                throw call.Error($"invalid option '%{(conversion == 0 ? "" : (char)conversion)}' to 'format'");
        }
    }

    /// <summary>Negative numbers wrap around, as the C cast does on x86-64.</summary>
    private static ulong ToUnsigned(double number) =>
        number is >= 9223372036854775808.0 and < 18446744073709551616.0 ? (ulong)number : (ulong)LuaCall.ToLong(number);

    private static void Quote(ByteBuffer result, ReadOnlySpan<byte> text)
    {
        result.Append((byte)'"');
        foreach (byte b in text)
        {
            switch (b)
            {
                case (byte)'"' or (byte)'\\' or (byte)'\n':
                    result.Append((byte)'\\');
                    result.Append(b);
                    break;
                case (byte)'\r':
                    result.Append("\\r"u8);
                    break;
                case 0:
                    result.Append("\\000"u8);
                    break;
                default:
                    result.Append(b);
                    break;
            }
        }
        result.Append((byte)'"');
    }
}

/// <summary>Flags, width and precision of one conversion.</summary>
internal readonly struct FormatSpec
{
    public bool Left { get; private init; }

    public bool Plus { get; private init; }

    public bool Space { get; private init; }

    public bool Alternate { get; private init; }

    public bool Zero { get; private init; }

    public int Width { get; private init; }

    /// <summary>-1 when not given.</summary>
    public int Precision { get; private init; }

    public static FormatSpec Read(ref LuaCall call, ReadOnlySpan<byte> format, ref int at)
    {
        int start = at;
        while (at < format.Length && "-+ #0"u8.Contains(format[at])) at++;
        if (at - start >= 6) throw call.Error("invalid format (repeated flags)");
        var flags = format[start..at];
        int width = ReadTwoDigits(format, ref at), precision = -1;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = ReadTwoDigits(format, ref at);
        }
        if (at < format.Length && char.IsAsciiDigit((char)format[at])) throw call.Error("invalid format (width or precision too long)");
        return new FormatSpec
        {
            Left = flags.Contains((byte)'-'),
            Plus = flags.Contains((byte)'+'),
            Space = flags.Contains((byte)' '),
            Alternate = flags.Contains((byte)'#'),
            Zero = flags.Contains((byte)'0'),
            Width = width,
            Precision = precision,
        };
    }

    public void Pad(ByteBuffer to, ReadOnlySpan<byte> text)
    {
        int blanks = Width - text.Length;
        if (!Left && blanks > 0) to.Take(blanks).Fill((byte)' ');
        to.Append(text);
        if (Left && blanks > 0) to.Take(blanks).Fill((byte)' ');
    }

    /// <summary>%c; what C's printf puts behind a zero byte is lost, with the byte itself.</summary>
    public void Character(ByteBuffer to, byte b)
    {
        if (b != 0) Pad(to, [b]);
        else if (!Left && Width > 1) to.Take(Width - 1).Fill((byte)' ');
    }

    public void Integer(ByteBuffer to, long value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value < 0 ? (ulong)-(value + 1) + 1 : (ulong)value, digits, out int n);
        if (value == 0 && Precision == 0) n = 0;
        Signed(to, value < 0, digits[..n], [], zeroPads: Precision < 0, minDigits: Precision);
    }

    public void Unsigned(ByteBuffer to, ulong value, char conversion)
    {
        uint radix = conversion switch { 'o' => 8u, 'u' => 10u, _ => 16u };
        var alphabet = conversion == 'X' ? "0123456789ABCDEF"u8 : "0123456789abcdef"u8;
        Span<byte> digits = stackalloc byte[23];
        int first = digits.Length;
        for (ulong rest = value; rest > 0; rest /= radix) digits[--first] = alphabet[(int)(rest % radix)];
        if (value == 0 && Precision != 0) digits[--first] = (byte)'0';
        ReadOnlySpan<byte> prefix = [];
        if (Alternate && radix == 16 && value != 0) prefix = conversion == 'X' ? "0X"u8 : "0x"u8;
        if (Alternate && radix == 8 && (first == digits.Length || digits[first] != '0')) digits[--first] = (byte)'0';
        var plain = new FormatSpec { Left = Left, Zero = Zero, Width = Width, Precision = Precision };
        plain.Signed(to, false, digits[first..], prefix, zeroPads: Precision < 0, minDigits: Precision);
    }

    public void Double(ByteBuffer to, double value, char conversion)
    {
        bool upper = char.IsAsciiLetterUpper(conversion);
        int precision = Precision < 0 ? 6 : Precision;
        bool negative = double.IsNegative(value);
        if (!double.IsFinite(value))
        {
            Signed(to, negative, double.IsNaN(value) ? (upper ? "NAN"u8 : "nan"u8) : upper ? "INF"u8 : "inf"u8, [], zeroPads: false, minDigits: -1);
            return;
        }
        var text = Encoding.ASCII.GetBytes((conversion | (char)0x20) switch
        {
            'f' => DoubleText.Fixed(Math.Abs(value), precision, Alternate),
            'e' => DoubleText.Exponential(Math.Abs(value), precision, Alternate),
            _ => DoubleText.General(Math.Abs(value), precision, Alternate),
        });
        if (upper) Ascii.ToUpperInPlace(text, out _);
        Signed(to, negative, text, [], zeroPads: true, minDigits: -1);
    }

    private void Signed(ByteBuffer to, bool negative, ReadOnlySpan<byte> digits, ReadOnlySpan<byte> prefix, bool zeroPads, int minDigits)
    {
        var sign = negative ? "-"u8 : Plus ? "+"u8 : Space ? " "u8 : [];
        int zeros = Math.Max(0, minDigits - digits.Length);
        int length = sign.Length + prefix.Length + zeros + digits.Length;
        if (Zero && !Left && zeroPads && length < Width)
        {
            zeros += Width - length;
            length = Width;
        }
        int blanks = Math.Max(0, Width - length);
        if (!Left) to.Take(blanks).Fill((byte)' ');
        to.Append(sign);
        to.Append(prefix);
        to.Take(zeros).Fill((byte)'0');
        to.Append(digits);
        if (Left) to.Take(blanks).Fill((byte)' ');
    }

    private static int ReadTwoDigits(ReadOnlySpan<byte> format, ref int at)
    {
        int n = 0;
        for (int i = 0; i < 2 && at < format.Length && char.IsAsciiDigit((char)format[at]); i++) n = n * 10 + (format[at++] - '0');
        return n;
    }
}
