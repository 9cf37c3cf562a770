// A command's reply -> a Lua value, by Redis's rules of conversion:
//
//   integer -> number        bulk -> string             null of RESP2 -> false      null of RESP3 -> nil
//   array   -> table 1..n    status -> { ok = text }    error -> { err = text }     boolean -> boolean
//   double  -> { double = }  map -> { map = { k = v }}  set -> { set = { k = true }}
//   verbatim -> { verbatim_string = { string =, format = }}                         big number -> { big_number = digits }
using System.Buffers.Text;
using Shoal.Lua;

namespace Shoal.Server.Scripting;

/// <summary>Reads replies of our own writer: they are whole and well formed.</summary>
internal static class ReplyToLua
{
    private static readonly LuaString Ok = "ok", Double = "double", Map = "map", Set = "set", Verbatim = "verbatim_string", String = "string",
        Format = "format", BigNumber = "big_number";

    public static LuaValue Read(LuaState state, ReadOnlySpan<byte> reply)
    {
        int at = 0;
        return Read(state, reply, ref at);
    }

    private static LuaValue Read(LuaState state, ReadOnlySpan<byte> reply, ref int at)
    {
        byte kind = reply[at];
        int end = reply[at..].IndexOf((byte)'\r') + at;
        var line = reply[(at + 1)..end];
        at = end + 2;
        switch (kind)
        {
            case (byte)':':
                return Number(line);
            case (byte)'$':
                return Bulk(state, reply, (int)Number(line), ref at);
            case (byte)'+':
                return Wrap(state, Ok, state.NewString(line));
            case (byte)'-':
                var error = ErrorTable.FromReply(state, line);
                ErrorTable.MarkCounted(error);
                return error;
            case (byte)'*':
            case (byte)'>':
                return Array(state, reply, (int)Number(line), ref at);
            case (byte)'_':
                return default;
            case (byte)'#':
                return line[0] == (byte)'t';
            case (byte)',':
                return Wrap(state, Double, ReadDouble(line));
            case (byte)'(':
                return Wrap(state, BigNumber, state.NewString(line));
            case (byte)'%':
                return ReadMap(state, reply, (int)Number(line), ref at);
            case (byte)'~':
                return ReadSet(state, reply, (int)Number(line), ref at);
            case (byte)'=':
                return ReadVerbatim(state, reply, (int)Number(line), ref at);
            default:
                throw new InvalidOperationException($"a reply begins with 0x{kind:x2}");
        }
    }

    private static LuaValue Bulk(LuaState state, ReadOnlySpan<byte> reply, int length, ref int at)
    {
        if (length < 0) return LuaValue.False;
        var text = reply.Slice(at, length);
        at += length + 2;
        return state.NewString(text);
    }

    private static LuaValue Array(LuaState state, ReadOnlySpan<byte> reply, int count, ref int at)
    {
        if (count < 0) return LuaValue.False;
        var table = new LuaTable(state, count, 0);
        for (int i = 1; i <= count; i++) table[i] = Read(state, reply, ref at);
        return table;
    }

    private static LuaValue ReadMap(LuaState state, ReadOnlySpan<byte> reply, int pairs, ref int at)
    {
        var map = new LuaTable(state, 0, pairs);
        for (int i = 0; i < pairs; i++)
        {
            var key = Read(state, reply, ref at);
            var value = Read(state, reply, ref at);
            if (!key.IsNil) map[key] = value;
        }
        return Wrap(state, Map, map);
    }

    private static LuaValue ReadSet(LuaState state, ReadOnlySpan<byte> reply, int count, ref int at)
    {
        var set = new LuaTable(state, 0, count);
        for (int i = 0; i < count; i++)
        {
            var member = Read(state, reply, ref at);
            if (!member.IsNil) set[member] = true;
        }
        return Wrap(state, Set, set);
    }

    private static LuaValue ReadVerbatim(LuaState state, ReadOnlySpan<byte> reply, int length, ref int at)
    {
        var text = new LuaTable(state, 0, 2);
        text[String] = state.NewString(reply.Slice(at + 4, length - 4));
        text[Format] = state.NewString(reply.Slice(at, 3));
        at += length + 2;
        return Wrap(state, Verbatim, text);
    }

    private static LuaValue Wrap(LuaState state, LuaString field, LuaValue value)
    {
        var table = new LuaTable(state, 0, 1);
        table[field] = value;
        return table;
    }

    private static double Number(ReadOnlySpan<byte> digits)
    {
        Utf8Parser.TryParse(digits, out long number, out _);
        return number;
    }

    private static double ReadDouble(ReadOnlySpan<byte> text)
    {
        if (Utf8Parser.TryParse(text, out double number, out int used) && used == text.Length) return number;
        return text.SequenceEqual("inf"u8) ? double.PositiveInfinity : text.SequenceEqual("-inf"u8) ? double.NegativeInfinity : double.NaN;
    }
}
