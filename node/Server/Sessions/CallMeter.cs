// What INFO commandstats, errorstats and SLOWLOG know of calls. A clock read costs as much as a short command, so fast
// commands are timed one call in 64 and scaled; everything else is timed each time.
using System.Diagnostics;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Sessions;

internal sealed class CallMeter(NodeServices node)
{
    private const int SampleEvery = 64;

    private uint _calls;

    /// <summary>The time now, or 0 when this call is not timed.</summary>
    public long Begin(Command command) =>
        !command.IsShort || (++_calls & (SampleEvery - 1)) == 0 ? Stopwatch.GetTimestamp() : 0;

    public void End(ref CommandContext c, Command command, long begun)
    {
        node.Counters.Commands++;
        var statistics = command.Statistics;
        statistics.Calls++;
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
        long micros = (long)Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        command.Statistics.Microseconds += command.IsShort ? micros * SampleEvery : micros;
        if (!c.IsReplay) node.SlowLog.Offer(ref c, micros);
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
