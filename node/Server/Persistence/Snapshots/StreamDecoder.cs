// RDB types 15 (Redis 5), 19 (7.0) and 21 (7.2) -> a stream. What the older ones do not say is worked out as Redis does. The
// layout is in StreamEncoder.
using System.Buffers.Binary;
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Reads one stream. A half-read one is for the caller to remove.</summary>
internal static class StreamDecoder
{
    public static EntryRef Read(SnapshotDecoder from, byte type, Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = StreamValue.Create(keys, key, slot);
        for (long packs = from.Length(); packs > 0; packs--) Pack(from, keys, e);
        ref var s = ref StreamValue.Header(e);
        if (from.Length() != s.Length) throw from.Corrupt("stream whose length is not that of its entries");
        s.LastId = Id(from);
        StreamValue.SettleFirst(keys, e);
        s.EntriesAdded = s.Length;
        if (type != SnapshotFormat.TypeStream)
        {
            s.FirstId = Id(from);
            s.MaxDeletedId = Id(from);
            s.EntriesAdded = from.Length();
        }
        for (long groups = from.Length(); groups > 0; groups--) Group(from, type, keys, e);
        return e;
    }

    private static void Pack(SnapshotDecoder from, Keyspace keys, in EntryRef e)
    {
        var master = from.String();
        if (master.Length != 16) throw from.Corrupt("stream node key that is no stream ID");
        var id = Id(master);
        var bytes = from.String();
        if (!StreamPackCheck.IsValid(bytes)) throw from.Corrupt("invalid stream listpack");
        if (!StreamValue.AddPack(keys, e, id, bytes)) throw from.Corrupt("duplicate stream node");
    }

    private static void Group(SnapshotDecoder from, byte type, Keyspace keys, in EntryRef e)
    {
        byte[] name = from.String().ToArray();
        var last = Id(from);
        long read = type == SnapshotFormat.TypeStream ? StreamGroups.Distance(StreamValue.Header(e), last) : from.Length();
        if (StreamGroups.Find(keys, e, name).Exists) throw from.Corrupt("duplicate consumer group");
        var group = StreamGroups.Add(keys, e, name, last, read);
        long pending = from.Length();
        for (long i = 0; i < pending; i++)
        {
            var id = Id(from.Take(16));
            long delivered = from.Int64();
            if (!group.AddUnowned(id, delivered, from.Length())) throw from.Corrupt("duplicate pending entry");
        }
        long owned = 0;
        for (long consumers = from.Length(); consumers > 0; consumers--) owned += Consumer(from, type, group);
        if (owned != pending) throw from.Corrupt("pending entry without a consumer");
    }

    private static long Consumer(SnapshotDecoder from, byte type, StreamGroup group)
    {
        byte[] name = from.String().ToArray();
        if (group.Consumer(name).Exists) throw from.Corrupt("duplicate consumer");
        long seen = from.Int64();
        var consumer = group.AddConsumer(name, seen);
        consumer.ActiveMs = type == SnapshotFormat.TypeStream3 ? from.Int64() : seen;
        long pending = from.Length();
        for (long i = 0; i < pending; i++)
            if (!group.Adopt(Id(from.Take(16)), consumer)) throw from.Corrupt("pending entry of a consumer that the group does not know");
        return pending;
    }

    private static StreamId Id(SnapshotDecoder from)
    {
        ulong ms = (ulong)from.Length();
        return new StreamId(ms, (ulong)from.Length());
    }

    private static StreamId Id(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
}
