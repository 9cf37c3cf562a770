// Why: the keyspace removes, measures and copies streams without knowing their inside; this walks packs, groups, consumers
// and pending entries for it.

namespace Shoal.Store.Values;

/// <summary>What a stream keeps outside its entry.</summary>
internal sealed unsafe class StreamLifetime : IValueLifetime
{
    public void Free(Arena arena, in EntryRef entry)
    {
        var s = StreamHeader.In(entry);
        for (var at = IdTree.First(arena, s->Packs); !at.IsNone; at = IdTree.Next(arena, at))
            StreamHeader.FreePack(arena, s, IdTree.ValueAt(arena, at));
        IdTree.Free(arena, ref s->Packs);
        foreach (var at in new TableEntries(arena, &s->Groups.Table)) new StreamGroup(arena, at.Entry).Free();
        MemberTable.Free(arena, &s->Groups);
    }

    public long Bytes(Arena arena, in EntryRef entry)
    {
        var s = StreamHeader.In(entry);
        long bytes = s->PackBytes + s->Packs.NodeBytes + MemberTable.Bytes(&s->Groups);
        foreach (var at in new TableEntries(arena, &s->Groups.Table)) bytes += new StreamGroup(arena, at.Entry).Bytes;
        return bytes;
    }

    public void Duplicate(Arena arena, ref EntryRef copy)
    {
        var s = StreamHeader.In(copy);
        var original = *s;
        s->Packs = default;
        s->Groups = default;
        s->PackBytes = 0;
        foreach (var pack in new StreamPacks(arena, original.Packs)) StreamValue.AddCopy(arena, s, pack.Master, pack.Bytes);
        foreach (var at in new TableEntries(arena, &original.Groups.Table)) CopyGroup(arena, s, at.Entry);
    }

    private static void CopyGroup(Arena arena, StreamHeader* s, byte* original)
    {
        var from = new StreamGroup(arena, original);
        var to = new StreamGroup(arena, MemberTable.Add(arena, &s->Groups, from.Name, sizeof(GroupHeader)));
        *to.Header = new GroupHeader { LastId = from.LastId, EntriesRead = from.EntriesRead };
        foreach (var at in new TableEntries(arena, &from.Header->Consumers.Table))
        {
            var consumer = new StreamConsumer(arena, at.Entry);
            to.AddConsumer(consumer.Name, consumer.SeenMs).ActiveMs = consumer.ActiveMs;
        }
        foreach (var pending in from.PendingFrom(StreamId.Zero))
        {
            var copy = to.Assign(pending.Id, to.Consumer(pending.Entry.Consumer.Name));
            copy.DeliveredMs = pending.Entry.DeliveredMs;
            copy.Deliveries = pending.Entry.Deliveries;
        }
    }
}
