// How FUNCTION LIST, STATS and HELP show what is there.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Scripting;

internal static class FunctionReport
{
    public static readonly string[] Help =
    [
        "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", "LOAD [REPLACE] <FUNCTION CODE>",
        "    Create a new library with the given library name and code.", "DELETE <LIBRARY NAME>", "    Delete the given library.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]", "    Return the libraries with their functions, those of names that fit the pattern only,",
        "    and their code if WITHCODE is given.", "STATS", "    Return information about the current function running and the available engines.",
        "KILL", "    Kill the current running function.", "FLUSH [ASYNC|SYNC]", "    Delete all the libraries.", "DUMP",
        "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]", "    Restore the libraries represented by the given payload: FLUSH deletes all existing libraries first,",
        "    APPEND (the default) aborts when a library exists, REPLACE replaces it.", "HELP", "    Print this help.",
    ];

    public static void Library(ReplyWriter w, FunctionLibrary library, bool withCode)
    {
        w.Map(withCode ? 4 : 3);
        w.Bulk("library_name"u8);
        w.Bulk(library.Name);
        w.Bulk("engine"u8);
        w.Bulk("LUA"u8);
        w.Bulk("functions"u8);
        w.Array(library.Functions.Count);
        foreach (var function in library.Functions) Function(w, function);
        if (!withCode) return;
        w.Bulk("library_code"u8);
        w.Bulk(library.Code);
    }

    /// <summary>The function that runs: its name, the call as it came, for how long.</summary>
    public static unsafe void Running(ReplyWriter w, ScriptRun run)
    {
        w.Map(3);
        w.Bulk("name"u8);
        w.Bulk(run.Name);
        w.Bulk("command"u8);
        using var reader = new RespReader(new RespLimits());
        fixed (byte* start = run.Request)
        {
            reader.Read(start, run.Request.Length, out var request, out _);
            w.Array(request.Count);
            for (int i = 0; i < request.Count; i++) w.Bulk(request[i]);
        }
        w.Bulk("duration_ms"u8);
        w.Integer((long)run.Elapsed.TotalMilliseconds);
    }

    private static void Function(ReplyWriter w, ScriptFunction function)
    {
        w.Map(3);
        w.Bulk("name"u8);
        w.Bulk(function.Name);
        w.Bulk("description"u8);
        if (function.Description is { } description) w.Bulk(description);
        else w.Null();
        w.Bulk("flags"u8);
        var flags = ScriptFlagNames.All.Where(f => (function.Flags & f.Flag) != 0).ToList();
        w.Set(flags.Count);
        foreach (var (_, name) in flags) w.Simple(name);
    }
}
