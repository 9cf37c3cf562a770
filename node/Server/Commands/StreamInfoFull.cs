// XINFO STREAM FULL: the last two pairs of its map, entries and groups with everything in them.
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Commands;

internal static class StreamInfoFull
{
    /// <summary>Writes "entries" and "groups", at most <paramref name="count"/> of each list (0 = all).</summary>
    public static void Write(ref CommandContext c, in EntryRef e, long count)
    {
        c.Reply.Bulk("entries"u8);
        int mark = c.Reply.DeferArray(), written = 0;
        var walk = StreamValue.Range(c.Keys, e, StreamId.Zero, StreamId.Max, down: false);
        while ((count == 0 || written < count) && walk.MoveNext())
        {
            c.Reply.Entry(walk);
            written++;
        }
        c.Reply.EndArray(mark, written);
        c.Reply.Bulk("groups"u8);
        var groups = StreamGroups.Ordered(c.Keys, e);
        c.Reply.Array(groups.Count);
        foreach (var group in groups) Group(ref c, e, group, count);
    }

    private static void Group(ref CommandContext c, in EntryRef e, StreamGroup group, long count)
    {
        c.Reply.Map(7);
        c.Reply.Bulk("name"u8);
        c.Reply.Bulk(group.Name);
        StreamInfoCommands.Progress(ref c, e, group);
        StreamInfoCommands.Pair(c.Reply, "pel-count"u8, group.PendingCount);
        c.Reply.Bulk("pending"u8);
        Pending(ref c, group.PendingFrom(StreamId.Zero), count, withConsumer: true);
        c.Reply.Bulk("consumers"u8);
        var consumers = group.OrderedConsumers();
        c.Reply.Array(consumers.Count);
        foreach (var consumer in consumers)
        {
            c.Reply.Map(5);
            c.Reply.Bulk("name"u8);
            c.Reply.Bulk(consumer.Name);
            StreamInfoCommands.Pair(c.Reply, "seen-time"u8, consumer.SeenMs);
            StreamInfoCommands.Pair(c.Reply, "active-time"u8, consumer.ActiveMs);
            StreamInfoCommands.Pair(c.Reply, "pel-count"u8, consumer.PendingCount);
            c.Reply.Bulk("pending"u8);
            Pending(ref c, consumer.PendingFrom(StreamId.Zero), count, withConsumer: false);
        }
    }

    private static void Pending(ref CommandContext c, PendingCursor list, long count, bool withConsumer)
    {
        int mark = c.Reply.DeferArray(), written = 0;
        while ((count == 0 || written < count) && list.MoveNext())
        {
            written++;
            c.Reply.Array(withConsumer ? 4 : 3);
            c.Reply.Id(list.Id);
            if (withConsumer) c.Reply.Bulk(list.Entry.Consumer.Name);
            c.Reply.Integer(list.Entry.DeliveredMs);
            c.Reply.Integer(list.Entry.Deliveries);
        }
        c.Reply.EndArray(mark, written);
    }
}
