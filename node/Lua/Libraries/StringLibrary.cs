namespace Shoal.Lua.Libraries;

/// <summary>string.*, also as methods of every string.</summary>
internal static class StringLibrary
{
    public static void Open(LuaState state)
    {
        var library = StandardLibraries.Register(state, "string",
            ("byte", Byte),
            ("char", Char),
            ("dump", static (ref LuaCall call) =>
            {
                if (!call.CheckFunction(1).IsLua) throw call.Error("unable to dump given function");
                return call.Return("\u001bLua"u8);   // the head of bytecode, which no load function takes back
            }),
            ("find", PatternFunctions.Find),
            ("format", FormatFunction.Format),
            ("gfind", PatternFunctions.GlobalMatch),
            ("gmatch", PatternFunctions.GlobalMatch),
            ("gsub", PatternFunctions.GlobalSubstitute),
            ("len", static (ref LuaCall call) => call.Return(call.CheckString(1).Length)),
            ("lower", static (ref LuaCall call) => Map(ref call, static b => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b)),
            ("match", PatternFunctions.Match),
            ("rep", Repeat),
            ("reverse", Reverse),
            ("sub", Sub),
            ("upper", static (ref LuaCall call) => Map(ref call, static b => b is >= (byte)'a' and <= (byte)'z' ? (byte)(b & ~0x20) : b)));
        state.StringMetatable = new LuaTable(state);
        state.StringMetatable[(LuaString)"__index"] = library;
    }

    /// <summary>A position that counts from the end when negative.</summary>
    public static long Position(long position, int length)
    {
        if (position < 0) position += (long)length + 1;
        return position >= 0 ? position : 0;
    }

    private static int Byte(ref LuaCall call)
    {
        var s = call.CheckString(1);
        long from = Position(call.OptionalLong(2, 1), s.Length);
        long to = Position(call.OptionalLong(3, from), s.Length);
        if (from <= 0) from = 1;
        if (to > s.Length) to = s.Length;
        if (from > to) return 0;
        int count = (int)(to - from + 1);
        if (count >= LibraryLimits.MaxResults) throw call.Error("string slice too long");
        for (int i = 0; i < count; i++) call.Push(s.Bytes[(int)from - 1 + i]);
        return count;
    }

    private static int Char(ref LuaCall call)
    {
        var bytes = new byte[call.Count];
        for (int i = 0; i < bytes.Length; i++)
        {
            int b = call.CheckInt(i + 1);
            if ((byte)b != b) throw call.ArgumentError(i + 1, "invalid value");
            bytes[i] = (byte)b;
        }
        return call.Return(bytes);
    }

    private static int Map(ref LuaCall call, Func<byte, byte> map)
    {
        var s = call.CheckString(1);
        call.State.Meter.Charge(LuaString.Overhead + s.Length);
        var bytes = s.Bytes.ToArray();
        for (int i = 0; i < bytes.Length; i++) bytes[i] = map(bytes[i]);
        call.State.Tick(1 + bytes.Length / 1024);
        return call.Return(LuaString.Own(bytes));
    }

    private static int Repeat(ref LuaCall call)
    {
        var s = call.CheckString(1);
        long times = call.CheckLong(2);
        if (times <= 0 || s.Length == 0) return call.Return(LuaString.Empty);
        if (times > LibraryLimits.MaxString / s.Length) throw call.Error("resulting string too large");
        int length = (int)times * s.Length;
        call.State.Meter.Charge(LuaString.Overhead + length);
        call.State.Tick(1 + length / 1024);
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        s.Bytes.CopyTo(bytes);
        for (int done = s.Length; done < length;)
        {
            int next = Math.Min(done, length - done);
            bytes.AsSpan(0, next).CopyTo(bytes.AsSpan(done));
            done += next;
        }
        return call.Return(LuaString.Own(bytes));
    }

    private static int Reverse(ref LuaCall call)
    {
        var s = call.CheckString(1);
        call.State.Meter.Charge(LuaString.Overhead + s.Length);
        var bytes = s.Bytes.ToArray();
        Array.Reverse(bytes);
        return call.Return(LuaString.Own(bytes));
    }

    private static int Sub(ref LuaCall call)
    {
        var s = call.CheckString(1);
        long from = Position(call.CheckLong(2), s.Length);
        long to = Position(call.OptionalLong(3, -1), s.Length);
        if (from < 1) from = 1;
        if (to > s.Length) to = s.Length;
        return from <= to ? call.Return(s.Bytes[(int)(from - 1)..(int)to]) : call.Return(LuaString.Empty);
    }
}
