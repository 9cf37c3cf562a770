// MONITOR itself; what it shows is in Monitors.
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Observability;

internal static class MonitorCommand
{
    public static void Register(CommandTable t) => t.Add("monitor", 1, Admin | NoScript | Loading | Stale, Keys.None, "", Monitor);

    private static void Monitor(ref CommandContext c)
    {
        // EXEC promises one reply per command; a monitor is sent what was never asked for.
        if (c.Node.Journal.InTransaction) c.Reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
        else if (c.Node.Monitors.Add(c.Session)) c.Reply.Ok();
    }
}
