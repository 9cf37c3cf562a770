// COMMAND: the table describing itself, as client libraries read it when they connect.
using Shoal.Protocol.Resp;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using Encoding = System.Text.Encoding;

namespace Shoal.Server.Commands;

public static class CommandCommands
{
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
        foreach (var command in c.Node.Commands.All) CommandDocs.WriteInfo(c.Reply, command);
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
            if (Find(c.Node.Commands, c[i]) is { } command) CommandDocs.WriteInfo(c.Reply, command);
            else c.Reply.NullArray();
        }
    }

    private static void List(ref CommandContext c)
    {
        Func<Command, bool> which = _ => true;
        if (c.ArgCount == 5 && Is(c[2], "FILTERBY"))
        {
            byte[] value = c[4].ToArray();
            if (Is(c[3], "PATTERN")) which = m => GlobPattern.Matches(value, Encoding.Latin1.GetBytes(m.FullName), ignoreCase: true);
            else if (Is(c[3], "ACLCAT")) which = InCategory(Encoding.Latin1.GetString(value));
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

    private static Func<Command, bool> InCategory(string name)
    {
        uint category = CommandCategories.Find(name);
        return m => (CommandCategories.MaskOf(m) & category) != 0;
    }

    private static void Docs(ref CommandContext c)
    {
        var commands = new List<Command>();
        for (int i = 2; i < c.ArgCount; i++)
            if (Find(c.Node.Commands, c[i]) is { } one) commands.Add(one);
        if (c.ArgCount == 2) commands.AddRange(c.Node.Commands.All);
        c.Reply.Map(commands.Count);
        foreach (var command in commands) CommandDocs.WriteDocs(c.Reply, command);
    }

    private static void GetKeys(ref CommandContext c) => GetKeys(ref c, withFlags: false);

    private static void GetKeysAndFlags(ref CommandContext c) => GetKeys(ref c, withFlags: true);

    private static void GetKeys(ref CommandContext c, bool withFlags)
    {
        var request = c.Request.Skip(2);
        var command = c.Node.Commands.Find(request[0]);
        if (command is { Subcommands.Count: > 0 } && request.Count > 1) command = command.Subcommand(request[1]);
        var keys = new List<KeyReference>();
        if (command is null) c.Reply.Error("ERR Invalid command specified");
        else if (!HasKeys(command)) c.Reply.Error("ERR The command has no key arguments");
        else if (!command.Accepts(request.Count)) c.Reply.Error("ERR Invalid number of arguments specified for command");
        else if (!KeyReferences.Collect(command, request, keys)) c.Reply.Error("ERR Invalid arguments specified for command");
        else if (keys.Count == 0 && command.Has(NoMandatoryKeys)) c.Reply.Array(0);
        else if (keys.Count == 0) c.Reply.Error("ERR Invalid arguments specified for command");
        else Write(c.Reply, request, keys, withFlags);
    }

    /// <summary>Shard channels are routed like keys and are none.</summary>
    private static bool HasKeys(Command command) => !command.Keys.IsEmpty
        && !(CommandFacts.Find(command.FullName) is { } facts && Array.TrueForAll(facts.Keys, k => (k.Flags & KeyFlags.NotKey) != 0));

    private static void Write(ReplyWriter w, in Request request, List<KeyReference> keys, bool withFlags)
    {
        w.Array(keys.Count);
        foreach (var key in keys)
        {
            if (withFlags) w.Array(2);
            w.Bulk(request[key.Index]);
            if (!withFlags) continue;
            var names = KeySpec.NamesOf(key.Flags).ToList();
            w.Set(names.Count);
            foreach (string name in names) w.Simple(name);
        }
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines =
        [
            "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "(no subcommand)", "    Everything about every command.",
            "COUNT", "    How many commands there are.",
            "LIST [FILTERBY (MODULE <module-name>|ACLCAT <cat>|PATTERN <pattern>)]", "    Names of commands and sub-commands.",
            "INFO [<command-name> ...]", "    The rows of commands, of all without a name.",
            "DOCS [<command-name> ...]", "    The documentation of commands, of all without a name.",
            "GETKEYS <full-command>", "    The keys of a command line.",
            "GETKEYSANDFLAGS <full-command>", "    The keys of a command line and what is done to each.",
            "HELP", "    Prints this help.",
        ];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    private static Command? Find(CommandTable table, ReadOnlySpan<byte> name)
    {
        int bar = name.IndexOf((byte)'|');
        return bar < 0 ? table.Find(name) : table.Find(name[..bar])?.Subcommand(name[(bar + 1)..]);
    }

    private static bool Is(ReadOnlySpan<byte> argument, string keyword) => Sessions.SessionCommands.Is(argument, keyword);
}
