// What the stream commands share: reading IDs and intervals from arguments, writing IDs and entries, and the forms in which
// the effects of group commands reach the journal.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Commands;

internal static class StreamInput
{
    public const string InvalidId = "ERR Invalid stream ID specified as stream command argument";

    /// <summary>Reads an ID without "-" and "+"; a missing sequence is 0. Writes the error and answers false when it is none.</summary>
    public static bool TryStrictId(this ref CommandContext c, int at, out StreamId id) => TryStrictId(ref c, c[at], 0, out id);

    /// <summary>Reads an ID, "-" or "+".</summary>
    public static bool TryId(this ref CommandContext c, int at, ulong missingSeq, out StreamId id)
    {
        if (IsEdge(c[at], out id)) return true;
        return TryStrictId(ref c, c[at], missingSeq, out id);
    }

    /// <summary>Reads the two ends of an interval; "(" before an ID leaves it out.</summary>
    public static bool TryInterval(this ref CommandContext c, int startAt, int endAt, out StreamId start, out StreamId end)
    {
        end = default;
        if (!TryStart(ref c, startAt, out start)) return false;
        bool open = IsOpen(c[endAt]);
        if (open ? !TryStrictId(ref c, c[endAt][1..], ulong.MaxValue, out end) : !c.TryId(endAt, ulong.MaxValue, out end)) return false;
        if (!open || end.TryPrevious(out end)) return true;
        c.Reply.Error("ERR invalid end ID for the interval");
        return false;
    }

    /// <summary>Reads the start of an interval.</summary>
    public static bool TryStart(this ref CommandContext c, int at, out StreamId start)
    {
        bool open = IsOpen(c[at]);
        if (open ? !TryStrictId(ref c, c[at][1..], 0, out start) : !c.TryId(at, 0, out start)) return false;
        if (!open || start.TryNext(out start)) return true;
        c.Reply.Error("ERR invalid start ID for the interval");
        return false;
    }

    /// <summary>An ID as a bulk string.</summary>
    public static void Id(this ReplyWriter reply, StreamId id)
    {
        Span<byte> text = stackalloc byte[StreamId.MaxLength];
        reply.Bulk(id.Write(text));
    }

    /// <summary>The entry a cursor is at: [ID, [name, value, ...]].</summary>
    public static void Entry(this ReplyWriter reply, scoped in StreamCursor at)
    {
        reply.Array(2);
        reply.Id(at.Id);
        reply.Array((int)at.FieldCount * 2);
        foreach (var field in at.Fields)
        {
            reply.Element(field.Name);
            reply.Element(field.Value);
        }
    }

    /// <summary>One entry by its ID; false (nothing written) when it is gone.</summary>
    public static bool TryEntry(this ref CommandContext c, in EntryRef e, StreamId id)
    {
        var walk = StreamValue.Range(c.Keys, e, id, id, down: false);
        if (!walk.MoveNext()) return false;
        c.Reply.Entry(walk);
        return true;
    }

    /// <summary>The error of commands that need a key and a group.</summary>
    public static void NoGroup(this ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> group, string behind = "") =>
        c.Reply.Error([.. "NOGROUP No such key '"u8, .. key, .. "' or consumer group '"u8, .. group, .. "'"u8,
            .. System.Text.Encoding.ASCII.GetBytes(behind)]);

    /// <summary>Replicas are told who has a pending entry now, since when, and how far the group is.</summary>
    public static void PropagateClaim(this ref CommandContext c, ReadOnlySpan<byte> key, StreamGroup group, StreamId id, PendingEntry pending)
    {
        Span<byte> idText = stackalloc byte[StreamId.MaxLength], lastText = stackalloc byte[StreamId.MaxLength];
        c.Propagate(14).Arg("XCLAIM"u8).Arg(key).Arg(group.Name).Arg(pending.Consumer.Name).Arg("0"u8).Arg(id.Write(idText))
            .Arg("TIME"u8).Arg(pending.DeliveredMs).Arg("RETRYCOUNT"u8).Arg(pending.Deliveries).Arg("FORCE"u8).Arg("JUSTID"u8)
            .Arg("LASTID"u8).Arg(group.LastId.Write(lastText)).End();
    }

    /// <summary>Replicas are told how far a group is.</summary>
    public static void PropagatePosition(this ref CommandContext c, ReadOnlySpan<byte> key, StreamGroup group)
    {
        Span<byte> text = stackalloc byte[StreamId.MaxLength];
        c.Propagate(7).Arg("XGROUP"u8).Arg("SETID"u8).Arg(key).Arg(group.Name).Arg(group.LastId.Write(text))
            .Arg("ENTRIESREAD"u8).Arg(group.EntriesRead).End();
    }

    private static bool TryStrictId(ref CommandContext c, ReadOnlySpan<byte> text, ulong missingSeq, out StreamId id)
    {
        if (StreamId.TryParse(text, missingSeq, out id)) return true;
        c.Reply.Error(InvalidId);
        return false;
    }

    private static bool IsOpen(ReadOnlySpan<byte> text) => text.Length > 1 && text[0] == '(';

    private static bool IsEdge(ReadOnlySpan<byte> text, out StreamId id)
    {
        id = default;
        if (text.Length != 1 || text[0] is not ((byte)'-' or (byte)'+')) return false;
        if (text[0] == '+') id = StreamId.Max;
        return true;
    }
}

/// <summary>The field-value pairs of an XADD, over its request.</summary>
internal readonly ref struct RequestFields : IFieldSource
{
    private readonly Request _request;
    private readonly int _first;

    public RequestFields(Request request, int first)
    {
        _request = request;
        _first = first;
    }

    public int Count => (_request.Count - _first) / 2;

    public ReadOnlySpan<byte> Name(int i) => _request[_first + i * 2];

    public ReadOnlySpan<byte> Value(int i) => _request[_first + i * 2 + 1];
}
