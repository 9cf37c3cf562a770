// Why: a consumer group is a position in the stream and the entries delivered from it that nobody has acknowledged yet
// (pending entries). Groups are members of the stream's table of groups, consumers members of their group's table; a
// pending entry is one small cell that two trees refer to: the group's and its consumer's. So any ID is found in
// O(log n) and either list is read in order.
//
// Members of a table never move, so a pending entry names its consumer by the offset of the member.

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct GroupHeader
{
    public StreamId LastId;
    public long EntriesRead;
    public IdTreeHeader Pending;
    public MemberTable Consumers;
}

/// <summary>A consumer group of a stream; valid until the group is destroyed. Default value = not found.</summary>
public readonly unsafe struct StreamGroup
{
    /// <summary>Said by <see cref="EntriesRead"/> when the number is not known.</summary>
    public const long UnknownRead = -1;

    private readonly Arena _arena;
    private readonly byte* _entry;

    internal StreamGroup(Arena arena, byte* entry)
    {
        _arena = arena;
        _entry = entry;
    }

    public bool Exists => _entry != null;

    public ReadOnlySpan<byte> Name => Entry.Key(_entry);

    /// <summary>Last ID delivered.</summary>
    public StreamId LastId
    {
        get => Header->LastId;
        set => Header->LastId = value;
    }

    /// <summary>Entries of the stream up to <see cref="LastId"/>, or <see cref="UnknownRead"/>.</summary>
    public long EntriesRead
    {
        get => Header->EntriesRead;
        set => Header->EntriesRead = value;
    }

    public long PendingCount => Header->Pending.Count;

    /// <summary>Lowest pending ID; there must be one.</summary>
    public StreamId FirstPending => IdTree.IdAt(_arena, IdTree.First(_arena, Header->Pending));

    /// <summary>Highest pending ID; there must be one.</summary>
    public StreamId LastPending => IdTree.IdAt(_arena, IdTree.Last(_arena, Header->Pending));

    public long ConsumerCount => Header->Consumers.Count;

    internal GroupHeader* Header => (GroupHeader*)Entry.ValuePointer(_entry);

    /// <summary>Bytes of consumers and pending entries.</summary>
    internal long Bytes
    {
        get
        {
            long bytes = MemberTable.Bytes(&Header->Consumers) + Header->Pending.NodeBytes + Header->Pending.Count * PendingCell.Bytes;
            foreach (var at in new TableEntries(_arena, &Header->Consumers.Table))
                bytes += new StreamConsumer(_arena, at.Entry).Header->Pending.NodeBytes;
            return bytes;
        }
    }

    /// <summary>Finds a consumer; check <see cref="StreamConsumer.Exists"/>.</summary>
    public StreamConsumer Consumer(ReadOnlySpan<byte> name) => new(_arena, MemberTable.Find(_arena, &Header->Consumers, name));

    /// <summary>Adds a consumer, which must be absent.</summary>
    public StreamConsumer AddConsumer(ReadOnlySpan<byte> name, long seenMs)
    {
        var added = new StreamConsumer(_arena, MemberTable.Add(_arena, &Header->Consumers, name, sizeof(ConsumerHeader)));
        *added.Header = new ConsumerHeader { SeenMs = seenMs, ActiveMs = StreamConsumer.Never };
        return added;
    }

    /// <summary>Removes a consumer with its pending entries.</summary>
    public void RemoveConsumer(StreamConsumer consumer)
    {
        for (var at = IdTree.First(_arena, consumer.Header->Pending); !at.IsNone; at = IdTree.Next(_arena, at))
        {
            IdTree.Remove(_arena, ref Header->Pending, IdTree.IdAt(_arena, at));
            _arena.Free(IdTree.ValueAt(_arena, at), PendingCell.Bytes);
        }
        IdTree.Free(_arena, ref consumer.Header->Pending);
        MemberTable.Remove(_arena, &Header->Consumers, consumer.Name);
    }

    /// <summary>Consumers by name.</summary>
    public List<StreamConsumer> OrderedConsumers()
    {
        var all = new List<StreamConsumer>();
        foreach (var at in new TableEntries(_arena, &Header->Consumers.Table)) all.Add(new StreamConsumer(_arena, at.Entry));
        all.Sort((a, b) => a.Name.SequenceCompareTo(b.Name));
        return all;
    }

    /// <summary>The pending entry of an ID; check <see cref="PendingEntry.Exists"/>.</summary>
    public PendingEntry Pending(StreamId id) => new(_arena, IdTree.Find(_arena, Header->Pending, id));

    /// <summary>Pending entries from an ID on, all consumers'.</summary>
    public PendingCursor PendingFrom(StreamId id) => new(_arena, Header->Pending, id);

    /// <summary>Notes that an entry is pending with a consumer, taking it from another if need be.</summary>
    public PendingEntry Assign(StreamId id, StreamConsumer consumer)
    {
        long cell = IdTree.Find(_arena, Header->Pending, id);
        if (cell == 0)
        {
            cell = _arena.Allocate(PendingCell.Bytes);
            *(PendingCell*)_arena.At(cell) = default;
            IdTree.Insert(_arena, ref Header->Pending, id, cell);
        }
        else
        {
            IdTree.Remove(_arena, ref new PendingEntry(_arena, cell).Consumer.Header->Pending, id);
        }
        IdTree.Insert(_arena, ref consumer.Header->Pending, id, cell);
        var pending = new PendingEntry(_arena, cell);
        pending.SetConsumer(consumer);
        return pending;
    }

    /// <summary>Adds a pending entry that no consumer holds yet (loading); false when the ID is there already.</summary>
    public bool AddUnowned(StreamId id, long deliveredMs, long deliveries)
    {
        if (IdTree.Find(_arena, Header->Pending, id) != 0) return false;
        long cell = _arena.Allocate(PendingCell.Bytes);
        *(PendingCell*)_arena.At(cell) = new PendingCell { DeliveredMs = deliveredMs, Deliveries = deliveries };
        return IdTree.Insert(_arena, ref Header->Pending, id, cell);
    }

    /// <summary>Gives an unowned pending entry to a consumer (loading); false when there is none of that ID without an owner.</summary>
    public bool Adopt(StreamId id, StreamConsumer consumer)
    {
        var pending = Pending(id);
        if (!pending.Exists || pending.Consumer.Exists) return false;
        pending.SetConsumer(consumer);
        return IdTree.Insert(_arena, ref consumer.Header->Pending, id, IdTree.Find(_arena, Header->Pending, id));
    }

    /// <summary>The entry is no longer pending; false when it was not.</summary>
    public bool Acknowledge(StreamId id)
    {
        long cell = IdTree.Find(_arena, Header->Pending, id);
        if (cell == 0) return false;
        IdTree.Remove(_arena, ref Header->Pending, id);
        IdTree.Remove(_arena, ref new PendingEntry(_arena, cell).Consumer.Header->Pending, id);
        _arena.Free(cell, PendingCell.Bytes);
        return true;
    }

    /// <summary>Frees everything of the group but its own member entry.</summary>
    internal void Free()
    {
        for (var at = IdTree.First(_arena, Header->Pending); !at.IsNone; at = IdTree.Next(_arena, at))
            _arena.Free(IdTree.ValueAt(_arena, at), PendingCell.Bytes);
        IdTree.Free(_arena, ref Header->Pending);
        foreach (var at in new TableEntries(_arena, &Header->Consumers.Table))
            IdTree.Free(_arena, ref new StreamConsumer(_arena, at.Entry).Header->Pending);
        MemberTable.Free(_arena, &Header->Consumers);
    }
}
