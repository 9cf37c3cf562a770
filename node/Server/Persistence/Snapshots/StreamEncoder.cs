// A stream as RDB type 19 (Redis 7.0 and later read it): its packs as they are, then what it knows of itself, then its groups.
// Groups and consumers go out by name, as Redis keeps them. What only type 21 carries, when a consumer last got something, is
// then read back as when it was last seen.
//
//   packs: n, then n (master ID 16 bytes BE, listpack)      length, last ID, first ID, max deleted ID, entries added
//   groups: n, then n (name, last ID, entries read,         (an ID here is two lengths)
//      pending: m, then m (ID 16 bytes BE, delivered ms:8, deliveries)
//      consumers: k, then k (name, seen ms:8, [active ms:8 in type 21], pending: j, then j IDs of 16 bytes BE))
using System.Buffers.Binary;
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Writes streams.</summary>
internal static class StreamEncoder
{
    public static void Value(SnapshotEncoder to, Keyspace keys, in EntryRef e)
    {
        ref var s = ref StreamValue.Header(e);
        to.Length(s.PackCount);
        Span<byte> id = stackalloc byte[16];
        foreach (var pack in StreamValue.Packs(keys, e))
        {
            to.String(Bytes(pack.Master, id));
            to.String(pack.Bytes);
        }
        to.Length(s.Length);
        Id(to, s.LastId);
        Id(to, s.FirstId);
        Id(to, s.MaxDeletedId);
        to.Length(s.EntriesAdded);
        to.Length(s.GroupCount);
        if (s.GroupCount == 0) return;
        foreach (var group in StreamGroups.Ordered(keys, e)) Group(to, group);
    }

    private static void Group(SnapshotEncoder to, StreamGroup group)
    {
        to.String(group.Name);
        Id(to, group.LastId);
        to.Length(group.EntriesRead);
        to.Length(group.PendingCount);
        Span<byte> id = stackalloc byte[16];
        foreach (var pending in group.PendingFrom(StreamId.Zero))
        {
            to.Raw(Bytes(pending.Id, id));
            to.Int64(pending.Entry.DeliveredMs);
            to.Length(pending.Entry.Deliveries);
        }
        to.Length(group.ConsumerCount);
        foreach (var consumer in group.OrderedConsumers())
        {
            to.String(consumer.Name);
            to.Int64(consumer.SeenMs);
            to.Length(consumer.PendingCount);
            foreach (var pending in consumer.PendingFrom(StreamId.Zero)) to.Raw(Bytes(pending.Id, id));
        }
    }

    private static void Id(SnapshotEncoder to, StreamId id)
    {
        to.Length((long)id.Ms);
        to.Length((long)id.Seq);
    }

    private static ReadOnlySpan<byte> Bytes(StreamId id, Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into, id.Ms);
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], id.Seq);
        return into;
    }
}
