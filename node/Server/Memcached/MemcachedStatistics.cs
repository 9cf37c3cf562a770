// stats: what monitoring of a memcached reads, filled from the node's own counters.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Memcached;

/// <summary>Counters of the memcached port. Engine thread.</summary>
internal sealed class MemcachedStatistics(NodeServices node)
{
    /// <summary>The protocol level spoken; clients parse three numbers.</summary>
    public const string Version = "1.6.38";

    private readonly long _startedMs = node.NowMs;

    public long Gets { get; set; }

    public long Misses { get; set; }

    public long Sets { get; set; }

    public int Connections { get; set; }

    public long TotalConnections { get; set; }

    /// <summary>Takes replies nobody reads.</summary>
    public ReplyWriter Unread { get; } = new(64);

    public void Report(ref CommandContext c, ReadOnlySpan<byte> what)
    {
        if (what.SequenceEqual("reset"u8))
        {
            Gets = Misses = Sets = 0;
            c.Reply.Line("RESET"u8);
            return;
        }
        if (what.IsEmpty) General(c.Reply);
        else if (what.SequenceEqual("settings"u8)) Add(c.Reply, "maxbytes", node.Databases.Memory.MaxMemory);
        c.Reply.Line("END"u8);
    }

    private void General(ReplyWriter w)
    {
        long nowMs = node.NowMs;
        Add(w, "pid", Environment.ProcessId);
        Add(w, "uptime", (nowMs - _startedMs) / 1000);
        Add(w, "time", nowMs / 1000);
        w.Line("STAT version " + Version);
        Add(w, "pointer_size", 64);
        Add(w, "curr_connections", Connections);
        Add(w, "total_connections", TotalConnections);
        Add(w, "cmd_get", Gets);
        Add(w, "cmd_set", Sets);
        Add(w, "get_hits", Gets - Misses);
        Add(w, "get_misses", Misses);
        Add(w, "curr_items", node.Databases[0].Count);
        Add(w, "bytes", node.Databases.Arena.UsedBytes);
        Add(w, "limit_maxbytes", node.Databases.Memory.MaxMemory);
        Add(w, "evictions", node.Databases.Counters.Evicted);
        Add(w, "expired_unfetched", node.Databases.Counters.Expired);
        Add(w, "bytes_read", node.Transport.BytesIn);
        Add(w, "bytes_written", node.Transport.BytesOut);
        Add(w, "threads", 1);
    }

    private static void Add(ReplyWriter w, string name, long value) => w.Line(string.Create(CultureInfo.InvariantCulture, $"STAT {name} {value}"));
}
