// struct: packing of C structures, as the library of that name (0.2) that Redis carries. Sizes are those of x86-64: int 4, long 8,
// size_t 8; integers up to 32 bytes, of which the low 8 carry the value.
namespace Shoal.Lua.Libraries;

/// <summary>struct.*</summary>
internal static class StructLibrary
{
    public static void Open(LuaState state) => StandardLibraries.Register(state, "struct",
        ("pack", Pack), ("unpack", Unpack), ("size", Size));

    private static int Pack(ref LuaCall call)
    {
        var layout = new StructLayout(ref call, call.CheckString(1).Bytes);
        var buffer = new ByteBuffer(call.State);
        int argument = 2;
        while (layout.Next(ref call))
        {
            int start = buffer.Length, size = layout.Size;
            buffer.Take(layout.Padding(start)).Clear();
            if (layout.TakesArgument && call.IsNone(argument)) throw call.ArgumentError(argument, $"{layout.ArgumentType} expected, got nil");
            switch (layout.Option)
            {
                case 'b' or 'B' or 'h' or 'H' or 'l' or 'L' or 'T' or 'i' or 'I':
                    layout.PutInteger(buffer.Take(size), call.CheckNumber(argument++));
                    break;
                case 'x':
                    buffer.Append(0);
                    break;
                case 'f':
                    layout.PutBits(buffer.Take(4), (uint)BitConverter.SingleToInt32Bits((float)call.CheckNumber(argument++)));
                    break;
                case 'd':
                    layout.PutBits(buffer.Take(8), (ulong)BitConverter.DoubleToInt64Bits(call.CheckNumber(argument++)));
                    break;
                case 'c' or 's':
                    var text = call.CheckString(argument++).Bytes;
                    if (size == 0) size = text.Length;
                    if (text.Length < size) throw call.ArgumentError(argument, "string too short");
                    buffer.Append(text[..size]);
                    if (layout.Option == 's') buffer.Append(0);
                    break;
                default:
                    layout.Control(ref call);
                    break;
            }
        }
        return call.Return(buffer.ToLuaString());
    }

    private static int Unpack(ref LuaCall call)
    {
        var layout = new StructLayout(ref call, call.CheckString(1).Bytes);
        var text = call.CheckString(2).Bytes;
        long start = call.OptionalLong(3, 1);
        if (start == 0) throw call.ArgumentError(3, "offset must be 1 or greater");
        long at = start < 0 ? long.MaxValue / 2 : start - 1;   // a negative one is a huge size_t in C
        var results = new List<LuaValue>();
        while (layout.Next(ref call))
        {
            long size = layout.Size;
            at += layout.Padding(at);
            Require(ref call, text.Length, at, size);
            if (results.Count >= LibraryLimits.MaxResults) throw call.Error("too many results");
            switch (layout.Option)
            {
                case 'b' or 'B' or 'h' or 'H' or 'l' or 'L' or 'T' or 'i' or 'I':
                    results.Add(layout.GetInteger(text.Slice((int)at, (int)size)));
                    break;
                case 'x':
                    break;
                case 'f':
                    results.Add(BitConverter.Int32BitsToSingle((int)layout.GetBits(text.Slice((int)at, 4))));
                    break;
                case 'd':
                    results.Add(BitConverter.Int64BitsToDouble((long)layout.GetBits(text.Slice((int)at, 8))));
                    break;
                case 'c':
                    if (size == 0)
                    {
                        if (results.Count == 0 || !results[^1].TryToNumber(out double previous)) throw call.Error("format 'c0' needs a previous size");
                        size = LuaCall.ToLong(previous);
                        results.RemoveAt(results.Count - 1);
                        Require(ref call, text.Length, at, size);
                    }
                    results.Add(call.State.NewString(text.Slice((int)at, (int)size)));
                    break;
                case 's':
                    int length = text[(int)at..].IndexOf((byte)0);
                    if (length < 0) throw call.Error("unfinished string in data");
                    results.Add(call.State.NewString(text.Slice((int)at, length)));
                    size = length + 1;
                    break;
                default:
                    layout.Control(ref call);
                    break;
            }
            at += size;
        }
        foreach (var r in results) call.Push(r);
        call.Push(at + 1);
        return results.Count + 1;
    }

