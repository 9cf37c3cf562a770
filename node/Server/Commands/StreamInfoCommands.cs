// XPENDING and XINFO: looking at streams, groups and consumers.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers; registered by <see cref="StreamCommands"/>.</summary>
internal static class StreamInfoCommands
{
    private const long DefaultCount = 10;

    private static readonly string[] HelpLines =
    [
        "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        "HELP",
        "    Print this help.",
    ];

    public static void Register(CommandTable t)
    {
        t.Add("xpending", -3, ReadOnly, Keys.One(1), "stream", XPending);
        t.Add("xinfo", -2, None, Keys.None, "stream", (ref CommandContext c) => c.WrongArity())
            .With("stream", -3, ReadOnly, Keys.One(2), Stream)
            .With("groups", 3, ReadOnly, Keys.One(2), Groups)
            .With("consumers", 4, ReadOnly, Keys.One(2), Consumers)
            .With("help", 2, Loading | Stale, Keys.None, Help);
    }

    private static void Help(ref CommandContext c)
    {
        c.Reply.Array(HelpLines.Length);
        foreach (string line in HelpLines) c.Reply.Simple(line);
    }

    private static void XPending(ref CommandContext c)
    {
        if (c.ArgCount != 3 && c.ArgCount is < 6 or > 9)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        long minIdle = 0, count = 0;
        StreamId start = default, end = default;
        int at = 3;
        if (c.ArgCount > 3)
        {
            if (c[3].Is("IDLE"u8))
            {
                if (!c.TryInteger(4, out minIdle)) return;
                at = 5;
                if (c.ArgCount < 8)
                {
                    c.Reply.Error(ErrorReplies.Syntax);
                    return;
                }
            }
            if (!c.TryInteger(at + 2, out count) || !c.TryInterval(at, at + 1, out start, out end)) return;
        }
        if (!c.TryFind(1, ValueType.Stream, out var e)) return;
        var group = e.Exists ? StreamGroups.Find(c.Keys, e, c[2]) : default;
        if (!group.Exists) c.NoGroup(c[1], c[2]);
        else if (c.ArgCount == 3) Summary(ref c, group);
        else List(ref c, group, at + 3, start, end, count, minIdle);
    }

    private static void Summary(ref CommandContext c, StreamGroup group)
    {
        c.Reply.Array(4);
        c.Reply.Integer(group.PendingCount);
        if (group.PendingCount == 0)
        {
            c.Reply.Null();
            c.Reply.Null();
            c.Reply.NullArray();
            return;
        }
        c.Reply.Id(group.FirstPending);
        c.Reply.Id(group.LastPending);
        int mark = c.Reply.DeferArray(), busy = 0;
        foreach (var consumer in group.OrderedConsumers())
        {
            if (consumer.PendingCount == 0) continue;
            busy++;
            c.Reply.Array(2);
            c.Reply.Bulk(consumer.Name);
            c.Reply.Bulk(consumer.PendingCount);
        }
        c.Reply.EndArray(mark, busy);
    }

    private static void List(ref CommandContext c, StreamGroup group, int consumerAt, StreamId start, StreamId end, long count, long minIdle)
    {
        var consumer = consumerAt < c.ArgCount ? group.Consumer(c[consumerAt]) : default;
        if (consumerAt < c.ArgCount && !consumer.Exists)
        {
            c.Reply.EmptyArray();
            return;
        }
        int mark = c.Reply.DeferArray(), written = 0;
        foreach (var pending in consumer.Exists ? consumer.PendingFrom(start) : group.PendingFrom(start))
        {
            if (written >= count || pending.Id > end) break;
            if (minIdle > 0 && c.NowMs - pending.Entry.DeliveredMs < minIdle) continue;
            written++;
            c.Reply.Array(4);
            c.Reply.Id(pending.Id);
            c.Reply.Bulk(pending.Entry.Consumer.Name);
            c.Reply.Integer(Math.Max(c.NowMs - pending.Entry.DeliveredMs, 0));
            c.Reply.Integer(pending.Entry.Deliveries);
        }
        c.Reply.EndArray(mark, written);
    }

    private static bool TryStream(ref CommandContext c, out EntryRef e)
    {
        if (!c.TryFind(2, ValueType.Stream, out e)) return false;
        if (!e.Exists) c.Reply.Error(ErrorReplies.NoSuchKey);
        return e.Exists;
    }

