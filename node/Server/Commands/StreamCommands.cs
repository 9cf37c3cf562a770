// The stream family: rows of all its commands, and the handlers that add, count, cut and read by range.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class StreamCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("xadd", -5, Write | DenyOom | Fast, Keys.One(1), "stream", XAdd);
        t.Add("xlen", 2, ReadOnly | Fast, Keys.One(1), "stream", XLen);
        t.Add("xrange", -4, ReadOnly, Keys.One(1), "stream", (ref CommandContext c) => Range(ref c, 2, 3, down: false));
        t.Add("xrevrange", -4, ReadOnly, Keys.One(1), "stream", (ref CommandContext c) => Range(ref c, 3, 2, down: true));
        t.Add("xdel", -3, Write | Fast, Keys.One(1), "stream", XDel);
        t.Add("xtrim", -4, Write, Keys.One(1), "stream", XTrim);
        t.Add("xsetid", -3, Write | DenyOom | Fast, Keys.One(1), "stream", XSetId);
        StreamReadCommands.Register(t);
        StreamGroupCommands.Register(t);
        StreamClaimCommands.Register(t);
        StreamInfoCommands.Register(t);
    }

    private static void XAdd(ref CommandContext c)
    {
        if (!StreamAddOptions.TryRead(ref c, adds: true, out var options)) return;
        int first = options.IdAt + 1;
        if (options.IdAt == 0 || c.ArgCount - first < 2 || (c.ArgCount - first) % 2 == 1)
        {
            c.WrongArity();
            return;
        }
        if (options.IdGiven && options.SequenceGiven && options.Id == StreamId.Zero)
        {
            c.Reply.Error("ERR The ID specified in XADD must be greater than 0-0");
            return;
        }
        if (!c.TryFindForWrite(1, ValueType.Stream, out var e)) return;
        if (!e.Exists && options.NoCreate)
        {
            c.Reply.Null();
            return;
        }
        var fields = new RequestFields(c.Request, first);
        if (!TryNewId(ref c, e.Exists ? StreamValue.Header(e).LastId : StreamId.Zero, options, out var id) || !Fits(ref c, fields)) return;
        if (!e.Exists) e = StreamValue.Create(c.Keys, c[1], c.Slot);
        StreamValue.Append(c.Keys, e, id, fields);
        c.Reply.Id(id);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Stream, "xadd"u8, c[1]);
        if (options.Trims && StreamTrim.Run(c.Keys, e, options.Rule) > 0) c.Notify(KeyEventClass.Stream, "xtrim"u8, c[1]);
        if (!options.SequenceGiven || options.Rule.Approximate) PropagateExact(ref c, e, options, id);
    }

    private static bool TryNewId(ref CommandContext c, StreamId last, in StreamAddOptions options, out StreamId id)
    {
        id = options.Id;
        if (last == StreamId.Max)
        {
            c.Reply.Error("ERR The stream has exhausted the last possible ID, unable to add more items");
            return false;
        }
        bool above = true;
        if (!options.IdGiven)
        {
            id = new StreamId((ulong)c.NowMs, 0);
            if (id.Ms <= last.Ms) last.TryNext(out id);
        }
        else if (!options.SequenceGiven && id.Ms == last.Ms)
        {
            above = last.Seq < ulong.MaxValue;
            id = new StreamId(last.Ms, last.Seq + 1);
        }
        if (above && id > last) return true;
        c.Reply.Error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
        return false;
    }

    private static bool Fits(ref CommandContext c, scoped in RequestFields fields)
    {
        long bytes = 0;
        for (int i = 0; i < fields.Count; i++) bytes += fields.Name(i).Length + fields.Value(i).Length;
        if (bytes <= StreamValue.LargestEntry) return true;
        c.Reply.Error("ERR Elements are too large to be stored");
        return false;
    }

    /// <summary>Journals the request with the ID the entry got, and with the cut as it turned out instead of "about".</summary>
    private static void PropagateExact(ref CommandContext c, in EntryRef e, in StreamAddOptions options, StreamId id)
    {
        Span<byte> idText = stackalloc byte[StreamId.MaxLength], thresholdText = stackalloc byte[StreamId.MaxLength];
        var form = c.Propagate(c.ArgCount);
        for (int i = 0; i < c.ArgCount; i++)
        {
            if (i == options.IdAt && i > 0) form.Arg(id.Write(idText));
            else if (options.Rule.Approximate && i == options.ThresholdAt - 1) form.Arg("="u8);
            else if (!options.Rule.Approximate || i != options.ThresholdAt) form.Arg(c[i]);
            else if (options.Rule.ByLength) form.Arg(StreamValue.Header(e).Length);
            else form.Arg(FirstKept(e).Write(thresholdText));
        }
        form.End();
    }

    /// <summary>Where an exact cut must end to do the same; a stream cut empty keeps nothing at all.</summary>
    private static StreamId FirstKept(in EntryRef e) => StreamValue.Header(e).Length > 0 ? StreamValue.Header(e).FirstId : StreamId.Max;

    private static void XTrim(ref CommandContext c)
    {
        if (!StreamAddOptions.TryRead(ref c, adds: false, out var options)) return;
        if (!c.TryFindForWrite(1, ValueType.Stream, out var e)) return;
        long removed = e.Exists ? StreamTrim.Run(c.Keys, e, options.Rule) : 0;
        if (removed > 0)
        {
            c.Changed(c[1], (int)Math.Min(removed, int.MaxValue));
            c.Notify(KeyEventClass.Stream, "xtrim"u8, c[1]);
            if (options.Rule.Approximate) PropagateExact(ref c, e, options, StreamId.Zero);
        }
        c.Reply.Integer(removed);
    }

    private static void XLen(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.Stream, out var e)) c.Reply.Integer(e.Exists ? StreamValue.Header(e).Length : 0);
    }

    private static void Range(ref CommandContext c, int startAt, int endAt, bool down)
    {
        if (!c.TryInterval(startAt, endAt, out var start, out var end)) return;
        long count = long.MaxValue;
        for (int i = 4; i < c.ArgCount; i += 2)
        {
            if (!c[i].Is("COUNT"u8) || i + 1 == c.ArgCount)
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
            if (!c.TryInteger(i + 1, out count)) return;
            count = Math.Max(count, 0);
        }
        if (!c.TryFind(1, ValueType.Stream, out var e)) return;
        if (!e.Exists)
        {
            c.Reply.EmptyArray();
            return;
        }
        if (count == 0)
        {
            c.Reply.NullArray();
            return;
        }
        int mark = c.Reply.DeferArray(), written = 0;
        var walk = StreamValue.Range(c.Keys, e, start, end, down);
        for (; written < count && walk.MoveNext(); written++) c.Reply.Entry(walk);
        c.Reply.EndArray(mark, written);
    }

    private static void XDel(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Stream, out var e)) return;
        if (!e.Exists)
        {
            c.Reply.Zero();
            return;
        }
        for (int i = 2; i < c.ArgCount; i++)
            if (!c.TryStrictId(i, out _)) return;
        ref var s = ref StreamValue.Header(e);
        int removed = 0;
        bool first = false;
        for (int i = 2; i < c.ArgCount; i++)
        {
            StreamId.TryParse(c[i], 0, out var id);
            if (!StreamValue.Remove(c.Keys, e, id)) continue;
            first |= id == s.FirstId;
            if (id > s.MaxDeletedId) s.MaxDeletedId = id;
            removed++;
        }
        if (removed > 0 && (first || s.Length == 0)) StreamValue.SettleFirst(c.Keys, e);
        c.Changed(c[1], removed);
        if (removed > 0) c.Notify(KeyEventClass.Stream, "xdel"u8, c[1]);
        c.Reply.Integer(removed);
    }

    private static void XSetId(ref CommandContext c)
    {
        if (!c.TryStrictId(2, out var id)) return;
        long added = -1;
        var maxDeleted = StreamId.Zero;
        for (int i = 3; i < c.ArgCount; i += 2)
        {
            string? error = null;
            if (i + 1 < c.ArgCount && c[i].Is("ENTRIESADDED"u8))
            {
                if (!c.TryInteger(i + 1, out added)) return;
                if (added < 0) error = "ERR entries_added must be positive";
            }
            else if (i + 1 < c.ArgCount && c[i].Is("MAXDELETEDID"u8))
            {
                if (!c.TryStrictId(i + 1, out maxDeleted)) return;
                if (id < maxDeleted) error = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
            }
            else error = ErrorReplies.Syntax;
            if (error is null) continue;
            c.Reply.Error(error);
            return;
        }
        if (c.TryFindForWrite(1, ValueType.Stream, out var e)) SetId(ref c, e, id, added, maxDeleted);
    }

    private static void SetId(ref CommandContext c, in EntryRef e, StreamId id, long added, StreamId maxDeleted)
    {
        string? error = null;
        if (!e.Exists) error = ErrorReplies.NoSuchKey;
        else if (id < StreamValue.Header(e).MaxDeletedId) error = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
        else if (StreamValue.Header(e).Length > 0)
        {
            if (id < StreamValue.Edge(c.Keys, e, down: true)) error = "ERR The ID specified in XSETID is smaller than the target stream top item";
            else if (added != -1 && StreamValue.Header(e).Length > added)
                error = "ERR The entries_added specified in XSETID is smaller than the target stream length";
        }
        if (error is not null)
        {
            c.Reply.Error(error);
            return;
        }
        ref var s = ref StreamValue.Header(e);
        s.LastId = id;
        if (added != -1) s.EntriesAdded = added;
        if (maxDeleted != StreamId.Zero) s.MaxDeletedId = maxDeleted;
        c.Reply.Ok();
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Stream, "xsetid"u8, c[1]);
    }
}
