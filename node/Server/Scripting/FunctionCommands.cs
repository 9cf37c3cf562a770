// FUNCTION: libraries loaded, listed, dropped, dumped and restored; and FCALL, FCALL_RO, which call their functions.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Persistence;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using Encoding = System.Text.Encoding;

namespace Shoal.Server.Scripting;

/// <summary>Functions of libraries. Engine thread.</summary>
internal sealed class FunctionCommands(ScriptRunner runner, FunctionStore store)
{
    public void Register(CommandTable t)
    {
        const CommandFlags call = NoScript | SkipMonitor | NoMandatoryKeys | MovableKeys | Stale;
        t.Add(new Command("fcall", -3, call | MayReplicate, Keys.Counted(2), "slow scripting", Call) { FlagsFrom = FlagsOfFunction });
        t.Add(new Command("fcall_ro", -3, call | ReadOnly, Keys.Counted(2), "slow scripting", Call) { FlagsFrom = FlagsOfFunction });
        t.Add("function", -2, None, Keys.None, "slow scripting", static (ref CommandContext c) => c.WrongArity())
            .With("delete", 3, NoScript | Write, Keys.None, Delete)
            .With("dump", 2, NoScript, Keys.None, Dump)
            .With("flush", -2, NoScript | Write, Keys.None, Flush)
            .With("help", 2, Loading | Stale, Keys.None, Help)
            .With("kill", 2, NoScript | AllowBusy, Keys.None, Kill)
            .With("list", -2, NoScript, Keys.None, List)
            .With("load", -3, NoScript | Write | DenyOom, Keys.None, Load)
            .With("restore", -3, NoScript | Write | DenyOom, Keys.None, Restore)
            .With("stats", 2, NoScript | AllowBusy, Keys.None, Stats);
    }

    private CommandFlags FlagsOfFunction(in Request request, CommandFlags ofRow) =>
        request.Count > 1 && store.Current.Find(request[1]) is { } function ? ScriptFlagNames.Apply(ofRow, function.Flags) : ofRow;

    private void Call(ref CommandContext c)
    {
        if (store.Current.Find(c[1]) is not { } function)
        {
            c.Reply.Error(ScriptErrors.NoFunction);
            return;
        }
        if (EvalCommands.TryCountKeys(ref c, ScriptErrors.BadKeyCount, out int keyCount))
            runner.Run(ref c, new ScriptCall(store.Sandbox, function.Callback, function.Name, IsEval: false, function.Flags), keyCount);
    }

    private void Load(ref CommandContext c)
    {
        bool replaces = false;
        for (int i = 2; i < c.ArgCount - 1; i++)
        {
            if (!c[i].Is("replace"u8))
            {
                c.Reply.Error("ERR Unknown option given: " + Encoding.Latin1.GetString(c[i]));
                return;
            }
            replaces = true;
        }
        if (store.Load(store.Current, c[c.ArgCount - 1].ToArray(), replaces, mayTakeLong: c.IsReplay, out string name) is { } error)
        {
            c.Reply.Error("ERR " + error);
            return;
        }
        c.Changed();
        c.Reply.Bulk(name);
    }

    private void Delete(ref CommandContext c)
    {
        if (store.Current.FindLibrary(Encoding.Latin1.GetString(c[2])) is not { } library)
        {
            c.Reply.Error(ScriptErrors.NoLibrary);
            return;
        }
        store.Current.Remove(library);
        c.Changed();
        c.Reply.Ok();
    }

    private void Flush(ref CommandContext c)
    {
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.UnknownSubcommandOrArity(Encoding.Latin1.GetString(c[1]), "FUNCTION"));
            return;
        }
        if (c.ArgCount == 3 && !c[2].Is("sync"u8) && !c[2].Is("async"u8))
        {
            c.Reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
            return;
        }
        store.Current.Clear();
        c.Changed();
        c.Reply.Ok();
    }

    private void Dump(ref CommandContext c) => c.Reply.Bulk(FunctionPayload.Of(store.Current));

    private void Restore(ref CommandContext c)
    {
        if (c.ArgCount > 4)
        {
            c.Reply.Error(ErrorReplies.UnknownSubcommandOrArity(Encoding.Latin1.GetString(c[1]), "FUNCTION"));
            return;
        }
        bool replaces = c.ArgCount == 4 && c[3].Is("replace"u8), flushes = c.ArgCount == 4 && c[3].Is("flush"u8);
        if (c.ArgCount == 4 && !replaces && !flushes && !c[3].Is("append"u8))
        {
            c.Reply.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
            return;
        }
        var restored = new FunctionSet();
        string? error = FunctionPayload.Read(c[2], c.Node.Part<DumpPayload>(), store, restored);
        if (error is null && flushes) store.Replace(restored);
        else error ??= store.Current.Join(restored, replaces);
        if (error is not null)
        {
            c.Reply.Error("ERR " + error);
            return;
        }
        c.Changed();
        c.Reply.Ok();
    }

    private void Kill(ref CommandContext c)
    {
        if (runner.Kill(isEval: false) is { } error) c.Reply.Error(error);
        else c.Reply.Ok();
    }

    private void Stats(ref CommandContext c)
    {
        if (runner.IsRunning && runner.Current.IsEval)
        {
            c.Reply.Error(ScriptErrors.BusyScript);
            return;
        }
        c.Reply.Map(2);
        c.Reply.Bulk("running_script"u8);
        if (runner.IsRunning) FunctionReport.Running(c.Reply, runner.Current);
        else c.Reply.Null();
        c.Reply.Bulk("engines"u8);
        c.Reply.Map(1);
        c.Reply.Bulk("LUA"u8);
        c.Reply.Map(2);
        c.Reply.Bulk("libraries_count"u8);
        c.Reply.Integer(store.Current.Libraries.Count);
        c.Reply.Bulk("functions_count"u8);
        c.Reply.Integer(store.Current.FunctionCount);
    }

    private void List(ref CommandContext c)
    {
        bool withCode = false;
        byte[]? pattern = null;
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (!withCode && c[i].Is("withcode"u8)) withCode = true;
            else if (pattern is null && c[i].Is("libraryname"u8))
            {
                if (++i == c.ArgCount)
                {
                    c.Reply.Error("ERR library name argument was not given");
                    return;
                }
                pattern = c[i].ToArray();
            }
            else
            {
                c.Reply.Error("ERR Unknown argument " + Encoding.Latin1.GetString(c[i]));
                return;
            }
        }
        var libraries = store.Current.Libraries.Where(l => pattern is null || GlobPattern.Matches(pattern, Encoding.ASCII.GetBytes(l.Name), true)).ToList();
        c.Reply.Array(libraries.Count);
        foreach (var library in libraries) FunctionReport.Library(c.Reply, library, withCode);
    }

    private static void Help(ref CommandContext c)
    {
        c.Reply.Array(FunctionReport.Help.Length);
        foreach (string line in FunctionReport.Help) c.Reply.Simple(line);
    }
}
