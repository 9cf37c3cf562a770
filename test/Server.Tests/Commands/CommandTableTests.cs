// The command table against the COMMAND of a real server, row by row: arity, flags, key positions, categories, key specifications. What
// differs is listed with its reason; a difference that is not listed, or a listed one that is gone, fails.
using Shoal.Protocol.Client;
using Shoal.Server.Commands;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Commands;

[Collection("in-process nodes")]
public sealed class CommandTableTests
{
    /// <summary>Flags that may differ anywhere, and why.</summary>
    private static readonly HashSet<string> IgnoredFlags =
    [
        "no_async_loading", // no data set is ever loaded beside another one here
        "allow_busy", // Redis 7.2 allows more while a script hangs than 7.0
    ];

    /// <summary>Rows, and what of them differs from Redis 7.0.</summary>
    private static readonly Dictionary<string, string> Exceptions = new()
    {
        // As Redis 7.2 has them.
        ["blmove"] = "flags", ["blpop"] = "flags", ["brpop"] = "flags", ["brpoplpush"] = "flags", ["bzpopmax"] = "flags", ["bzpopmin"] = "flags",
        ["wait"] = "flags categories", ["zrank"] = "arity", ["zrevrank"] = "arity", ["command|getkeys"] = "arity",
        ["command|getkeysandflags"] = "arity",
        // Passwords: kept out of MONITOR and SLOWLOG altogether.
        ["auth"] = "flags", ["hello"] = "flags",
        // Answered while loading too: operators ask a node that starts.
        ["cluster|info"] = "flags", ["cluster|keyslot"] = "flags", ["cluster|links"] = "flags", ["cluster|myid"] = "flags",
        ["cluster|nodes"] = "flags", ["cluster|shards"] = "flags",
        ["cluster|slots"] = "flags", ["cluster|countkeysinslot"] = "flags", ["cluster|getkeysinslot"] = "flags",
        // Change the cluster's state, which is written to disk before the reply: no script may.
        ["cluster|addslots"] = "flags", ["cluster|addslotsrange"] = "flags", ["cluster|bumpepoch"] = "flags", ["cluster|delslots"] = "flags",
        ["cluster|delslotsrange"] = "flags",
        ["cluster|failover"] = "flags", ["cluster|flushslots"] = "flags", ["cluster|forget"] = "flags", ["cluster|meet"] = "flags",
        ["cluster|replicate"] = "flags", ["cluster|reset"] = "flags",
        ["cluster|saveconfig"] = "flags", ["cluster|set-config-epoch"] = "flags", ["cluster|setslot"] = "flags",
        ["cluster|count-failure-reports"] = "flags", ["cluster|replicas"] = "flags",
        ["cluster|slaves"] = "flags",
        // Parks until the other node has answered.
        ["migrate"] = "flags",
    };

    [FactNeeds("redis-server")]
    public async Task Every_row_is_that_of_Redis_but_for_the_listed_exceptions()
    {
        await using var reference = await NodeProcess.StartReferenceAsync("redis-server");
        using var client = await RespClient.ConnectAsync("127.0.0.1", reference.Port);
        using var node = new InProcessNode();
        using var ours = await node.ConnectAsync();
        var theirRows = Rows(await client.ExecuteAsync("COMMAND"));
        var ourRows = Rows(await ours.ExecuteAsync("COMMAND"));
        var differences = from name in ourRows.Keys.Intersect(theirRows.Keys).Order(StringComparer.Ordinal)
                          let found = string.Join(' ', Differences(ourRows[name], theirRows[name]))
                          where found != Exceptions.GetValueOrDefault(name, "")
                          select $"{name}: {found}\n  ours   {ourRows[name]}\n  theirs {theirRows[name]}";
        Assert.Empty(differences);
    }

    [Fact]
    public void Every_line_of_the_facts_can_be_read()
    {
        using var node = new InProcessNode();
        var commands = node.Host.Services.Commands.All.SelectMany(c => c.Subcommands.Values.Prepend(c)).ToList();
        Assert.Equal(commands.Count, commands.Select(c => c.Id).Distinct().Count());
        foreach (var command in commands)
        {
            if (CommandFacts.Find(command.FullName) is not { } facts) continue;
            Assert.NotEqual("", facts.Summary);
            _ = SyntaxNotation.Parse(facts.Syntax);
        }
    }

    private static IEnumerable<string> Differences(Row ours, Row theirs)
    {
        if (ours.Arity != theirs.Arity) yield return "arity";
        if (ours.Flags != theirs.Flags) yield return "flags";
        if (ours.Positions != theirs.Positions) yield return "positions";
        if (ours.Categories != theirs.Categories) yield return "categories";
        if (ours.Specs != theirs.Specs) yield return "specs";
    }

    private static Dictionary<string, Row> Rows(Reply reply)
    {
        var rows = new Dictionary<string, Row>();
        foreach (var row in reply.Items) Add(row);
        return rows;

        void Add(Reply row)
        {
            var f = row.Items;
            rows[f[0].Text.ToLowerInvariant()] = new Row(f[1].Text, Sorted(f[2].Items.Where(i => !IgnoredFlags.Contains(i.Text))),
                $"{f[3].Text} {f[4].Text} {f[5].Text}", Sorted(f[6].Items), string.Join("; ", f[8].Items.Select(Spec)));
            foreach (var sub in f[9].Items) Add(sub);
        }
    }

    /// <summary>A key specification without its notes, which are for people.</summary>
    private static string Spec(Reply spec)
    {
        var pairs = spec.Items;
        var kept = new List<string>();
        for (int i = 0; i + 1 < pairs.Count; i += 2)
            if (pairs[i].Text != "notes") kept.Add(Flat(pairs[i + 1]));
        return string.Join(" ", kept);
    }

    private static string Flat(Reply reply) => reply.Kind == ReplyKind.Array ? "(" + string.Join(" ", reply.Items.Select(Flat)) + ")" : reply.Text;

    private static string Sorted(IEnumerable<Reply> words) => string.Join(' ', words.Select(w => w.Text).Order(StringComparer.Ordinal));

    private sealed record Row(string Arity, string Flags, string Positions, string Categories, string Specs);
}
