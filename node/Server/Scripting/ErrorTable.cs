// Redis's errors inside Lua are tables: { err = "CODE text" }, raised by redis.call and returned by redis.pcall. The mark
// ignore_error_stats_update says that the error was counted when it happened.
using System.Text;
using Shoal.Lua;

namespace Shoal.Server.Scripting;

internal static class ErrorTable
{
    private static readonly LuaString Err = "err", Counted = "ignore_error_stats_update";

    /// <summary>An error of <paramref name="text"/>: with ERR in front, or, when it begins with '-', with the code that follows
    /// ("-READONLY ...").</summary>
    public static LuaTable Of(LuaState state, string text) => Create(state, text.StartsWith('-') ? text[1..] : "ERR " + text);

    /// <summary>An error reply's text, without the '-', as redis.error_reply takes it: a single word gets ERR in front.</summary>
    public static LuaTable FromReply(LuaState state, ReadOnlySpan<byte> text)
    {
        if (text.StartsWith("-"u8)) text = text[1..];
        int space = text.IndexOf((byte)' ');
        var message = text[(space + 1)..].Trim("\r\n"u8);
        var table = new LuaTable(state, 0, 2);
        table[Err] = space < 0 ? Join(state, "ERR"u8, message) : Join(state, text[..space], message);
        return table;
    }

    /// <summary>It need not be counted again.</summary>
    public static void MarkCounted(LuaTable error) => error[Counted] = true;

    public static bool IsCounted(LuaTable error) => error[Counted] == LuaValue.True;

    /// <summary>The text behind err, or null when it is no such table.</summary>
    public static LuaString? Message(LuaTable table) => table[Err].ToLuaString();

    public static string Text(LuaTable error) => Message(error) is { } message ? Encoding.Latin1.GetString(message.Bytes) : "ERR unknown error";

    /// <summary>The error a script ended with, as its client reads it.</summary>
    public static string ForClient(LuaError error, string script)
    {
        string text = error.Value.AsTable() is { } table ? Text(table) : "ERR " + Latin1(error.Value);
        return error.Chunk is null || error.Line == 0 ? text : $"{text} script: {script}, on {error.Chunk}:{error.Line}.";
    }

    /// <summary>The same for FUNCTION LOAD, which names no script.</summary>
    public static string ForLoad(LuaError error) => error.Value.AsTable() is { } table ? Text(table) : "ERR " + Latin1(error.Value);

    private static string Latin1(LuaValue value) => value.ToLuaString() is { } s ? Encoding.Latin1.GetString(s.Bytes) : value.ToString();

    private static LuaTable Create(LuaState state, string text)
    {
        var table = new LuaTable(state, 0, 2);
        table[Err] = state.NewString(Encoding.Latin1.GetBytes(text));
        return table;
    }

    private static LuaString Join(LuaState state, ReadOnlySpan<byte> code, ReadOnlySpan<byte> message) => state.NewString([.. code, (byte)' ', .. message]);
}
