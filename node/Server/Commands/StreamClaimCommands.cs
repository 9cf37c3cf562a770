// XCLAIM and XAUTOCLAIM: pending entries change hands, because their consumer is gone or slow. Both take entries out of the
// pending list that are no longer in the stream. Replicas hear of each entry alone, with the outcome spelled out.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers; registered by <see cref="StreamCommands"/>.</summary>
internal static class StreamClaimCommands
{
    private const int DefaultCount = 100, AttemptsPerCount = 10;

    public static void Register(CommandTable t)
    {
        t.Add("xclaim", -6, Write | Fast, Keys.One(1), "stream", XClaim);
        t.Add("xautoclaim", -6, Write | Fast, Keys.One(1), "stream", XAutoClaim);
    }

    private static void XClaim(ref CommandContext c)
    {
        if (!TryGroup(ref c, out var e, out var group) || !ClaimOptions.TryRead(ref c, out var options)) return;
        bool moved = options.LastId > group.LastId;
        if (moved) group.LastId = options.LastId;
        var consumer = FindConsumer(ref c, group);
        int mark = c.Reply.DeferArray(), claimed = 0;
        for (int i = 5; i < options.IdEnd; i++)
        {
            StreamId.TryParse(c[i], 0, out var id);
            var pending = group.Pending(id);
            if (!StreamValue.Contains(c.Keys, e, id))
            {
                if (!pending.Exists) continue;
                Forget(ref c, group, id, pending);
                moved = false;
                continue;
            }
            if (pending.Exists ? options.MinIdleMs > 0 && c.NowMs - pending.DeliveredMs < options.MinIdleMs : !options.Force) continue;
            long deliveries = pending.Exists ? pending.Deliveries : 1;
            if (options.Deliveries >= 0) deliveries = options.Deliveries;
            else if (!options.JustId) deliveries++;
            Give(ref c, group, consumer, id, options.DeliveredMs, deliveries);
            moved = false;
            if (options.JustId) c.Reply.Id(id);
            else c.TryEntry(e, id);
            claimed++;
        }
        if (moved)
        {
            c.PropagatePosition(c[1], group);
            c.Node.Serving.Dirty++;
        }
        c.Reply.EndArray(mark, claimed);
    }

    private static void XAutoClaim(ref CommandContext c)
    {
        if (!c.TryInteger(4, out long minIdle, "ERR Invalid min-idle-time argument for XAUTOCLAIM")) return;
        if (!c.TryStart(5, out var start) || !TryAutoOptions(ref c, out long count, out bool justId)) return;
        if (!TryGroup(ref c, out var e, out var group)) return;
        var consumer = FindConsumer(ref c, group);
        var claimed = new List<StreamId>();
        var gone = new List<StreamId>();
        long left = count;
        var walk = group.PendingFrom(start);
        bool more = walk.MoveNext();
        for (long attempts = count * AttemptsPerCount; more && attempts > 0 && left > 0; attempts--)
        {
            var id = walk.Id;
            var pending = walk.Entry;
            more = walk.MoveNext();
            var next = more ? walk.Id : StreamId.Zero;
            if (!StreamValue.Contains(c.Keys, e, id))
            {
                Forget(ref c, group, id, pending);
                gone.Add(id);
                left--;
                // The list has lost an entry: go on from where the next one is now.
                walk = group.PendingFrom(next);
                more = more && walk.MoveNext();
                continue;
            }
            if (minIdle > 0 && c.NowMs - pending.DeliveredMs < minIdle) continue;
            Give(ref c, group, consumer, id, c.NowMs, justId ? pending.Deliveries : pending.Deliveries + 1);
            claimed.Add(id);
            left--;
        }
        c.Reply.Array(3);
        c.Reply.Id(more ? walk.Id : StreamId.Zero);
        c.Reply.Array(claimed.Count);
        foreach (var id in claimed)
        {
            if (justId) c.Reply.Id(id);
            else c.TryEntry(e, id);
        }
        c.Reply.Array(gone.Count);
        foreach (var id in gone) c.Reply.Id(id);
    }

