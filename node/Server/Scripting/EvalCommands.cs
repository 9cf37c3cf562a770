// EVAL, EVALSHA, their read-only forms, and SCRIPT.
using Shoal.Lua;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Sessions;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Scripting;

/// <summary>Scripts clients send. Engine thread.</summary>
internal sealed class EvalCommands(ScriptRunner runner, Func<long> memoryLimit)
{
    private LuaSandbox? _sandbox;

    public ScriptCache Cache { get; } = new();

    /// <summary>Bytes the interpreter holds.</summary>
    public long InterpreterBytes => _sandbox?.State.MemoryUsed ?? 0;

    private LuaSandbox Sandbox => _sandbox ??= LuaSandbox.ForScripts(runner, memoryLimit());

    public void Register(CommandTable t)
    {
        const CommandFlags eval = NoScript | SkipMonitor | NoMandatoryKeys | MovableKeys | Stale;
        var keys = Keys.Counted(2);
        t.Add(new Command("eval", -3, eval | MayReplicate, keys, "slow scripting", Eval) { FlagsFrom = FlagsOfScript });
        t.Add(new Command("eval_ro", -3, eval | ReadOnly, keys, "slow scripting", Eval) { FlagsFrom = FlagsOfScript });
        t.Add(new Command("evalsha", -3, eval | MayReplicate, keys, "slow scripting", EvalSha) { FlagsFrom = FlagsOfHash });
        t.Add(new Command("evalsha_ro", -3, eval | ReadOnly, keys, "slow scripting", EvalSha) { FlagsFrom = FlagsOfHash });
        t.Add("script", -2, None, Keys.None, "slow scripting", static (ref CommandContext c) => c.WrongArity())
            .With("debug", 3, NoScript, Keys.None, Debug)
            .With("exists", -3, NoScript, Keys.None, Exists)
            .With("flush", -2, NoScript, Keys.None, Flush)
            .With("help", 2, Loading | Stale, Keys.None, Help)
            .With("kill", 2, NoScript | AllowBusy, Keys.None, Kill)
            .With("load", 3, NoScript | Stale, Keys.None, Load);
    }

    private static CommandFlags FlagsOfScript(in Request request, CommandFlags ofRow) =>
        request.Count > 1 && request[1].StartsWith("#!"u8) && Shebang.ReadScript(request[1], out var declared, out _) is null
            ? ScriptFlagNames.Apply(ofRow, declared) : ofRow;

    private CommandFlags FlagsOfHash(in Request request, CommandFlags ofRow) =>
        request.Count > 1 && ScriptHash.TryRead(request[1], out var hash) && Cache.Find(hash) is { } script ? ScriptFlagNames.Apply(ofRow, script.Flags) : ofRow;

    private void Eval(ref CommandContext c)
    {
        if (!TryCountKeys(ref c, ErrorReplies.NotInteger, out int keyCount)) return;
        var script = FindOrCompile(ref c, c[1], isEvaluated: true);
        if (script is not null) Run(ref c, script, keyCount);
    }

    private void EvalSha(ref CommandContext c)
    {
        if (c[1].Length != ScriptHash.TextLength)
        {
            c.Reply.Error(ScriptErrors.NoScript);
            return;
        }
        if (!TryCountKeys(ref c, ErrorReplies.NotInteger, out int keyCount)) return;
        if (ScriptHash.TryRead(c[1], out var hash) && Cache.Find(hash) is { } script) Run(ref c, script, keyCount);
        else c.Reply.Error(ScriptErrors.NoScript);
    }

    private void Run(ref CommandContext c, Script script, int keyCount) =>
        runner.Run(ref c, new ScriptCall(Sandbox, script.Function, script.Name, IsEval: true, script.Flags), keyCount);

    /// <summary>The number of keys in argument 2; false when the error is written.</summary>
    public static bool TryCountKeys(ref CommandContext c, string notANumber, out int count)
    {
        count = 0;
        string? error = null;
        if (!IntegerText.TryParse(c[2], out long number)) error = notANumber;
        else if (number > c.ArgCount - 3) error = ScriptErrors.TooManyKeys;
        else if (number < 0) error = ScriptErrors.NegativeKeys;
        if (error is not null) c.Reply.Error(error);
        else count = (int)number;
        return error is null;
    }

    /// <summary>The script of that text, compiled when it is new; null when the error is written.</summary>
    private Script? FindOrCompile(ref CommandContext c, ReadOnlySpan<byte> body, bool isEvaluated)
    {
        var hash = ScriptHash.Of(body);
        if (Cache.Find(hash) is { } known) return known;
        if (Shebang.ReadScript(body, out var flags, out int shebang) is { } malformed)
        {
            c.Reply.Error("ERR " + malformed);
            return null;
        }
        try
        {
            var function = Sandbox.State.Load(body[shebang..], "@user_script");
            var script = new Script(hash.ToString(), flags, function, body.Length);
            Cache.Add(hash, script, isEvaluated);
            return script;
        }
        catch (LuaError e)
        {
            c.Reply.Error("ERR Error compiling script (new function): " + e.Value);
            return null;
        }
    }

    private void Load(ref CommandContext c)
    {
        if (FindOrCompile(ref c, c[2], isEvaluated: false) is not { } script) return;
        Cache.Keep(script);
        c.Reply.Bulk(script.Name);
    }

    private void Exists(ref CommandContext c)
    {
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++) c.Reply.Integer(ScriptHash.TryRead(c[i], out var hash) && Cache.Find(hash) is not null ? 1 : 0);
    }

    private void Flush(ref CommandContext c)
    {
        if (c.ArgCount > 3 || (c.ArgCount == 3 && !SessionCommands.Is(c[2], "SYNC") && !SessionCommands.Is(c[2], "ASYNC")))
        {
            c.Reply.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
            return;
        }
        Cache.Clear();
        _sandbox = null;
        c.Reply.Ok();
    }

    private void Kill(ref CommandContext c)
    {
        if (runner.Kill(isEval: true) is { } error) c.Reply.Error(error);
        else c.Reply.Ok();
    }

    private static void Debug(ref CommandContext c)
    {
        if (SessionCommands.Is(c[2], "NO")) c.Reply.Ok();
        else if (SessionCommands.Is(c[2], "YES") || SessionCommands.Is(c[2], "SYNC")) c.Reply.Error("ERR SCRIPT DEBUG is not supported: this node has no Lua debugger");
        else c.Reply.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines =
        [
            "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", "DEBUG (YES|SYNC|NO)",
            "    Set the debug mode for subsequent scripts executed.", "EXISTS <sha1> [<sha1> ...]",
            "    Return information about the existence of the scripts in the script cache.", "FLUSH [ASYNC|SYNC]",
            "    Flush the Lua scripts cache. Very dangerous on replicas.", "KILL", "    Kill the currently executing Lua script.", "LOAD <script>",
            "    Load a script into the scripts cache without executing it.", "HELP", "    Print this help.",
        ];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }
}
