// LATENCY: events that took long, and how long the calls of each command take.
using System.Globalization;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Observability;

internal static class LatencyCommands
{
    private static readonly string[] HelpLines =
    [
        "LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of commands in histogram format.",
        "HELP",
        "    Print this help.",
    ];

    public static void Register(CommandTable t)
    {
        const CommandFlags own = Admin | NoScript | Loading | Stale;
        t.Add("latency", -2, None, Keys.None, "slow", WrongArity)
            .With("doctor", 2, own, Keys.None, Doctor)
            .With("graph", 3, own, Keys.None, Graph)
            .With("help", 2, Loading | Stale, Keys.None, Help)
            .With("histogram", -2, own, Keys.None, Histogram)
            .With("history", 3, own, Keys.None, History)
            .With("latest", 2, own, Keys.None, Latest)
            .With("reset", -2, own, Keys.None, Reset);
    }

    private static void WrongArity(ref CommandContext c) => c.WrongArity();

    private static void Help(ref CommandContext c)
    {
        c.Reply.Array(HelpLines.Length);
        foreach (string line in HelpLines) c.Reply.Simple(line);
    }

    private static void Latest(ref CommandContext c)
    {
        var all = c.Node.Latency.All;
        c.Reply.Array(all.Count);
        foreach (var (name, series) in all)
        {
            c.Reply.Array(4);
            c.Reply.Bulk(name);
            c.Reply.Integer(series.Last.UnixSeconds);
            c.Reply.Integer(series.Last.Milliseconds);
            c.Reply.Integer(series.Worst);
        }
    }

    private static void History(ref CommandContext c)
    {
        if (!c.Node.Latency.All.TryGetValue(Encoding.Latin1.GetString(c[2]), out var series))
        {
            c.Reply.EmptyArray();
            return;
        }
        c.Reply.Array(series.Samples.Count);
        foreach (var sample in series.Samples)
        {
            c.Reply.Array(2);
            c.Reply.Integer(sample.UnixSeconds);
            c.Reply.Integer(sample.Milliseconds);
        }
    }

    private static void Reset(ref CommandContext c)
    {
        string[] names = new string[c.ArgCount - 2];
        for (int i = 0; i < names.Length; i++) names[i] = Encoding.Latin1.GetString(c[i + 2]);
        c.Reply.Integer(c.Node.Latency.Reset(names));
    }

    private static void Graph(ref CommandContext c)
    {
        string name = Encoding.Latin1.GetString(c[2]);
        if (!c.Node.Latency.All.TryGetValue(name, out var series)) c.Reply.Error($"ERR No samples available for event '{name}'");
        else c.Reply.Verbatim(Draw(name, series, c.NowMs / 1000));
    }

    /// <summary>One column per sample: its height in four steps, below it how long ago it was, from top to bottom.</summary>
    private static string Draw(string name, LatencySeries series, long now)
    {
        const int rows = 4;
        var samples = series.Samples.TakeLast(80).ToList();
        long low = samples.Min(s => s.Milliseconds), high = samples.Max(s => s.Milliseconds);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{name} - high {high} ms, low {low} ms (all time high {series.Worst} ms)\n").Append('-', 80).Append('\n');
        for (int row = rows; row > 0; row--)
        {
            foreach (var sample in samples)
            {
                int height = high == low ? 1 : 1 + (int)((sample.Milliseconds - low) * (rows - 1) / (high - low));
                text.Append(height == row ? row == 1 ? '_' : '#' : height > row ? '|' : ' ');
            }
            text.Append('\n');
        }
        text.Append('\n');
        var ages = samples.ConvertAll(s => Age(now - s.UnixSeconds));
        for (int i = 0; i < ages.Max(a => a.Length); i++)
        {
            foreach (string age in ages) text.Append(i < age.Length ? age[i] : ' ');
            text.Append('\n');
        }
        return text.ToString();
    }

    private static string Age(long seconds) => seconds switch
    {
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds}s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}m"),
        < 86400 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 86400}d"),
    };

    private static void Doctor(ref CommandContext c)
    {
        var latency = c.Node.Latency;
        if (latency.Threshold == 0)
        {
            c.Reply.Verbatim("Latency monitoring is disabled in this node. Use \"CONFIG SET latency-monitor-threshold <milliseconds>\" to enable it.\n");
            return;
        }
        if (latency.All.Count == 0)
        {
            c.Reply.Verbatim("No latency spike has been seen since the last LATENCY RESET.\n");
            return;
        }
        var text = new StringBuilder("Latency spikes were seen:\n\n");
        foreach (var (name, series) in latency.All)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"{name}: {series.Samples.Count} spikes (average {series.Samples.Average(s => s.Milliseconds):F0} ms). Worst all time event {series.Worst} ms.\n");
        }
        text.Append("\nSLOWLOG GET names slow commands, INFO latencystats how they are spread; expire-cycle means that many keys end in the same second.\n");
        c.Reply.Verbatim(text.ToString());
    }

    private static void Histogram(ref CommandContext c)
    {
        var wanted = new List<Command>();
        if (c.ArgCount == 2) foreach (var command in c.Node.Commands.All) AddWithSubcommands(command, wanted);
        for (int i = 2; i < c.ArgCount; i++)
        {
            string[] names = Encoding.Latin1.GetString(c[i]).Split('|', 2);
            if (c.Node.Commands.Find(names[0]) is not { } command) continue;
            if (names.Length == 1) AddWithSubcommands(command, wanted);
            else if (command.Subcommand(Encoding.Latin1.GetBytes(names[1])) is { } sub) wanted.Add(sub);
        }
        wanted.RemoveAll(w => w.Statistics.Latency is not { Total: > 0 });
        c.Reply.Map(wanted.Count);
        foreach (var command in wanted)
        {
            var histogram = command.Statistics.Latency!;
            var bounds = histogram.Doubling().ToList();
            c.Reply.Bulk(command.FullName);
            c.Reply.Map(2);
            c.Reply.Bulk("calls"u8);
            c.Reply.Integer(histogram.Total);
            c.Reply.Bulk("histogram_usec"u8);
            c.Reply.Map(bounds.Count);
            foreach (var (microseconds, calls) in bounds)
            {
                c.Reply.Integer(microseconds);
                c.Reply.Integer(calls);
            }
        }
    }

    private static void AddWithSubcommands(Command command, List<Command> into)
    {
        into.Add(command);
        into.AddRange(command.Subcommands.Values);
    }
}