    private static bool TryAutoOptions(ref CommandContext c, out long count, out bool justId)
    {
        count = DefaultCount;
        justId = false;
        for (int i = 6; i < c.ArgCount; i++)
        {
            if (c[i].Is("JUSTID"u8)) justId = true;
            else if (i + 1 < c.ArgCount && c[i].Is("COUNT"u8))
            {
                const string range = "ERR COUNT must be > 0";
                if (!c.TryInteger(++i, out count)) return false;
                if (count is >= 1 and <= long.MaxValue / 16) continue;
                c.Reply.Error(range);
                return false;
            }
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        return true;
    }

    private static bool TryGroup(ref CommandContext c, out EntryRef e, out StreamGroup group)
    {
        group = default;
        if (!c.TryFindForWrite(1, ValueType.Stream, out e)) return false;
        if (e.Exists) group = StreamGroups.Find(c.Keys, e, c[2]);
        if (group.Exists) return true;
        c.NoGroup(c[1], c[2]);
        return false;
    }

    private static StreamConsumer FindConsumer(ref CommandContext c, StreamGroup group)
    {
        var consumer = group.Consumer(c[3]);
        if (!consumer.Exists)
        {
            consumer = group.AddConsumer(c[3], c.NowMs);
            c.Node.Serving.Dirty++;
            c.Notify(KeyEventClass.Stream, "xgroup-createconsumer"u8, c[1]);
        }
        consumer.SeenMs = c.NowMs;
        return consumer;
    }

    /// <summary>The stream no longer has the entry: nobody waits for its acknowledgement any more.</summary>
    private static void Forget(ref CommandContext c, StreamGroup group, StreamId id, PendingEntry pending)
    {
        c.PropagateClaim(c[1], group, id, pending);
        group.Acknowledge(id);
        c.Node.Serving.Dirty++;
    }

    private static void Give(ref CommandContext c, StreamGroup group, StreamConsumer consumer, StreamId id, long deliveredMs, long deliveries)
    {
        var pending = group.Assign(id, consumer);
        pending.DeliveredMs = deliveredMs;
        pending.Deliveries = deliveries;
        consumer.ActiveMs = c.NowMs;
        c.PropagateClaim(c[1], group, id, pending);
        c.Node.Serving.Dirty++;
    }

    /// <summary>Everything behind the consumer's name of an XCLAIM.</summary>
    private readonly record struct ClaimOptions(long MinIdleMs, int IdEnd, long DeliveredMs, long Deliveries, bool Force, bool JustId, StreamId LastId)
    {
        public static bool TryRead(ref CommandContext c, out ClaimOptions options)
        {
            options = default;
            if (!c.TryInteger(4, out long minIdle, "ERR Invalid min-idle-time argument for XCLAIM")) return false;
            int at = 5;
            while (at < c.ArgCount && StreamId.TryParse(c[at], 0, out _)) at++;
            options = new ClaimOptions(minIdle, at, c.NowMs, -1, false, false, StreamId.Zero);
            for (; at < c.ArgCount; at++)
                if (!TryOption(ref c, ref at, ref options)) return false;
            // Clients work the time out with clocks of their own: a bogus one is no error, it is now.
            if (options.DeliveredMs < 0 || options.DeliveredMs > c.NowMs) options = options with { DeliveredMs = c.NowMs };
            return true;
        }

        private static bool TryOption(ref CommandContext c, ref int at, ref ClaimOptions options)
        {
            var word = c[at];
            bool more = at + 1 < c.ArgCount;
            if (word.Is("FORCE"u8)) options = options with { Force = true };
            else if (word.Is("JUSTID"u8)) options = options with { JustId = true };
            else if (more && word.Is("IDLE"u8))
            {
                if (!c.TryInteger(++at, out long idle, "ERR Invalid IDLE option argument for XCLAIM")) return false;
                options = options with { DeliveredMs = unchecked(c.NowMs - idle) };
            }
            else if (more && word.Is("TIME"u8))
            {
                if (!c.TryInteger(++at, out long time, "ERR Invalid TIME option argument for XCLAIM")) return false;
                options = options with { DeliveredMs = time };
            }
            else if (more && word.Is("RETRYCOUNT"u8))
            {
                if (!c.TryInteger(++at, out long count, "ERR Invalid RETRYCOUNT option argument for XCLAIM")) return false;
                options = options with { Deliveries = count };
            }
            else if (more && word.Is("LASTID"u8))
            {
                if (!c.TryStrictId(++at, out var last)) return false;
                options = options with { LastId = last };
            }
            else
            {
                c.Reply.Error([.. "ERR Unrecognized XCLAIM option '"u8, .. word, .. "'"u8]);
                return false;
            }
            return true;
        }
    }
}
