// What scripts find in the table `redis` (and `server`, as Valkey calls it): commands, replies, logging, constants. Errors that redis.call
// raises are tables, so pcall is wrapped to give their text, as scripts older than Redis 7 expect.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Shoal.Lua;
using Shoal.Server.Sessions;

namespace Shoal.Server.Scripting;

/// <summary>Builds the tables of one sandbox.</summary>
internal static class RedisApi
{
    private const int ReplicateNothing = 0, ReplicateToFile = 1, ReplicateToReplicas = 2;

    /// <summary>The table scripts and functions call.</summary>
    public static LuaTable Create(LuaState state, ScriptRunner runner)
    {
        var api = new LuaTable(state, 0, 32);
        Add(api, "call", (ref LuaCall call) => runner.Calls.Call(ref call, raises: true));
        Add(api, "pcall", (ref LuaCall call) => runner.Calls.Call(ref call, raises: false));
        Add(api, "acl_check_cmd", (ref LuaCall call) => runner.Calls.CheckPermission(ref call));
        Add(api, "setresp", (ref LuaCall call) => SetResp(ref call, runner));
        Add(api, "set_repl", (ref LuaCall call) => SetReplication(ref call, runner));
        Add(api, "sha1hex", Sha1Hex);
        Add(api, "error_reply", ErrorReply);
        Add(api, "status_reply", StatusReply);
        Set(api, "REPL_NONE", ReplicateNothing);
        Set(api, "REPL_AOF", ReplicateToFile);
        Set(api, "REPL_SLAVE", ReplicateToReplicas);
        Set(api, "REPL_REPLICA", ReplicateToReplicas);
        Set(api, "REPL_ALL", ReplicateToFile | ReplicateToReplicas);
        AddLogging(api, runner);
        return api;
    }

    /// <summary>What only EVAL scripts have: the debugger's hooks, which do nothing without a debugger, and a promise of old times.</summary>
    public static void AddEvalOnly(LuaTable api)
    {
        Add(api, "breakpoint", static (ref LuaCall call) => call.Return(false));
        Add(api, "debug", static (ref LuaCall call) => call.Return());
        Add(api, "replicate_commands", static (ref LuaCall call) => call.Return(true));
    }

    /// <summary>log and the versions: also there while a library is loaded.</summary>
    public static void AddLogging(LuaTable api, ScriptRunner runner)
    {
        Add(api, "log", (ref LuaCall call) => Log(ref call, runner));
        Set(api, "LOG_DEBUG", 0);
        Set(api, "LOG_VERBOSE", 1);
        Set(api, "LOG_NOTICE", 2);
        Set(api, "LOG_WARNING", 3);
        var version = Version.Parse(SessionCommands.RedisVersion);
        Set(api, "REDIS_VERSION_NUM", (version.Major << 16) | (version.Minor << 8) | version.Build);
        api[(LuaString)"REDIS_VERSION"] = (LuaString)SessionCommands.RedisVersion;
    }

    /// <summary>pcall whose error, when it is a table with an error's text, is that text.</summary>
    public static LuaFunction Pcall(LuaFunction original) => new("pcall", (ref LuaCall call) =>
    {
        var results = call.Call(original, call.Arguments.ToArray());
        if (results.Length == 2 && results[0] == LuaValue.False && results[1].AsTable() is { } error && ErrorTable.Message(error) is { } text)
            results[1] = text;
        foreach (var result in results) call.Push(result);
        return results.Length;
    });

    public static void Add(LuaTable table, string name, LuaHostFunction function) => table[(LuaString)name] = new LuaFunction(name, function);

    private static void Set(LuaTable table, string name, double value) => table[(LuaString)name] = value;

    private static LuaError Raise(ref LuaCall call, string text) => new(ErrorTable.Of(call.State, text));

    private static int SetResp(ref LuaCall call, ScriptRunner runner)
    {
        if (call.Count != 1) throw Raise(ref call, "redis.setresp() requires one argument.");
        call[1].TryToNumber(out double version);
        if ((int)version is not (2 or 3)) throw Raise(ref call, "RESP version must be 2 or 3.");
        runner.Current.Resp = (int)version;
        return call.Return();
    }

    private static int SetReplication(ref LuaCall call, ScriptRunner runner)
    {
        if (call.Count != 1) throw Raise(ref call, "redis.set_repl() requires one argument.");
        call[1].TryToNumber(out double number);
        int flags = (int)number;
        if ((flags & ~(ReplicateToFile | ReplicateToReplicas)) != 0)
            throw Raise(ref call, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
        runner.SetReplication(flags != ReplicateNothing);
        return call.Return();
    }

    private static int Sha1Hex(ref LuaCall call)
    {
        if (call.Count != 1) throw Raise(ref call, "wrong number of arguments");
        Span<byte> hash = stackalloc byte[20];
        SHA1.HashData(call[1].ToLuaString() is { } text ? text.Bytes : [], hash);
        return call.Return(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash)));
    }

    private static int ErrorReply(ref LuaCall call) => call.Count == 1 && call[1].AsString() is { } text
        ? call.Return(ErrorTable.FromReply(call.State, text.Bytes))
        : call.Return(ErrorTable.Of(call.State, "wrong number or type of arguments"));

    private static int StatusReply(ref LuaCall call)
    {
        if (call.Count != 1 || call[1].AsString() is not { } text) return call.Return(ErrorTable.Of(call.State, "wrong number or type of arguments"));
        var table = new LuaTable(call.State, 0, 1);
        table[(LuaString)"ok"] = text;
        return call.Return(table);
    }

    private static int Log(ref LuaCall call, ScriptRunner runner)
    {
        if (call.Count < 2) throw Raise(ref call, "redis.log() requires two arguments or more.");
        if (!call[1].TryToNumber(out double number)) throw Raise(ref call, "First argument must be a number (log level).");
        var level = (int)number switch
        {
            0 => LogLevel.Trace,
            1 => LogLevel.Debug,
            2 => LogLevel.Information,
            3 => LogLevel.Warning,
            _ => throw Raise(ref call, "Invalid debug level."),
        };
        var words = new StringBuilder();
        for (int i = 2; i <= call.Count; i++)
            if (call[i].ToLuaString() is { } word) words.Append(CultureInfo.InvariantCulture, $"{(words.Length > 0 ? " " : "")}{word}");
        runner.Log(level, words.ToString());
        return call.Return();
    }
}
