// What a script returns -> a reply, by Redis's rules: the inverse of ReplyToLua, and whatever is none of those tables is an array of its
// elements up to the first nil. Lengths are counted first, so that nothing has to be moved behind.
using Shoal.Lua;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Scripting;

/// <summary>Writes a script's result for its client.</summary>
/// <param name="reply">Written in the client's protocol version.</param>
/// <param name="scriptResp">The version the script has set: a true of a RESP2 script is the integer 1.</param>
internal readonly struct LuaToReply(ReplyWriter reply, int scriptResp)
{
    /// <summary>Tables inside each other before "reached lua stack limit", near where Redis's Lua stack ends.</summary>
    private const int MaxDepth = 4000;

    private static readonly LuaString Ok = "ok", Double = "double", Map = "map", Set = "set", Verbatim = "verbatim_string", String = "string",
        Format = "format", BigNumber = "big_number";

    public void Write(LuaValue value, int depth = 0)
    {
        if (value.AsString() is { } text) reply.Bulk(text.Bytes);
        else if (value.IsNumber) reply.Integer(ToInteger(value.AsNumber()));
        else if (value.IsBoolean) WriteBoolean(value.IsTruthy);
        else if (value.AsTable() is not { } table) reply.Null();
        else if (depth == MaxDepth) reply.Error("ERR reached lua stack limit");
        else WriteTable(table, depth + 1);
    }

    private void WriteBoolean(bool truth)
    {
        if (scriptResp == 3) reply.Bool(truth);
        else if (truth) reply.One();
        else reply.Null();
    }

    private void WriteTable(LuaTable table, int depth)
    {
        if (ErrorTable.Message(table) is { } error) reply.Error(error.Bytes);
        else if (table[Ok].AsString() is { } status) reply.Simple(status.Bytes);
        else if (table[Double] is { IsNumber: true } number) reply.Double(number.AsNumber());
        else if (table[BigNumber].AsString() is { } digits) reply.BigNumber(OnOneLine(digits.Bytes));
        else if (table[Verbatim].AsTable() is { } verbatim && verbatim[Format].AsString() is { } format && verbatim[String].AsString() is { } text)
            reply.Verbatim(format.Bytes, text.Bytes);
        else if (table[Map].AsTable() is { } map) WriteMap(map, depth);
        else if (table[Set].AsTable() is { } set) WriteSet(set, depth);
        else WriteArray(table, depth);
    }

    private void WriteMap(LuaTable map, int depth)
    {
        reply.Map(CountOf(map));
        for (int at = 0; map.NextFrom(ref at, out var key, out var value);)
        {
            Write(key, depth);
            Write(value, depth);
        }
    }

    private void WriteSet(LuaTable set, int depth)
    {
        reply.Set(CountOf(set));
        for (int at = 0; set.NextFrom(ref at, out var member, out _);) Write(member, depth);
    }

    private void WriteArray(LuaTable table, int depth)
    {
        int count = 0;
        while (!table[count + 1].IsNil) count++;
        reply.Array(count);
        for (int i = 1; i <= count; i++) Write(table[i], depth);
    }

    private static int CountOf(LuaTable table)
    {
        int count = 0;
        for (int at = 0; table.NextFrom(ref at, out _, out _);) count++;
        return count;
    }

    private static ReadOnlySpan<byte> OnOneLine(ReadOnlySpan<byte> text)
    {
        if (text.IndexOfAny((byte)'\r', (byte)'\n') < 0) return text;
        byte[] line = text.ToArray();
        foreach (ref byte b in line.AsSpan())
            if (b is (byte)'\r' or (byte)'\n') b = (byte)' ';
        return line;
    }

    /// <summary>C's cast: the fraction is cut off, what does not fit is the smallest integer.</summary>
    private static long ToInteger(double number) => number is >= -9223372036854775808.0 and < 9223372036854775808.0 ? (long)number : long.MinValue;
}
