// Where a key belongs among the nodes of a table: the functions of Lua 5.1 (see LuaTable for why they are kept). Objects, which Lua
// hashes by address, are hashed by the runtime's identity hash.
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Shoal.Lua;

/// <summary>Main positions of keys.</summary>
internal static class TableHash
{
    public static int Of(in LuaValue key, int nodes)
    {
        if (key.Ref is LuaString s) return (int)(s.Hash & (uint)(nodes - 1));
        if (key.IsNumber) return OfNumber(key.Num, nodes);
        if (key.IsBoolean) return (key.IsTruthy ? 1 : 0) & (nodes - 1);
        return key.IsNil ? 0 : Modulo((uint)RuntimeHelpers.GetHashCode(key.Ref), nodes);
    }

    public static int OfNumber(double key, int nodes)
    {
        if (key == 0) return 0;
        ulong bits = BitConverter.DoubleToUInt64Bits(key);
        return Modulo((uint)bits + (uint)(bits >> 32), nodes);
    }

    /// <summary>The smallest e such that 2^e is at least n (n above 0).</summary>
    public static int CeilLog2(int n) => n <= 1 ? 0 : BitOperations.Log2((uint)(n - 1)) + 1;

    private static int Modulo(uint hash, int nodes) => (int)(hash % (uint)((nodes - 1) | 1));
}
