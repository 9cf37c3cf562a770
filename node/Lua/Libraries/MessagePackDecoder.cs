using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Shoal.Lua.Libraries;

/// <summary>MessagePack to Lua values.</summary>
internal ref struct MessagePackDecoder
{
    private readonly LuaCall _call;
    private ReadOnlySpan<byte> _rest;

    private MessagePackDecoder(ref LuaCall call, ReadOnlySpan<byte> rest)
    {
        _call = call;
        _rest = rest;
    }

    /// <summary>Pushes the values; with a limit or an offset, the offset of what is left (-1: nothing) comes first.</summary>
    public static int Unpack(ref LuaCall call, long limit, long offset)
    {
        var text = call.CheckString(1).Bytes;
        bool all = limit == 0 && offset == 0;
        if (offset < 0 || limit < 0) throw call.Error($"Invalid request to unpack with offset of {(int)offset} and limit of {text.Length}.");
        if (offset > text.Length) throw call.Error($"Start offset {offset} greater than input length {text.Length}.");
        if (all) limit = int.MaxValue;
        var decoder = new MessagePackDecoder(ref call, text[(int)offset..]);
        var values = new List<LuaValue>();
        while (decoder._rest.Length > 0 && values.Count < limit)
        {
            if (values.Count >= LibraryLimits.MaxResults) throw call.Error("too many results to unpack");
            values.Add(decoder.Value());
        }
        if (!all) call.Push(decoder._rest.Length == 0 ? -1 : text.Length - decoder._rest.Length);
        foreach (var v in values) call.Push(v);
        return values.Count + (all ? 0 : 1);
    }

    private LuaValue Value()
    {
        _call.State.Tick();
        byte form = Take(1)[0];
        switch (form)
        {
            case <= 0x7F:
                return form;
            case >= 0xE0:
                return (sbyte)form;
            case <= 0x8F:
                return Map(form & 15);
            case <= 0x9F:
                return List(form & 15);
            case <= 0xBF:
                return Text(form & 31);
            case 0xC0:
                return default;
            case 0xC2:
                return false;
            case 0xC3:
                return true;
            case 0xCA:
                return BinaryPrimitives.ReadSingleBigEndian(Take(4));
            case 0xCB:
                return BinaryPrimitives.ReadDoubleBigEndian(Take(8));
            case 0xCC or 0xCD or 0xCE or 0xCF:
                return (double)(long)Unsigned(1 << (form - 0xCC));   // above 2^63 it comes out negative, as from the C library
            case 0xD0:
                return (sbyte)Unsigned(1);
            case 0xD1:
                return (short)Unsigned(2);
            case 0xD2:
                return (int)Unsigned(4);
            case 0xD3:
                return (double)(long)Unsigned(8);
            case 0xD9 or 0xDA or 0xDB:
                return Text((long)Unsigned(1 << (form - 0xD9)));
            case 0xDC or 0xDD:
                return List((long)Unsigned(2 << (form - 0xDC)));
            case 0xDE or 0xDF:
                return Map((long)Unsigned(2 << (form - 0xDE)));
            default:
                throw _call.Error("Bad data format in input.");
        }
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > _rest.Length) throw _call.Error("Missing bytes in input.");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private ulong Unsigned(int bytes)
    {
        ulong n = 0;
        foreach (byte b in Take(bytes)) n = (n << 8) | b;
        return n;
    }

    private LuaValue Text(long length) => _call.State.NewString(Take(length));

    private LuaValue List(long count)
    {
        CheckStack();
        var table = new LuaTable(_call.State);
        for (long i = 1; i <= count; i++) table[(int)i] = Value();
        return table;
    }

    private LuaValue Map(long count)
    {
        CheckStack();
        var table = new LuaTable(_call.State);
        for (long i = 0; i < count; i++)
        {
            var key = Value();
            var value = Value();
            if (key.IsNil || (key.IsNumber && double.IsNaN(key.Num))) throw _call.Error("Bad data format in input.");
            table[key] = value;
        }
        return table;
    }

    private readonly void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw _call.Error("too many nested values in input");
    }
}
