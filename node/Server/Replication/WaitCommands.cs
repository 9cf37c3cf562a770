// WAIT and WAITAOF: the rows; who waits is in WaitingClients.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Replication;

/// <summary>Clients that want to know a write safe.</summary>
internal static class WaitCommands
{
    private const string LocalWrites = " cannot be used with replica instances. Please also note that ";

    public static void Register(CommandTable table)
    {
        table.Add("wait", 3, CommandFlags.Blocking, Keys.None, "connection", Wait);
        table.Add("waitaof", 4, CommandFlags.Blocking, Keys.None, "connection", WaitAof);
    }

    private static void Wait(ref CommandContext c)
    {
        if (c.Node.Part<ReplicationHub>().State.IsReplica)
        {
            c.Reply.Error("ERR WAIT" + LocalWrites + "since Redis 4.0 if a replica is configured " +
                "to be writable (which is not the default) writes to replicas are just local and are not propagated.");
            return;
        }
        if (c.TryInteger(1, out long replicas) && TryTimeout(ref c, 2, out var timeout)) WaitFor(ref c, replicas, onDisk: false, local: false, timeout);
    }

    private static void WaitAof(ref CommandContext c)
    {
        if (!c.TryInteger(1, out long local)) return;
        if (local is < 0 or > 1)
        {
            c.Reply.Error("ERR value is out of range, value must between 0 and 1");
            return;
        }
        if (!c.TryPositiveCount(2, out long replicas) || !TryTimeout(ref c, 3, out var timeout)) return;
        if (c.Node.Part<ReplicationHub>().State.IsReplica)
            c.Reply.Error("ERR WAITAOF" + LocalWrites + "writes to replicas are just local and are not propagated.");
        else if (local > 0 && !c.Node.Part<ReplicationHub>().AppendsToDisk) c.Reply.Error(WaitingClients.NoAppendOnlyFile);
        else WaitFor(ref c, replicas, onDisk: true, local > 0, timeout);
    }

    private static void WaitFor(ref CommandContext c, long replicas, bool onDisk, bool local, TimeSpan? timeout)
    {
        var waiting = c.Node.Part<ReplicationHub>().Waiting;
        var awaited = new Awaited(c.Node.Journal.EndOffset, replicas, onDisk, local);
        if (waiting.IsMet(awaited) || c.Node.Journal.InTransaction || c.IsReplay) waiting.Reply(c.Reply, awaited);
        else waiting.Add(c.Session, awaited, timeout);
    }

    /// <summary>Milliseconds; 0 = no timeout.</summary>
    private static bool TryTimeout(ref CommandContext c, int at, out TimeSpan? timeout)
    {
        timeout = null;
        if (!IntegerText.TryParse(c[at], out long ms)) c.Reply.Error("ERR timeout is not an integer or out of range");
        else if (ms < 0) c.Reply.Error(ErrorReplies.TimeoutNegative);
        else
        {
            if (ms > 0) timeout = TimeSpan.FromMilliseconds(Math.Min(ms, int.MaxValue));
            return true;
        }
        return false;
    }
}
