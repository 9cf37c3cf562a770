// CONFIG GET, SET, RESETSTAT, REWRITE and the SHUTDOWN command.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Sessions;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using Encoding = System.Text.Encoding;

namespace Shoal.Server.Hosting;

public static class ConfigCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags own = Admin | NoScript | Loading | Stale;
        t.Add("config", -2, None, Keys.None, "", NoSubcommand)
            .With("get", -3, own, Keys.None, Get)
            .With("set", -4, own, Keys.None, Set)
            .With("resetstat", 2, own, Keys.None, ResetStatistics)
            .With("rewrite", 2, own, Keys.None, Rewrite)
            .With("help", 2, Loading | Stale, Keys.None, Help);
        t.Add("shutdown", -1, Admin | NoScript | Loading | Stale | NoMulti | Immediate | AllowBusy, Keys.None, "admin slow dangerous", ShutDown);
    }

    private static void NoSubcommand(ref CommandContext c) => c.WrongArity();

    private static void Get(ref CommandContext c)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 2; i < c.ArgCount; i++)
        {
            string pattern = Encoding.UTF8.GetString(c[i]).ToLowerInvariant();
            bool isPattern = pattern.IndexOfAny(['*', '?', '[']) >= 0;
            if (!isPattern && c.Node.Config.Find(pattern) is { } one) found[pattern] = Text(one);
            if (!isPattern) continue;
            foreach (var setting in c.Node.Config.All)
                if (!setting.IsHidden && GlobPattern.Matches(System.Text.Encoding.UTF8.GetBytes(pattern), System.Text.Encoding.UTF8.GetBytes(setting.Name))) found[setting.Name] = Text(setting);
        }
        c.Reply.Map(found.Count);
        foreach (var (name, value) in found)
        {
            c.Reply.Bulk(name);
            c.Reply.Bulk(value);
        }
    }

    private static string Text(Setting setting) => setting.Name == "dir" ? Directory.GetCurrentDirectory() : setting.Text;

    private static void Set(ref CommandContext c)
    {
        if (c.ArgCount % 2 != 0)
        {
            c.WrongArity();
            return;
        }
        var changes = new List<(string, string)>();
        for (int i = 2; i < c.ArgCount; i += 2) changes.Add((Encoding.UTF8.GetString(c[i]), Encoding.UTF8.GetString(c[i + 1])));
        if (c.Node.Config.Change(changes) is { } error) c.Reply.Error(error);
        else c.Reply.Ok();
    }

    private static void ResetStatistics(ref CommandContext c)
    {
        c.Node.Counters.Reset();
        foreach (var command in c.Node.Commands.All)
        {
            command.Statistics.Reset();
            foreach (var sub in command.Subcommands.Values) sub.Statistics.Reset();
        }
        var store = c.Node.Databases.Counters;
        store.Hits = store.Misses = store.Expired = store.Evicted = 0;
        c.Reply.Ok();
    }

    private static void Rewrite(ref CommandContext c)
    {
        if (c.Node.Config.FilePath is null)
        {
            c.Reply.Error("ERR The server is running without a config file");
            return;
        }
        try
        {
            ConfigFile.Rewrite(c.Node.Config);
            c.Reply.Ok();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            c.Reply.Error("ERR Rewriting config file: " + e.Message);
        }
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines = ["CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", "GET <pattern> ...", "SET <directive> <value> ...", "RESETSTAT", "REWRITE"];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    private static void ShutDown(ref CommandContext c)
    {
        var save = SaveMode.AsConfigured;
        bool now = false, force = false, abort = false;
        for (int i = 1; i < c.ArgCount; i++)
        {
            if (SessionCommands.Is(c[i], "SAVE") && save != SaveMode.NoSave) save = SaveMode.Save;
            else if (SessionCommands.Is(c[i], "NOSAVE") && save != SaveMode.Save) save = SaveMode.NoSave;
            else if (SessionCommands.Is(c[i], "NOW")) now = true;
            else if (SessionCommands.Is(c[i], "FORCE")) force = true;
            else if (SessionCommands.Is(c[i], "ABORT") && c.ArgCount == 2) abort = true;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        if (abort)
        {
            c.Reply.Error("ERR No shutdown in progress.");
            return;
        }
        if (c.Node.Serving.Busy is { } busy)
        {
            if (save != SaveMode.NoSave)
            {
                c.Reply.Error(busy.Refusal);
                return;
            }
            busy.Abandon();
        }
        // No reply when it works: the client sees the connection close.
        var token = c.Session.Park();
        var engine = c.Node.Engine;
        var request = new ShutdownRequest(save, now, force, "SHUTDOWN from a client");
        _ = c.Node.Shutdown.RunAsync(request).ContinueWith(
            done => engine.Post(() =>
            {
                if (done.Result is not null) token.Complete(w => w.Error(ErrorReplies.ShutdownFailed));
            }), TaskScheduler.Default);
    }
}
