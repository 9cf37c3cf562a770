namespace Shoal.Lua.Libraries;

/// <summary>bit.* of LuaBitOp: operations on signed 32-bit numbers, wrapped around.</summary>
internal static class BitLibrary
{
    public static void Open(LuaState state) => StandardLibraries.Register(state, "bit",
        ("tobit", static (ref LuaCall c) => c.Return(Bits(ref c, 1))),
        ("bnot", static (ref LuaCall c) => c.Return(~Bits(ref c, 1))),
        ("band", static (ref LuaCall c) => Fold(ref c, static (a, b) => a & b)),
        ("bor", static (ref LuaCall c) => Fold(ref c, static (a, b) => a | b)),
        ("bxor", static (ref LuaCall c) => Fold(ref c, static (a, b) => a ^ b)),
        ("lshift", static (ref LuaCall c) => c.Return(Bits(ref c, 1) << (Bits(ref c, 2) & 31))),
        ("rshift", static (ref LuaCall c) => c.Return((int)((uint)Bits(ref c, 1) >> (Bits(ref c, 2) & 31)))),
        ("arshift", static (ref LuaCall c) => c.Return(Bits(ref c, 1) >> (Bits(ref c, 2) & 31))),
        ("rol", static (ref LuaCall c) => c.Return((int)uint.RotateLeft((uint)Bits(ref c, 1), Bits(ref c, 2) & 31))),
        ("ror", static (ref LuaCall c) => c.Return((int)uint.RotateRight((uint)Bits(ref c, 1), Bits(ref c, 2) & 31))),
        ("bswap", static (ref LuaCall c) => c.Return(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Bits(ref c, 1)))),
        ("tohex", ToHex));

    /// <summary>A number as 32 bits: LuaBitOp adds 2^52 + 2^51, which rounds to the nearest integer and leaves it in the low bits.</summary>
    private static int Bits(ref LuaCall call, int number) =>
        (int)BitConverter.DoubleToInt64Bits(call.CheckNumber(number) + 6755399441055744.0);

    private static int Fold(ref LuaCall call, Func<int, int, int> operation)
    {
        int result = Bits(ref call, 1);
        for (int i = 2; i <= call.Count; i++) result = operation(result, Bits(ref call, i));
        return call.Return(result);
    }

    private static int ToHex(ref LuaCall call)
    {
        uint bits = (uint)Bits(ref call, 1);
        int digits = call.IsNone(2) ? 8 : Bits(ref call, 2);
        var alphabet = "0123456789abcdef"u8;
        if (digits < 0)
        {
            digits = -digits;
            alphabet = "0123456789ABCDEF"u8;
        }
        if (digits is > 8 or < 0) digits = 8;
        Span<byte> text = stackalloc byte[digits];
        for (int i = digits - 1; i >= 0; i--, bits >>= 4) text[i] = alphabet[(int)(bits & 15)];
        return call.Return(text);
    }
}
