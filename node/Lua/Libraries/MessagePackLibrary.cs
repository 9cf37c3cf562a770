// cmsgpack: MessagePack (spec of 2013 without bin and ext types) as lua-cmsgpack writes it: the smallest form that fits, integral numbers
// as integers, doubles as float32 when nothing is lost.
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Shoal.Lua.Libraries;

/// <summary>cmsgpack.*</summary>
internal static class MessagePackLibrary
{
    private const int MostNesting = 16;

    public static void Open(LuaState state)
    {
        var library = StandardLibraries.Register(state, "cmsgpack",
            ("pack", Pack),
            ("unpack", static (ref LuaCall call) => MessagePackDecoder.Unpack(ref call, 0, 0)),
            ("unpack_one", static (ref LuaCall call) => MessagePackDecoder.Unpack(ref call, 1, call.OptionalLong(2, 0))),
            ("unpack_limit", static (ref LuaCall call) =>
                MessagePackDecoder.Unpack(ref call, call.CheckLong(2), call.OptionalLong(3, 0))));
        library[(LuaString)"_NAME"] = (LuaString)"cmsgpack";
        library[(LuaString)"_VERSION"] = (LuaString)"lua-cmsgpack 0.4.0";
    }

    private static int Pack(ref LuaCall call)
    {
        if (call.Count == 0) throw call.ArgumentError(0, "MessagePack pack needs input.");
        var buffer = new ByteBuffer(call.State);
        for (int i = 1; i <= call.Count; i++) Append(buffer, call.State, call[i], 0);
        return call.Return(buffer.ToLuaString());
    }

    private static void Append(ByteBuffer to, LuaState state, in LuaValue value, int level)
    {
        state.Tick();
        switch (value.Ref)
        {
            case LuaString s:
                AppendString(to, s.Bytes);
                break;
            case LuaTable table when level < MostNesting:
                AppendTable(to, state, table, level);
                break;
            case string when value.IsNumber:
                AppendNumber(to, value.Num);
                break;
            case string:
                to.Append(value.IsTruthy ? (byte)0xC3 : (byte)0xC2);
                break;
            default:
                to.Append(0xC0);
                break;
        }
    }

    private static void AppendNumber(ByteBuffer to, double number)
    {
        if (number is < -9223372036854775808.0 or >= 9223372036854775808.0 || number != Math.Floor(number))
        {
            AppendDouble(to, number);
            return;
        }
        long n = (long)number;
        switch (n)
        {
            case >= 0 and <= 0x7F or < 0 and >= -32:
                to.Append((byte)n);
                break;
            case >= 0 and <= byte.MaxValue:
                AppendForm(to, 0xCC, 1, n);
                break;
            case >= 0 and <= ushort.MaxValue:
                AppendForm(to, 0xCD, 2, n);
                break;
            case >= 0 and <= uint.MaxValue:
                AppendForm(to, 0xCE, 4, n);
                break;
            case >= 0:
                AppendForm(to, 0xCF, 8, n);
                break;
            case >= sbyte.MinValue:
                AppendForm(to, 0xD0, 1, n);
                break;
            case >= short.MinValue:
                AppendForm(to, 0xD1, 2, n);
                break;
            case >= int.MinValue:
                AppendForm(to, 0xD2, 4, n);
                break;
            default:
                AppendForm(to, 0xD3, 8, n);
                break;
        }
    }

    private static void AppendDouble(ByteBuffer to, double number)
    {
        if (number == (float)number) AppendForm(to, 0xCA, 4, BitConverter.SingleToInt32Bits((float)number));
        else AppendForm(to, 0xCB, 8, BitConverter.DoubleToInt64Bits(number));
    }

    private static void AppendForm(ByteBuffer to, byte form, int bytes, long bits)
    {
        Span<byte> big = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(big, bits);
        to.Append(form);
        to.Append(big[(8 - bytes)..]);
    }

    private static void AppendString(ByteBuffer to, ReadOnlySpan<byte> text)
    {
        if (text.Length < 32) to.Append((byte)(0xA0 | text.Length));
        else if (text.Length <= byte.MaxValue) AppendForm(to, 0xD9, 1, text.Length);
        else AppendLength(to, 0xDA, text.Length);
        to.Append(text);
    }

    private static void AppendLength(ByteBuffer to, byte form, int length)
    {
        if (length <= ushort.MaxValue) AppendForm(to, form, 2, length);
        else AppendForm(to, (byte)(form + 1), 4, length);
    }

    private static void AppendTable(ByteBuffer to, LuaState state, LuaTable table, int level)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new LuaError("C stack overflow");
        if (IsArray(table))
        {
            int length = table.Length;
            if (length <= 15) to.Append((byte)(0x90 | length));
            else AppendLength(to, 0xDC, length);
            for (int i = 1; i <= length; i++) Append(to, state, table[i], level + 1);
            return;
        }
        int count = 0;
        for (int at = 0; table.NextFrom(ref at, out _, out _);) count++;
        if (count <= 15) to.Append((byte)(0x80 | count));
        else AppendLength(to, 0xDE, count);
        for (int at = 0; table.NextFrom(ref at, out var key, out var value);)
        {
            Append(to, state, key, level + 1);
            Append(to, state, value, level + 1);
        }
    }

    /// <summary>True when the keys are exactly 1..n (also none).</summary>
    private static bool IsArray(LuaTable table)
    {
        double most = 0;
        long count = 0;
        for (int at = 0; table.NextFrom(ref at, out var key, out _); count++)
        {
            if (!key.IsNumber || key.Num < 1 || key.Num != Math.Floor(key.Num)) return false;
            most = Math.Max(most, key.Num);
        }
        return most == count;
    }
}
