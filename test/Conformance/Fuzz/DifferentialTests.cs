// The same random requests to our node and to real Redis: every reply must be the same, and in the end the data.
// Longer by hand, perhaps against another version (SHOAL_FUZZ_REFERENCE=/path/to/redis-server):
//   SHOAL_FUZZ_SEED=1 SHOAL_FUZZ_RUNS=100 SHOAL_FUZZ_STEPS=20000 dotnet test test/Conformance --filter Differential
using System.Globalization;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Conformance.Fuzz;

public sealed class DifferentialTests(Servers servers) : IClassFixture<Servers>
{
    private const int BatchSize = 50;

    private static readonly string[] Settings = ["--enable-debug-command", "yes"];

    /// <summary>Groups of COMMAND DOCS that take part; SHOAL_FUZZ_GROUPS names others ("stream geo").</summary>
    private static readonly string[] Groups =
        (Environment.GetEnvironmentVariable("SHOAL_FUZZ_GROUPS") ?? "string list set sorted-set hash generic").Split(' ');

    /// <summary>Answers that depend on chance, on the clock, on versions, or that come later.</summary>
    private static readonly HashSet<string> Left =
    [
        "RANDOMKEY", "SRANDMEMBER", "SPOP", "HRANDFIELD", "ZRANDMEMBER", "BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX", "BZMPOP",
        "SORT", "SORT_RO", // elements of equal weight come in the order of Redis's own quicksort
        "ZRANGEBYLEX", "ZREVRANGEBYLEX", "ZLEXCOUNT", "ZREMRANGEBYLEX", // the latter defined for members of one score only
        "MIGRATE", "WAIT", "WAITAOF", "DUMP", "RESTORE", "OBJECT ENCODING", "OBJECT FREQ", "OBJECT IDLETIME", "OBJECT REFCOUNT", "OBJECT HELP", "PFSELFTEST", "PFDEBUG",
    ];

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int given) ? given : otherwise;

    [FactNeeds("redis-server")]
    public async Task Random_requests_are_answered_as_Redis_answers_them()
    {
        var ours = await servers.StartAsync("shoal", Settings);
        string reference = Environment.GetEnvironmentVariable("SHOAL_FUZZ_REFERENCE") is { Length: > 0 } path ? path : "redis-server";
        await using var theirs = await NodeProcess.StartReferenceAsync(reference, Settings);
        using var us = await RespClient.ConnectAsync(ours.Host, ours.Port);
        using var them = await theirs.ConnectAsync();
        var known = (await us.ExecuteAsync("COMMAND", "LIST")).Items.Select(i => i.Text.ToUpperInvariant()).ToHashSet();
        var shapes = (await CommandGrammar.ReadAsync(them)).Select(s => s with { Words = [.. s.Words.Select(w => w.ToUpperInvariant())] })
            .Where(s => Groups.Contains(s.Group) && !Left.Contains(s.Name) && known.Contains(s.Words[0])).ToList();
        Assert.True(shapes.Count > 100, $"only {shapes.Count} commands to try");
        int first = Number("SHOAL_FUZZ_SEED", 1), runs = Number("SHOAL_FUZZ_RUNS", 2), steps = Number("SHOAL_FUZZ_STEPS", 4000);
        for (int seed = first; seed < first + runs; seed++) await RunAsync(seed, steps, shapes, us, them);
    }

    private static async Task RunAsync(int seed, int steps, List<CommandShape> shapes, RespClient us, RespClient them)
    {
        var generator = new CommandGenerator(seed, shapes);
        string protocol = seed % 2 == 0 ? "3" : "2";
        foreach (var client in (RespClient[])[us, them])
        {
            await client.ExecuteAsync("HELLO", protocol);
            await client.ExecuteAsync("FLUSHALL");
            await client.ExecuteAsync("SELECT", "0");
        }
        var past = new List<string[]>();
        var found = new Dictionary<string, string>();
        for (int step = 0; step < steps; step += BatchSize)
        {
            string[][] batch = [.. Enumerable.Range(0, BatchSize).Select(_ => generator.Next())];
            var answers = await Task.WhenAll(us.PipelineAsync(batch), them.PipelineAsync(batch));
            for (int i = 0; i < batch.Length; i++)
            {
                past.Add(batch[i]);
                if (ReplyComparison.Same(batch[i], answers[0][i], answers[1][i])) continue;
                found.TryAdd(batch[i][0] + answers[0][i].Kind + answers[1][i].Kind,
                    $"step {step + i}\n{History(past)}\nours   {Cut(answers[0][i])}\ntheirs {Cut(answers[1][i])}\n");
                // What follows would only repeat the difference: both go on from nothing.
                await us.ExecuteAsync("FLUSHALL");
                await them.ExecuteAsync("FLUSHALL");
                past.Clear();
                break;
            }
            if (found.Count == 0 && step % (20 * BatchSize) == 0) await CompareDataAsync(seed, step, past, us, them);
        }
        if (found.Count > 0) Assert.Fail($"seed {seed}, RESP{protocol}: {found.Count} kinds of difference\n" + string.Join('\n', found.Values));
        await CompareDataAsync(seed, steps, past, us, them);
    }

    private static async Task CompareDataAsync(int seed, int step, List<string[]> past, RespClient us, RespClient them)
    {
        string[] ours = await DigestsAsync(us), theirs = await DigestsAsync(them);
        if (!ours.SequenceEqual(theirs))
            Assert.Fail($"seed {seed}, step {step}: the data differ\n{string.Join('\n', ours.Except(theirs))}\n--- theirs\n{string.Join('\n', theirs.Except(ours))}\n{History(past)}");
    }

    private static async Task<string[]> DigestsAsync(RespClient client)
    {
        var lines = new List<string>();
        string[] keys = [.. (await client.ExecuteAsync("KEYS", "*")).Items.Select(k => k.Text).Order(StringComparer.Ordinal)];
        if (keys.Length > 0)
        {
            var digests = await client.ExecuteAsync(["DEBUG", "DIGEST-VALUE", .. keys]);
            lines.AddRange(keys.Zip(digests.Items, (k, d) => $"{k} {d.Text}"));
        }
        lines.Add("all " + (await client.ExecuteAsync("DEBUG", "DIGEST")).Text);
        return [.. lines];
    }

    /// <summary>The last request, and what before it named one of its arguments.</summary>
    private static string History(List<string[]> past)
    {
        var keys = past[^1].Skip(1).Where(w => w.Length == 2 && char.IsAsciiLetter(w[0]) && char.IsAsciiDigit(w[1])).ToHashSet();
        var related = past.Where(r => keys.Overlaps(r)).TakeLast(12).Select(Show);
        return string.Join('\n', related.Append("> " + Show(past[^1])));
    }

    private static string Show(string[] request) => string.Join(' ', request.Select(w => '"' + w.Replace("\0", "\\x00", StringComparison.Ordinal) + '"'));

    private static string Cut(Reply reply) => reply.ToString() is { Length: > 600 } text ? text[..600] : reply.ToString()!;
}
