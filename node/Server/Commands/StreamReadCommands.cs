// XREAD and XREADGROUP: what lies behind an ID in one or more streams, waiting for it if asked to. A group read writes: it moves
// the group on and notes who got what; replicas hear of that as XCLAIM and XGROUP SETID, never of the read itself.
using Shoal.Protocol.Resp;
using Shoal.Server.Blocking;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers; registered by <see cref="StreamCommands"/>.</summary>
internal static class StreamReadCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("xread", -4, ReadOnly | CommandFlags.Blocking | MovableKeys, Keys.Found((in r, after) => NextKey(r, after, 1)), "stream", XRead);
        t.Add("xreadgroup", -7, Write | CommandFlags.Blocking | MovableKeys, Keys.Found((in r, after) => NextKey(r, after, 4)), "stream", XRead);
    }

    private static int NextKey(in Request request, int after, int from)
    {
        for (int i = from; i < request.Count; i++)
        {
            if (!request[i].Is("STREAMS"u8)) continue;
            int next = after == 0 ? i + 1 : after + 1;
            return next <= i + (request.Count - i - 1) / 2 ? next : 0;
        }
        return 0;
    }

    private static void XRead(ref CommandContext c)
    {
        if (!Options.TryRead(ref c, out var options)) return;
        for (int i = 0; i < options.Streams; i++)
            if (!TryCheck(ref c, options, i)) return;
        int mark = -1, served = 0;
        for (int i = 0; i < options.Streams; i++)
        {
            if (!TryStart(ref c, options, i, out var e, out var group, out var consumer, out var start, out bool history)) continue;
            if (mark < 0) mark = c.Reply.DeferArray();
            served++;
            if (c.Reply.Resp == 2) c.Reply.Array(2);
            c.Reply.Bulk(c[options.KeyAt(i)]);
            if (!group.Exists) WriteNew(ref c, e, start, options.Count);
            else if (history) WriteHistory(ref c, e, consumer, start, options.Count);
            else Deliver(ref c, e, group, consumer, options, i);
        }
        if (served == 0) Wait(ref c, options);
        else if (c.Reply.Resp == 2) c.Reply.EndArray(mark, served);
        else c.Reply.EndMap(mark, served);
    }

    /// <summary>Type, group and ID of one stream; before anything is written.</summary>
    private static bool TryCheck(ref CommandContext c, in Options options, int i)
    {
        var id = c[options.IdAt(i)];
        if (!c.TryFind(options.KeyAt(i), ValueType.Stream, out var e)) return false;
        if (options.IsGroup && (!e.Exists || !StreamGroups.Find(c.Keys, e, c[options.GroupAt]).Exists))
        {
            c.NoGroup(c[options.KeyAt(i)], c[options.GroupAt], " in XREADGROUP with GROUP option");
            return false;
        }
        if (id.SequenceEqual("$"u8))
        {
            if (!options.IsGroup) return true;
            c.Reply.Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
                + "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.");
            return false;
        }
        if (!id.SequenceEqual(">"u8)) return c.TryStrictId(options.IdAt(i), out _);
        if (options.IsGroup) return true;
        c.Reply.Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
        return false;
    }

    /// <summary>Finds where reading of one stream starts; false when there is nothing to answer for it. Makes the consumer.</summary>
    private static bool TryStart(ref CommandContext c, in Options options, int i,
        out EntryRef e, out StreamGroup group, out StreamConsumer consumer, out StreamId start, out bool history)
    {
        (group, consumer, start, history) = (default, default, default, false);
        e = options.IsGroup ? c.Keys.FindForWrite(c[options.KeyAt(i)], c.Slot) : c.Keys.Find(c[options.KeyAt(i)], c.Slot);
        if (!e.Exists) return false;
        ref var s = ref StreamValue.Header(e);
        var id = c[options.IdAt(i)];
        StreamId after;
        if (id.SequenceEqual("$"u8)) after = s.LastId;
        else StreamId.TryParse(id, 0, out after);
        if (options.IsGroup)
        {
            // To Redis ">" and the last ID there can be are the same.
            bool fresh = id.SequenceEqual(">"u8) || after == StreamId.Max;
            group = StreamGroups.Find(c.Keys, e, c[options.GroupAt]);
            consumer = FindConsumer(ref c, options, i, group);
            history = !fresh;
            if (fresh) after = group.LastId;
        }
        after.TryNext(out start);
        return history || (s.Length > 0 && StreamValue.Edge(c.Keys, e, down: true) > after);
    }

    private static StreamConsumer FindConsumer(ref CommandContext c, in Options options, int i, StreamGroup group)
    {
        var name = c[options.GroupAt + 1];
        var consumer = group.Consumer(name);
        if (!consumer.Exists)
        {
            consumer = group.AddConsumer(name, c.NowMs);
            c.Node.Serving.Dirty++;
            c.Notify(KeyEventClass.Stream, "xgroup-createconsumer"u8, c[options.KeyAt(i)]);
            if (options.NoAck) c.Propagate("XGROUP"u8, "CREATECONSUMER"u8, c[options.KeyAt(i)], group.Name, name);
        }
        consumer.SeenMs = c.NowMs;
        return consumer;
    }

    private static void WriteNew(ref CommandContext c, in EntryRef e, StreamId start, long count)
    {
        int mark = c.Reply.DeferArray(), written = 0;
        var walk = StreamValue.Range(c.Keys, e, start, StreamId.Max, down: false);
        while (walk.MoveNext())
        {
            c.Reply.Entry(walk);
            if (++written == count) break;
        }
        c.Reply.EndArray(mark, written);
    }

    /// <summary>What the consumer has pending; entries that are gone from the stream show without fields.</summary>
    private static void WriteHistory(ref CommandContext c, in EntryRef e, StreamConsumer consumer, StreamId start, long count)
    {
        int mark = c.Reply.DeferArray(), written = 0;
        foreach (var pending in consumer.PendingFrom(start))
        {
            if (c.TryEntry(e, pending.Id))
            {
                var entry = pending.Entry;
                entry.DeliveredMs = c.NowMs;
                entry.Deliveries++;
            }
            else
            {
                c.Reply.Array(2);
                c.Reply.Id(pending.Id);
                c.Reply.NullArray();
            }
            if (++written == count) break;
        }
        c.Reply.EndArray(mark, written);
        c.Node.Serving.Dirty++;
    }

    /// <summary>Gives the group's next entries to the consumer.</summary>
    private static void Deliver(ref CommandContext c, in EntryRef e, StreamGroup group, StreamConsumer consumer, in Options options, int i)
    {
        var key = c[options.KeyAt(i)];
        int mark = c.Reply.DeferArray(), written = 0;
        group.LastId.TryNext(out var start);
        var walk = StreamValue.Range(c.Keys, e, start, StreamId.Max, down: false);
        while (walk.MoveNext())
        {
            StreamGroups.Advance(StreamValue.Header(e), group, walk.Id);
            c.Reply.Entry(walk);
            if (!options.NoAck)
            {
                var pending = group.Assign(walk.Id, consumer);
                pending.DeliveredMs = consumer.ActiveMs = c.NowMs;
                pending.Deliveries = 1;
                c.PropagateClaim(key, group, walk.Id, pending);
            }
            if (++written == options.Count) break;
        }
        c.Reply.EndArray(mark, written);
        c.PropagatePosition(key, group);
        c.Node.Serving.Dirty++;
        c.Keys.Events.RaiseChanged(c.Keys, key, c.Slot);
    }

    private static void Wait(ref CommandContext c, in Options options)
    {
        if (options.BlockMs < 0)
        {
            c.Reply.NullArray();
            return;
        }
        // "$" means the last ID of now: when the request runs again there will be a later one.
        using var frame = new NativeBuffer();
        RequestWriter.Header(frame, c.ArgCount);
        Span<byte> text = stackalloc byte[StreamId.MaxLength];
        for (int i = 0; i < c.ArgCount; i++)
        {
            int stream = i - options.IdAt(0);
            if (stream < 0 || !c[i].SequenceEqual("$"u8)) RequestWriter.Bulk(frame, c[i]);
            else
            {
                var e = c.Keys.Peek(c[options.KeyAt(stream)], c.Slot);
                RequestWriter.Bulk(frame, (e.Exists ? StreamValue.Header(e).LastId : StreamId.Zero).Write(text));
            }
        }
        c.Block(new BlockedRequest(options.KeyAt(0), options.KeyAt(options.Streams - 1), ValueType.Stream, options.BlockMs, BlockingContext.NullArray)
        {
            WakesWhenGone = options.IsGroup, Frame = frame.Written,
        });
    }

    private readonly record struct Options(bool IsGroup, int FirstKey, int Streams, long Count, long BlockMs, int GroupAt, bool NoAck)
    {
        public int KeyAt(int stream) => FirstKey + stream;

        public int IdAt(int stream) => FirstKey + Streams + stream;

        /// <summary>Reads everything before the IDs; false with the error written when it is wrong.</summary>
        public static bool TryRead(ref CommandContext c, out Options options)
        {
            options = new Options(c.Command.IsWrite, 0, 0, 0, -1, 0, false);
            for (int i = 1; i < c.ArgCount && options.FirstKey == 0; i++)
            {
                var word = c[i];
                int more = c.ArgCount - i - 1;
                if (more >= 1 && word.Is("BLOCK"u8))
                {
                    if (c.IsScript) return Refuse(ref c, $"ERR {c.Command.Name} command is not allowed with BLOCK option from scripts");
                    if (!c.TryMilliseconds(++i, out long block)) return false;
                    options = options with { BlockMs = block };
                }
                else if (more >= 1 && word.Is("COUNT"u8))
                {
                    if (!c.TryInteger(++i, out long count)) return false;
                    options = options with { Count = Math.Max(count, 0) };
                }
                else if (more >= 1 && word.Is("STREAMS"u8))
                {
                    if (more % 2 == 1) return Refuse(ref c, Unbalanced(options.IsGroup));
                    options = options with { FirstKey = i + 1, Streams = more / 2 };
                }
                else if (more >= 2 && word.Is("GROUP"u8))
                {
                    if (!options.IsGroup) return Refuse(ref c, "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
                    options = options with { GroupAt = i + 1 };
                    i += 2;
                }
                else if (word.Is("NOACK"u8))
                {
                    if (!options.IsGroup) return Refuse(ref c, "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
                    options = options with { NoAck = true };
                }
                else return Refuse(ref c, ErrorReplies.Syntax);
            }
            if (options.FirstKey == 0) return Refuse(ref c, ErrorReplies.Syntax);
            return !options.IsGroup || options.GroupAt > 0 || Refuse(ref c, "ERR Missing GROUP option for XREADGROUP");
        }

        private static string Unbalanced(bool isGroup) =>
            $"ERR Unbalanced '{(isGroup ? "xreadgroup" : "xread")}' list of streams: for each stream key an ID or '{(isGroup ? '>' : '$')}' must be specified.";

        private static bool Refuse(ref CommandContext c, string error)
        {
            c.Reply.Error(error);
            return false;
        }
    }
}
