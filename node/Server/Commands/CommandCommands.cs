// COMMAND: the table describing itself, as client libraries read it when they connect.
using Shoal.Protocol.Resp;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using Encoding = System.Text.Encoding;

namespace Shoal.Server.Commands;

public static class CommandCommands
{
    private static readonly (CommandFlags Flag, string Name)[] FlagNames =
    [
        (Write, "write"), (ReadOnly, "readonly"), (DenyOom, "denyoom"), (Admin, "admin"), (CommandFlags.PubSub, "pubsub"), (NoScript, "noscript"),
        (CommandFlags.Blocking, "blocking"), (Loading, "loading"), (Stale, "stale"), (Fast, "fast"), (NoAuth, "no_auth"), (NoMulti, "no_multi"),
        (MovableKeys, "movablekeys"), (Asking, "asking"), (SkipMonitor, "skip_monitor"), (SkipSlowLog, "skip_slowlog"),
        (NoMandatoryKeys, "no_mandatory_keys"), (AllowBusy, "allow_busy"),
    ];

    public static void Register(CommandTable t)
    {
        t.Add("command", -1, Loading | Stale, Keys.None, "slow connection", All)
            .With("count", 2, Loading | Stale, Keys.None, Count)
            .With("info", -2, Loading | Stale, Keys.None, Describe)
            .With("list", -2, Loading | Stale, Keys.None, List)
            .With("docs", -2, Loading | Stale, Keys.None, Docs)
            .With("getkeys", -3, Loading | Stale, Keys.None, GetKeys)
            .With("getkeysandflags", -3, Loading | Stale, Keys.None, GetKeysAndFlags)
            .With("help", 2, Loading | Stale, Keys.None, Help);
    }

    private static void All(ref CommandContext c)
    {
        c.Reply.Array(c.Node.Commands.All.Count);
        foreach (var command in c.Node.Commands.All) Row(c.Reply, command);
    }

    private static void Count(ref CommandContext c) => c.Reply.Integer(c.Node.Commands.All.Count);

    private static void Describe(ref CommandContext c)
    {
        if (c.ArgCount == 2)
        {
            All(ref c);
            return;
        }
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (Find(c.Node.Commands, c[i]) is { } command) Row(c.Reply, command);
            else c.Reply.NullArray();
        }
    }

    private static void List(ref CommandContext c)
    {
        Func<Command, bool> which = _ => true;
        if (c.ArgCount == 5 && Is(c[2], "FILTERBY"))
        {
            string value = Encoding.UTF8.GetString(c[4]);
            if (Is(c[3], "PATTERN")) which = m => GlobPattern.Matches(Encoding.UTF8.GetBytes(value), Encoding.UTF8.GetBytes(m.FullName));
            else if (Is(c[3], "ACLCAT")) which = m => (CommandCategories.MaskOf(m) & CommandCategories.Find(value)) != 0;
            else if (Is(c[3], "MODULE")) which = _ => false;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        else if (c.ArgCount != 2)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        var names = c.Node.Commands.All.SelectMany(m => m.Subcommands.Values.Prepend(m)).Where(which).Select(m => m.FullName).ToList();
        c.Reply.Array(names.Count);
        foreach (string name in names) c.Reply.Bulk(name);
    }

    private static void Docs(ref CommandContext c)
    {
        var commands = new List<Command>();
        for (int i = 2; i < c.ArgCount; i++)
            if (Find(c.Node.Commands, c[i]) is { } one) commands.Add(one);
        if (c.ArgCount == 2) commands.AddRange(c.Node.Commands.All);
        c.Reply.Map(commands.Count);
        foreach (var command in commands)
        {
            c.Reply.Bulk(command.FullName);
            c.Reply.Map(3);
            c.Reply.Bulk("summary"u8);
            c.Reply.Bulk($"{command.FullName.ToUpperInvariant()}, as in Redis 7.2");
            c.Reply.Bulk("since"u8);
            c.Reply.Bulk("1.0.0"u8);
            c.Reply.Bulk("group"u8);
            c.Reply.Bulk(Group(command));
        }
    }

    private static string Group(Command command) => command.Categories.Split(' ')[0] switch
    {
        "" => "server",
        "keyspace" => "generic",
        "sortedset" => "sorted-set",
        "transaction" => "transactions",
        "admin" or "slow" or "dangerous" => "server",
        var first => first,
    };

    private static void GetKeys(ref CommandContext c) => GetKeys(ref c, withFlags: false);

    private static void GetKeysAndFlags(ref CommandContext c) => GetKeys(ref c, withFlags: true);

    private static void GetKeys(ref CommandContext c, bool withFlags)
    {
        var request = c.Request.Skip(2);
        var command = c.Node.Commands.Find(request[0]);
        if (command is { Subcommands.Count: > 0 } && request.Count > 1) command = command.Subcommand(request[1]);
        if (command is null)
        {
            c.Reply.Error("ERR Invalid command specified");
            return;
        }
        if (!command.Accepts(request.Count))
        {
            c.Reply.Error("ERR Invalid number of arguments specified for command");
            return;
        }
        int key = command.Keys.IsEmpty ? 0 : command.Keys.FirstKey(request), count = 0;
        if (key == 0)
        {
            c.Reply.Error("ERR The command has no key arguments");
            return;
        }
        int mark = c.Reply.DeferArray();
        for (; key != 0; key = command.Keys.NextKey(request, key), count++)
        {
            if (withFlags) c.Reply.Array(2);
            c.Reply.Bulk(request[key]);
            if (!withFlags) continue;
            c.Reply.Set(2);
            c.Reply.Simple(command.IsWrite ? "RW" : "RO");
            c.Reply.Simple(command.IsWrite ? "update" : "access");
        }
        c.Reply.EndArray(mark, count);
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines = ["COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", "COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, INFO, LIST."];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    private static Command? Find(CommandTable table, ReadOnlySpan<byte> name)
    {
        int bar = name.IndexOf((byte)'|');
        return bar < 0 ? table.Find(name) : table.Find(name[..bar])?.Subcommand(name[(bar + 1)..]);
    }

    /// <summary>One command as COMMAND INFO shows it: ten elements since Redis 7.</summary>
    private static void Row(ReplyWriter w, Command command)
    {
        var (first, last, step) = Positions(command.Keys);
        w.Array(10);
        w.Bulk(command.FullName);
        w.Integer(command.Arity);
        var flags = FlagNames.Where(f => command.Has(f.Flag)).Select(f => f.Name).ToList();
        w.Set(flags.Count);
        foreach (string flag in flags) w.Simple(flag);
        w.Integer(first);
        w.Integer(last);
        w.Integer(step);
        var categories = CommandCategories.Of(command).ToList();
        w.Set(categories.Count);
        foreach (string category in categories) w.Simple("@" + category);
        w.Array(0);
        w.Array(0);
        w.Array(command.Subcommands.Count);
        foreach (var sub in command.Subcommands.Values) Row(w, sub);
    }

    private static (int First, int Last, int Step) Positions(KeyRange keys)
    {
        if (keys.IsEmpty || keys.Find is not null) return (0, 0, 0);
        return keys.First > 0 ? (keys.First, keys.Last, keys.Step) : (0, 0, 0);
    }

    private static bool Is(ReadOnlySpan<byte> argument, string keyword) => Sessions.SessionCommands.Is(argument, keyword);
}
