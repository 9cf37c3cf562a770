// COMMAND DOCS and COMMAND INFO as replies: the table row and the facts of commands.tsv together.
using Shoal.Protocol.Resp;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Writes what is known of a command.</summary>
internal static class CommandDocs
{
    private static readonly (CommandFlags Flag, string Name)[] FlagNames =
    [
        (Write, "write"), (ReadOnly, "readonly"), (DenyOom, "denyoom"), (Admin, "admin"), (CommandFlags.PubSub, "pubsub"), (NoScript, "noscript"),
        (CommandFlags.Blocking, "blocking"), (Loading, "loading"), (Stale, "stale"), (SkipMonitor, "skip_monitor"), (SkipSlowLog, "skip_slowlog"),
        (CommandFlags.Asking, "asking"), (Fast, "fast"), (NoAuth, "no_auth"), (NoMulti, "no_multi"),
        (NoMandatoryKeys, "no_mandatory_keys"), (AllowBusy, "allow_busy"),
    ];

    /// <summary>One command of COMMAND DOCS: its name and a map.</summary>
    public static void WriteDocs(ReplyWriter w, Command command)
    {
        var facts = CommandFacts.Find(command.FullName);
        w.Bulk(command.FullName);
        int mark = w.DeferArray(), fields = 3;
        Field(w, "summary", facts?.Summary ?? "A command of Shoal.");
        Field(w, "since", facts?.Since ?? "7.2.0");
        Field(w, "group", facts?.Group ?? "server");
        if (facts?.Complexity.Length > 0) fields += Field(w, "complexity", facts.Complexity);
        if (facts?.Deprecated.Length > 0) fields += Deprecation(w, facts.Deprecated);
        if (facts?.Syntax.Length > 0)
        {
            fields++;
            w.Bulk("arguments"u8);
            WriteArguments(w, SyntaxNotation.Parse(facts.Syntax));
        }
        if (command.Subcommands.Count > 0)
        {
            fields++;
            w.Bulk("subcommands"u8);
            w.Map(command.Subcommands.Count);
            foreach (var sub in command.Subcommands.Values) WriteDocs(w, sub);
        }
        w.EndMap(mark, fields);
    }

    /// <summary>One command as COMMAND INFO shows it: ten elements since Redis 7.</summary>
    public static void WriteInfo(ReplyWriter w, Command command)
    {
        var facts = CommandFacts.Find(command.FullName);
        var (first, last, step) = Positions(command, facts);
        w.Array(10);
        w.Bulk(command.FullName);
        w.Integer(command.Arity);
        var flags = FlagNames.Where(f => command.Has(f.Flag)).Select(f => f.Name).ToList();
        if (command.Has(MovableKeys) || (facts is not null && Array.Exists(facts.Keys, k => k.IsMovable))) flags.Add("movablekeys");
        Statuses(w, flags);
        w.Integer(first);
        w.Integer(last);
        w.Integer(step);
        Statuses(w, [.. CommandCategories.Of(command).Select(c => "@" + c)]);
        var tips = facts?.Tips ?? [];
        w.Array(tips.Length);
        foreach (string tip in tips) w.Bulk(tip);
        var keys = facts?.Keys ?? [];
        w.Set(keys.Length);
        foreach (var spec in keys) WriteSpec(w, spec);
        w.Array(command.Subcommands.Count);
        foreach (var sub in command.Subcommands.Values) WriteInfo(w, sub);
    }

    /// <summary>What positions alone tell of the keys: the row's, or those of specifications that stand at a fixed place.</summary>
    private static (int First, int Last, int Step) Positions(Command command, CommandFacts? facts)
    {
        var keys = command.Keys;
        if (keys.IsEmpty) return (0, 0, 0);
        if (keys.Find is null) return keys.First > 0 ? (keys.First, keys.Last, keys.Step) : (0, 0, 0);
        var at = facts?.Keys.Where(k => !k.IsMovable).Select(k => k.Begin).ToList() ?? [];
        return at.Count == 0 ? (0, 0, 0) : (at.Min(), at.Max(), 1);
    }

    private static void Statuses(ReplyWriter w, List<string> names)
    {
        w.Set(names.Count);
        foreach (string name in names) w.Simple(name);
    }

    private static void WriteSpec(ReplyWriter w, KeySpec spec)
    {
        w.Map(3);
        w.Bulk("flags"u8);
        Statuses(w, [.. KeySpec.NamesOf(spec.Flags)]);
        w.Bulk("begin_search"u8);
        w.Map(2);
        w.Bulk("type"u8);
        w.Bulk(spec.IsUnknown ? "unknown" : spec.Keyword.Length > 0 ? "keyword" : "index");
        w.Bulk("spec"u8);
        if (spec.IsUnknown) w.Map(0);
        else if (spec.Keyword.Length == 0) Numbers(w, ("index", spec.Begin));
        else
        {
            w.Map(2);
            Field(w, "keyword", spec.Keyword);
            w.Bulk("startfrom"u8);
            w.Integer(spec.Begin);
        }
        w.Bulk("find_keys"u8);
        w.Map(2);
        w.Bulk("type"u8);
        w.Bulk(spec.IsUnknown ? "unknown" : spec.Counts ? "keynum" : "range");
        w.Bulk("spec"u8);
        if (spec.IsUnknown) w.Map(0);
        else if (spec.Counts) Numbers(w, ("keynumidx", spec.Last), ("firstkey", spec.Limit), ("keystep", spec.Step));
        else Numbers(w, ("lastkey", spec.Last), ("keystep", spec.Step), ("limit", spec.Limit));
    }

    private static void Numbers(ReplyWriter w, params ReadOnlySpan<(string Name, int Value)> fields)
    {
        w.Map(fields.Length);
        foreach (var (name, value) in fields)
        {
            w.Bulk(name);
            w.Integer(value);
        }
    }

    private static void WriteArguments(ReplyWriter w, IReadOnlyList<SyntaxArgument> arguments)
    {
        w.Array(arguments.Count);
        foreach (var argument in arguments)
        {
            int mark = w.DeferArray(), fields = 2;
            Field(w, "name", argument.Name);
            Field(w, "type", argument.Type);
            if (argument.Arguments.Count == 0) fields += Field(w, "display_text", argument.Display);
            if (argument.KeySpec >= 0)
            {
                fields++;
                w.Bulk("key_spec_index"u8);
                w.Integer(argument.KeySpec);
            }
            if (argument.Token is { } token) fields += Field(w, "token", token.Length == 0 ? "\"\"" : token);
            if (argument.Flags.Count > 0)
            {
                fields++;
                w.Bulk("flags"u8);
                Statuses(w, [.. argument.Flags]);
            }
            if (argument.Arguments.Count > 0)
            {
                fields++;
                w.Bulk("arguments"u8);
                WriteArguments(w, argument.Arguments);
            }
            w.EndMap(mark, fields);
        }
    }

    /// <summary>"4.0.0 instead" says since when and what replaces it; "internal" marks commands that only nodes send each other.</summary>
    private static int Deprecation(ReplyWriter w, string text)
    {
        bool isInternal = text == "internal";
        w.Bulk("doc_flags"u8);
        Statuses(w, [isInternal ? "syscmd" : "deprecated"]);
        if (isInternal) return 1;
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        return 1 + Field(w, "deprecated_since", text[..space]) + Field(w, "replaced_by", text[(space + 1)..]);
    }

    private static int Field(ReplyWriter w, string name, string value)
    {
        w.Bulk(name);
        w.Bulk(value);
        return 1;
    }
}
