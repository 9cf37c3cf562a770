// What INFO commandstats, errorstats, latencystats, LATENCY and SLOWLOG know of calls. A clock read costs as much as a short
// command, so of a fast command the first 64 calls and then one in 64 are timed, which stands for the others; everything else
// is timed each time, and so is everything while SLOWLOG wants calls that are over sooner than a clock would notice.
using System.Diagnostics;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Sessions;

internal sealed class CallMeter(NodeServices node)
{
    private const int SampleEvery = 64;

    /// <summary>latency-tracking.</summary>
    public bool TracksLatency { get; set; } = true;

    /// <summary>Every call is timed, whatever that costs.</summary>
    public bool TimesEverything { get; set; }

    /// <summary>The time now, or 0 when this call is not timed.</summary>
    public long Begin(Command command)
    {
        long calls = command.Statistics.Calls;
        return !command.IsShort || calls < SampleEvery || (calls & (SampleEvery - 1)) == 0 || TimesEverything ? Stopwatch.GetTimestamp() : 0;
    }

    public void End(ref CommandContext c, Command command, long begun)
    {
        var statistics = command.Statistics;
        // A blocked command is one call, however often it looks again.
        if (!c.IsRerun)
        {
            node.Counters.Commands++;
            statistics.Calls++;
        }
        c.Session.LastCommand = command;
        if (begun != 0) Time(ref c, command, begun);
        if (!c.Reply.ErrorSeen) return;
        c.Reply.ErrorSeen = false;
        statistics.Failed++;
        CountError(LastError(c.Reply));
    }

    /// <summary>Counts an error reply by its first word.</summary>
    public void CountError(string text)
    {
        node.Counters.ErrorReplies++;
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        string prefix = space > 0 ? text[..space] : text;
        var errors = node.Counters.ErrorsByPrefix;
        if (errors.Count < 128 || errors.ContainsKey(prefix)) errors[prefix] = errors.GetValueOrDefault(prefix) + 1;
    }

    private void Time(ref CommandContext c, Command command, long begun)
    {
        var elapsed = Stopwatch.GetElapsedTime(begun);
        long micros = (long)elapsed.TotalMicroseconds;
        int standsFor = command.IsShort && !TimesEverything && command.Statistics.Calls > SampleEvery ? SampleEvery : 1;
        command.Statistics.Microseconds += micros * standsFor;
        if (c.IsReplay) return;
        if (TracksLatency) command.Statistics.AddLatency(elapsed.Ticks * 100, standsFor);
        node.SlowLog.Offer(ref c, micros);
        if (node.Latency.Threshold > 0)
            node.Latency.Offer(command.Has(CommandFlags.Fast) ? "fast-command" : "command", c.NowMs, micros / 1000);
    }

    private static string LastError(ReplyWriter reply)
    {
        var written = reply.Written;
        if (written.Length < 4) return "ERR";
        int line = written[..^2].LastIndexOf("\r\n"u8) + 1;
        int minus = written[Math.Max(line, 0)..].IndexOf((byte)'-');
        if (minus < 0) return "ERR";
        var text = written[(Math.Max(line, 0) + minus + 1)..];
        int end = text.IndexOfAny((byte)' ', (byte)'\r');
        return end <= 0 ? "ERR" : Encoding.ASCII.GetString(text[..end]);
    }
}