    private static void Stream(ref CommandContext c)
    {
        if (!TryStream(ref c, out var e)) return;
        long count = DefaultCount;
        bool full = c.ArgCount > 3;
        if (full && (c.ArgCount is not (4 or 6) || !c[3].Is("FULL"u8) || (c.ArgCount == 6 && !c[4].Is("COUNT"u8))))
        {
            StreamGroupCommands.WrongOptions(ref c);
            return;
        }
        if (c.ArgCount == 6 && !c.TryInteger(5, out count)) return;
        ref var s = ref StreamValue.Header(e);
        c.Reply.Map(full ? 9 : 10);
        Pair(c.Reply, "length"u8, s.Length);
        Pair(c.Reply, "radix-tree-keys"u8, s.PackCount);
        Pair(c.Reply, "radix-tree-nodes"u8, s.PackCount + 1);
        Pair(c.Reply, "last-generated-id"u8, s.LastId);
        Pair(c.Reply, "max-deleted-entry-id"u8, s.MaxDeletedId);
        Pair(c.Reply, "entries-added"u8, s.EntriesAdded);
        Pair(c.Reply, "recorded-first-entry-id"u8, s.FirstId);
        if (full) StreamInfoFull.Write(ref c, e, count < 0 ? DefaultCount : count);
        else
        {
            Pair(c.Reply, "groups"u8, s.GroupCount);
            EdgeEntry(ref c, e, "first-entry"u8, down: false);
            EdgeEntry(ref c, e, "last-entry"u8, down: true);
        }
    }

    private static void EdgeEntry(ref CommandContext c, in EntryRef e, ReadOnlySpan<byte> name, bool down)
    {
        c.Reply.Bulk(name);
        var walk = StreamValue.Range(c.Keys, e, StreamId.Zero, StreamId.Max, down);
        if (walk.MoveNext()) c.Reply.Entry(walk);
        else c.Reply.Null();
    }

    private static void Groups(ref CommandContext c)
    {
        if (!TryStream(ref c, out var e)) return;
        var groups = StreamGroups.Ordered(c.Keys, e);
        c.Reply.Array(groups.Count);
        foreach (var group in groups)
        {
            c.Reply.Map(6);
            c.Reply.Bulk("name"u8);
            c.Reply.Bulk(group.Name);
            Pair(c.Reply, "consumers"u8, group.ConsumerCount);
            Pair(c.Reply, "pending"u8, group.PendingCount);
            Progress(ref c, e, group);
        }
    }

    /// <summary>How far a group is: three pairs of its map.</summary>
    internal static void Progress(ref CommandContext c, in EntryRef e, StreamGroup group)
    {
        Pair(c.Reply, "last-delivered-id"u8, group.LastId);
        c.Reply.Bulk("entries-read"u8);
        if (group.EntriesRead == StreamGroup.UnknownRead) c.Reply.Null();
        else c.Reply.Integer(group.EntriesRead);
        c.Reply.Bulk("lag"u8);
        if (StreamGroups.Lag(StreamValue.Header(e), group) is { } lag) c.Reply.Integer(lag);
        else c.Reply.Null();
    }

    private static void Consumers(ref CommandContext c)
    {
        if (!TryStream(ref c, out var e)) return;
        var group = StreamGroups.Find(c.Keys, e, c[3]);
        if (!group.Exists)
        {
            StreamGroupCommands.NoSuchGroup(ref c);
            return;
        }
        var consumers = group.OrderedConsumers();
        c.Reply.Array(consumers.Count);
        foreach (var consumer in consumers)
        {
            c.Reply.Map(4);
            c.Reply.Bulk("name"u8);
            c.Reply.Bulk(consumer.Name);
            Pair(c.Reply, "pending"u8, consumer.PendingCount);
            Pair(c.Reply, "idle"u8, Math.Max(c.NowMs - consumer.SeenMs, 0));
            Pair(c.Reply, "inactive"u8, consumer.ActiveMs == StreamConsumer.Never ? -1 : Math.Max(c.NowMs - consumer.ActiveMs, 0));
        }
    }

    internal static void Pair(ReplyWriter reply, ReadOnlySpan<byte> name, long value)
    {
        reply.Bulk(name);
        reply.Integer(value);
    }

    internal static void Pair(ReplyWriter reply, ReadOnlySpan<byte> name, StreamId value)
    {
        reply.Bulk(name);
        reply.Id(value);
    }
}