    private static int Size(ref LuaCall call)
    {
        var layout = new StructLayout(ref call, call.CheckString(1).Bytes);
        long at = 0;
        while (layout.Next(ref call))
        {
            at += layout.Padding(at);
            if (layout.Option == 's') throw call.ArgumentError(1, "option 's' has no fixed size");
            if (layout.Option == 'c' && layout.Size == 0) throw call.ArgumentError(1, "option 'c0' has no fixed size");
            if (!char.IsAsciiLetterOrDigit(layout.Option)) layout.Control(ref call);
            at += layout.Size;
        }
        return call.Return(at);
    }

    private static void Require(ref LuaCall call, int length, long at, long size)
    {
        if (size < 0 || size > length || at > length - size) throw call.ArgumentError(2, "data string too short");
    }
}

/// <summary>The format string: options one by one, with the byte order and alignment in force.</summary>
internal ref struct StructLayout
{
    private const int MaxIntegerSize = 32, MaxAlignment = 8;

    private readonly ReadOnlySpan<byte> _format;
    private int _at;
    private int _alignment = 1;
    private bool _bigEndian;

    public StructLayout(ref LuaCall call, ReadOnlySpan<byte> format)
    {
        int zero = format.IndexOf((byte)0);
        _format = zero < 0 ? format : format[..zero];
        call.State.Tick();
    }

    public char Option { get; private set; }

    public readonly bool TakesArgument => Option != 'x' && char.IsAsciiLetter(Option);

    public readonly string ArgumentType => Option is 'c' or 's' ? "string" : "number";

    /// <summary>Bytes of the option; 0 for those without a size of their own.</summary>
    public int Size { get; private set; }

    public bool Next(ref LuaCall call)
    {
        if (_at >= _format.Length) return false;
        call.State.Tick();
        Option = (char)_format[_at++];
        Size = Option switch
        {
            'b' or 'B' or 'x' => 1,
            'h' or 'H' => 2,
            'l' or 'L' or 'T' or 'd' => 8,
            'f' => 4,
            'c' => Number(ref call, 1),
            'i' or 'I' => Number(ref call, 4),
            _ => 0,
        };
        if (Option is 'i' or 'I' && Size > MaxIntegerSize)
            throw call.Error($"integral size {Size} is larger than limit of {MaxIntegerSize}");
        return true;
    }

    /// <summary>Bytes of padding in front of the option at an offset.</summary>
    public readonly int Padding(long offset)
    {
        if (Size == 0 || Option == 'c') return 0;
        int size = Math.Min(Size, _alignment);
        return (int)((size - (offset & (size - 1))) & (size - 1));
    }

    /// <summary>An option that changes how the others are read.</summary>
    public void Control(ref LuaCall call)
    {
        switch (Option)
        {
            case ' ':
                break;
            case '>':
                _bigEndian = true;
                break;
            case '<':
                _bigEndian = false;
                break;
            case '!':
                int alignment = Number(ref call, MaxAlignment);
                if (!int.IsPow2(alignment)) throw call.Error($"alignment {alignment} is not a power of 2");
                _alignment = alignment;
                break;
            default:
                throw call.ArgumentError(1, $"invalid format option '{Option}'");
        }
    }

    public readonly void PutInteger(Span<byte> to, double number) =>
        PutBits(to, number < 0 || number < 9223372036854775808.0 ? (ulong)LuaCall.ToLong(number) : number < 18446744073709551616.0 ? (ulong)number : 0);

    public readonly void PutBits(Span<byte> to, ulong bits)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[_bigEndian ? to.Length - 1 - i : i] = (byte)bits;
            bits >>= 8;
        }
    }

    public readonly ulong GetBits(ReadOnlySpan<byte> from)
    {
        ulong bits = 0;
        for (int i = 0; i < from.Length; i++) bits = (bits << 8) | from[_bigEndian ? i : from.Length - 1 - i];
        return bits;
    }

    public readonly double GetInteger(ReadOnlySpan<byte> from)
    {
        ulong bits = GetBits(from);
        if (char.IsAsciiLetterUpper(Option)) return bits;
        int unused = 64 - Math.Min(64, from.Length * 8);
        return (long)(bits << unused) >> unused;
    }

    private int Number(ref LuaCall call, int otherwise)
    {
        if (_at >= _format.Length || !char.IsAsciiDigit((char)_format[_at])) return otherwise;
        long n = 0;
        while (_at < _format.Length && char.IsAsciiDigit((char)_format[_at]))
        {
            n = n * 10 + (_format[_at++] - '0');
            if (n > int.MaxValue) throw call.Error("integral size overflow");
        }
        return (int)n;
    }
}
