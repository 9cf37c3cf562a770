// Why: a consumer is a name in a group with the entries it has been given; a pending entry says when, how often and to whom.

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct ConsumerHeader
{
    public long SeenMs;
    public long ActiveMs;
    public IdTreeHeader Pending;
}

/// <summary>A pending entry as it lies in the arena.</summary>
internal struct PendingCell
{
    public const int Bytes = 24;

    public long DeliveredMs;
    public long Deliveries;

    /// <summary>Offset of the consumer's member entry.</summary>
    public long Consumer;
}

/// <summary>A consumer of a group; valid until it is removed. Default value = not found.</summary>
public readonly unsafe struct StreamConsumer
{
    /// <summary><see cref="ActiveMs"/> of a consumer that has never been given an entry.</summary>
    public const long Never = -1;

    private readonly Arena _arena;
    private readonly byte* _entry;

    internal StreamConsumer(Arena arena, byte* entry)
    {
        _arena = arena;
        _entry = entry;
    }

    public bool Exists => _entry != null;

    public ReadOnlySpan<byte> Name => Entry.Key(_entry);

    /// <summary>When it last asked, unix ms.</summary>
    public long SeenMs
    {
        get => Header->SeenMs;
        set => Header->SeenMs = value;
    }

    /// <summary>When it was last given something, unix ms, or <see cref="Never"/>.</summary>
    public long ActiveMs
    {
        get => Header->ActiveMs;
        set => Header->ActiveMs = value;
    }

    public long PendingCount => Header->Pending.Count;

    internal ConsumerHeader* Header => (ConsumerHeader*)Entry.ValuePointer(_entry);

    internal long Offset => _entry - _arena.Base;

    /// <summary>Its pending entries from an ID on.</summary>
    public PendingCursor PendingFrom(StreamId id) => new(_arena, Header->Pending, id);

    /// <summary>True when both are the same consumer.</summary>
    public bool Is(StreamConsumer other) => _entry == other._entry;
}

/// <summary>One pending entry; valid until it is acknowledged. Default value = not found.</summary>
public readonly unsafe struct PendingEntry
{
    private readonly Arena _arena;
    private readonly PendingCell* _cell;

    internal PendingEntry(Arena arena, long cell)
    {
        _arena = arena;
        _cell = cell == 0 ? null : (PendingCell*)arena.At(cell);
    }

    public bool Exists => _cell != null;

    /// <summary>When it was last delivered, unix ms.</summary>
    public long DeliveredMs
    {
        get => _cell->DeliveredMs;
        set => _cell->DeliveredMs = value;
    }

    /// <summary>How often it was delivered.</summary>
    public long Deliveries
    {
        get => _cell->Deliveries;
        set => _cell->Deliveries = value;
    }

    /// <summary>Who has it; absent only while a stream is being loaded.</summary>
    public StreamConsumer Consumer => new(_arena, _cell->Consumer == 0 ? null : _arena.At(_cell->Consumer));

    internal void SetConsumer(StreamConsumer consumer) => _cell->Consumer = consumer.Offset;
}

/// <summary>Walks pending entries by ID. They must not come or go meanwhile.</summary>
public ref struct PendingCursor
{
    private readonly Arena _arena;
    private IdPosition _at;
    private bool _started;

    internal PendingCursor(Arena arena, in IdTreeHeader tree, StreamId from)
    {
        _arena = arena;
        _at = IdTree.Ceiling(arena, tree, from);
    }

    public readonly StreamId Id => IdTree.IdAt(_arena, _at);

    public readonly PendingEntry Entry => new(_arena, IdTree.ValueAt(_arena, _at));

    public readonly PendingCursor GetEnumerator() => this;

    public readonly PendingCursor Current => this;

    public bool MoveNext()
    {
        if (_started && !_at.IsNone) _at = IdTree.Next(_arena, _at);
        _started = true;
        return !_at.IsNone;
    }
}
