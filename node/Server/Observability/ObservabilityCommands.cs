// INFO, SLOWLOG, MEMORY: looking at the node.
using System.Buffers.Text;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Sessions;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Observability;

public static class ObservabilityCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags own = Admin | Loading | Stale;
        t.Add("info", -1, Loading | Stale, Keys.None, "slow dangerous", Info);
        t.Add("slowlog", -2, None, Keys.None, "", WrongArity)
            .With("get", -2, own, Keys.None, SlowGet)
            .With("len", 2, own, Keys.None, SlowLength)
            .With("reset", 2, own, Keys.None, SlowReset);
        LatencyCommands.Register(t);
        t.Add("memory", -2, None, Keys.None, "slow", WrongArity)
            .With("usage", -3, ReadOnly, Keys.One(2), MemoryUsage)
            .With("stats", 2, None, Keys.None, MemoryStats)
            .With("doctor", 2, None, Keys.None, MemoryDoctor)
            .With("purge", 2, None, Keys.None, MemoryPurge)
            .With("malloc-stats", 2, None, Keys.None, MemoryMalloc);
    }

    private static void WrongArity(ref CommandContext c) => c.WrongArity();

    private static void Info(ref CommandContext c)
    {
        string[] sections = new string[c.ArgCount - 1];
        for (int i = 1; i < c.ArgCount; i++) sections[i - 1] = Encoding.UTF8.GetString(c[i]);
        c.Reply.Verbatim(c.Node.Info.Write(sections));
    }

    private static void SlowGet(ref CommandContext c)
    {
        long count = 10;
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (c.ArgCount == 3 && (!Utf8Parser.TryParse(c[2], out count, out int used) || used != c[2].Length || count < -1))
        {
            c.Reply.Error("ERR count should be greater than or equal to -1");
            return;
        }
        var log = c.Node.SlowLog;
        int n = count < 0 ? log.Count : (int)Math.Min(count, log.Count);
        c.Reply.Array(n);
        foreach (var call in log.Newest.Take(n))
        {
            c.Reply.Array(6);
            c.Reply.Integer(call.Id);
            c.Reply.Integer(call.UnixSeconds);
            c.Reply.Integer(call.Microseconds);
            c.Reply.Array(call.Args.Length);
            foreach (byte[] arg in call.Args) c.Reply.Bulk(arg);
            c.Reply.Bulk(call.Client);
            c.Reply.Bulk(call.Name);
        }
    }

    private static void SlowLength(ref CommandContext c) => c.Reply.Integer(c.Node.SlowLog.Count);

    private static void SlowReset(ref CommandContext c)
    {
        c.Node.SlowLog.Clear();
        c.Reply.Ok();
    }

    private static void MemoryUsage(ref CommandContext c)
    {
        for (int i = 3; i < c.ArgCount; i += 2)
        {
            if (SessionCommands.Is(c[i], "SAMPLES") && i + 1 < c.ArgCount) continue;
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        var entry = c.Keys.Peek(c[2], c.Slot);
        if (!entry.Exists) c.Reply.Null();
        else c.Reply.Integer(c.Keys.Bytes(entry));
    }

    private static void MemoryStats(ref CommandContext c)
    {
        var memory = c.Databases.Memory;
        c.Reply.Map(6);
        c.Reply.Bulk("peak.allocated"u8);
        c.Reply.Integer(memory.PeakBytes);
        c.Reply.Bulk("total.allocated"u8);
        c.Reply.Integer(memory.UsedBytes);
        c.Reply.Bulk("startup.allocated"u8);
        c.Reply.Integer(0);
        c.Reply.Bulk("replication.backlog"u8);
        c.Reply.Integer(c.Node.Journal.BacklogBytes);
        c.Reply.Bulk("keys.count"u8);
        c.Reply.Integer(c.Databases.TotalKeys);
        c.Reply.Bulk("dataset.bytes"u8);
        c.Reply.Integer(memory.UsedBytes);
    }

    private static void MemoryDoctor(ref CommandContext c) => c.Reply.Verbatim("All data lives in one exactly accounted arena; see INFO memory.\n");

    private static void MemoryMalloc(ref CommandContext c) => c.Reply.Verbatim("The arena is the allocator; see INFO memory.\n");

    private static void MemoryPurge(ref CommandContext c) => c.Reply.Ok();
}
