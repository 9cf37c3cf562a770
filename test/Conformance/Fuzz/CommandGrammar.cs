// What a request of each command may look like, read from the reference server itself (COMMAND DOCS): the fuzzer follows the
// command table and needs no list of its own that could fall behind.
using Shoal.Protocol.Client;

namespace Shoal.Conformance.Fuzz;

/// <summary>One argument of a command, as COMMAND DOCS describes it.</summary>
public sealed record Argument(string Name, string Type, string? Token, IReadOnlyList<string> Flags, IReadOnlyList<Argument> Inner)
{
    public bool IsOptional => Flags.Contains("optional");

    public bool Repeats => Flags.Contains("multiple");

    public bool RepeatsToken => Flags.Contains("multiple_token");
}

/// <summary>A command and its arguments.</summary>
public sealed record CommandShape(string[] Words, string Group, IReadOnlyList<Argument> Arguments)
{
    public string Name => string.Join(' ', Words);
}

/// <summary>Reads the grammar of all commands.</summary>
public static class CommandGrammar
{
    /// <summary>The commands <paramref name="client"/>'s server documents.</summary>
    public static async Task<List<CommandShape>> ReadAsync(RespClient client)
    {
        var shapes = new List<CommandShape>();
        foreach (var (name, docs) in Pairs(await client.ExecuteAsync("COMMAND", "DOCS")))
        {
            var fields = Pairs(docs).ToDictionary(p => p.Key, p => p.Value);
            string group = fields["group"].Text;
            if (!fields.TryGetValue("subcommands", out var subcommands))
            {
                shapes.Add(new CommandShape([name], group, Arguments(fields)));
                continue;
            }
            foreach (var (full, sub) in Pairs(subcommands))
                shapes.Add(new CommandShape(full.Split('|'), group, Arguments(Pairs(sub).ToDictionary(p => p.Key, p => p.Value))));
        }
        return [.. shapes.OrderBy(s => s.Name, StringComparer.Ordinal)];
    }

    private static List<Argument> Arguments(Dictionary<string, Reply> fields) =>
        fields.TryGetValue("arguments", out var list) ? [.. list.Items.Select(Read)] : [];

    private static Argument Read(Reply reply)
    {
        var fields = Pairs(reply).ToDictionary(p => p.Key, p => p.Value);
        string[] flags = fields.TryGetValue("flags", out var f) ? [.. f.Items.Select(i => i.Text)] : [];
        return new Argument(fields["name"].Text, fields["type"].Text, fields.GetValueOrDefault("token")?.Text, flags, Arguments(fields));
    }

    private static IEnumerable<(string Key, Reply Value)> Pairs(Reply flat)
    {
        for (int i = 0; i + 1 < flat.Items.Count; i += 2) yield return (flat[i].Text, flat[i + 1]);
    }
}
