// One database: the only door to keys. Looks up, creates, resizes, removes; drops what has expired; delivers buckets to
// snapshot cuts before they change; keeps counts, expiry summaries and slot sizes; reports through KeyEvents. Allocates
// nothing on the managed heap.
using System.Runtime.CompilerServices;
using Shoal.Store.Values;

namespace Shoal.Store;

/// <summary>A database of keys. Engine thread only. A slot is a hash slot in cluster mode and ignored otherwise.</summary>
public sealed unsafe class Keyspace
{
    private readonly Databases _owner;
    private readonly Arena _arena;
    private readonly SnapshotCuts _cuts;
    private readonly AccessClock _clock;
    private readonly SlotTable* _tables;
    private readonly int _slotMask;
    private int _chargedSlot;
    private long _chargeMark;

    internal Keyspace(Databases owner, int index, bool slotted)
    {
        _owner = owner;
        _arena = owner.Arena;
        _cuts = owner.Snapshots;
        _clock = owner.Clock;
        Index = Identity = index;
        Walk = new KeyspaceWalk(this);
        TableCount = slotted ? Databases.SlotCount : 1;
        _slotMask = TableCount - 1;
        long bytes = (long)TableCount * SlotTable.SizeInBytes;
        _tables = (SlotTable*)_arena.At(_arena.Allocate(bytes));
        new Span<byte>(_tables, (int)bytes).Clear();
    }

    public Arena Arena => _arena;

    /// <summary>Database number; changes with SWAPDB.</summary>
    public int Index { get; internal set; }

    /// <summary>Number of keys, due ones included until they are removed.</summary>
    public long Count { get; private set; }

    /// <summary>Keys that have an expiry.</summary>
    public long ExpireCount { get; private set; }

    /// <summary>Scans, random choice, the keys of a slot.</summary>
    public KeyspaceWalk Walk { get; }

    public KeyEvents Events => _owner.Events;

    public Databases Owner => _owner;

    public ValueLimits Limits => _owner.Limits;

    public long NowMs => _owner.NowMs;

    /// <summary>Random numbers for SPOP, RANDOMKEY and the like.</summary>
    public ref SmallRandom Random => ref _owner.Random;

    internal int Identity { get; }

    internal int TableCount { get; }

    public long CountInSlot(int slot) => TableAt(slot)->Table.Count;

    /// <summary>Arena bytes of a slot's keys, values and table (cluster mode).</summary>
    public long BytesInSlot(int slot)
    {
        Settle(_chargedSlot);
        return TableAt(slot)->Bytes;
    }

    /// <summary>The hash by which all lookups here go; for batches that prefetch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ReadOnlySpan<byte> key) => _arena.Hash.Of(key);

    /// <summary>False where <see cref="Prefetch"/> and <see cref="PrefetchEntry"/> do nothing.</summary>
    public static bool CanPrefetch => System.Runtime.Intrinsics.X86.Sse.IsSupported;

    /// <summary>First stage of a batch: fetch the bucket of a key.</summary>
    public void Prefetch(ulong hash, int slot) => Table.PrefetchBucket(_arena, &TableAt(slot)->Table, hash);

    /// <summary>Second stage of a batch: fetch the entry of a key.</summary>
    public void PrefetchEntry(ulong hash, int slot) => Table.PrefetchEntry(_arena, &TableAt(slot)->Table, hash);

    /// <summary>Finds a key to read it: drops it when due, notes the access.</summary>
    public EntryRef Find(ReadOnlySpan<byte> key, int slot) => Find(key, slot, _arena.Hash.Of(key));

    /// <inheritdoc cref="Find(ReadOnlySpan{byte}, int)"/>
    public EntryRef Find(ReadOnlySpan<byte> key, int slot, ulong hash)
    {
        SlotTable* table = TableAt(slot);
        TablePosition at = Table.Find(_arena, &table->Table, key, hash);
        if (!at.Exists || Entry.HasExpiry(at.Entry) && Vanished(table, new EntryRef(at, slot)))
        {
            _owner.Counters.Misses++;
            Events.Missed?.Invoke(this, key, slot);
            return default;
        }
        _owner.Counters.Hits++;
        Touch(at.Entry);
        return new EntryRef(at, slot & _slotMask);
    }

    /// <summary>
    /// Finds a key to change it. Must be called before any in-place change of the value or of what it refers to: running
    /// snapshots get the old state here.
    /// </summary>
    public EntryRef FindForWrite(ReadOnlySpan<byte> key, int slot)
    {
        SlotTable* table = Charge(slot);
        TablePosition at = Table.Find(_arena, &table->Table, key, _arena.Hash.Of(key));
        if (!at.Exists || Entry.HasExpiry(at.Entry) && Vanished(table, new EntryRef(at, slot))) return default;
        BeforeChange(table, at.Bucket);
        Touch(at.Entry);
        return new EntryRef(at, slot & _slotMask);
    }

    /// <summary>As <see cref="Find(ReadOnlySpan{byte}, int)"/> without noting the access on the key (EXISTS, TYPE, TTL).</summary>
    public EntryRef FindUntouched(ReadOnlySpan<byte> key, int slot)
    {
        EntryRef entry = Peek(key, slot);
        if (entry.Exists) _owner.Counters.Hits++;
        else
        {
            _owner.Counters.Misses++;
            Events.Missed?.Invoke(this, key, slot);
        }
        return entry;
    }

    /// <summary>Finds a key without noting the access anywhere (OBJECT, conditions of writes).</summary>
    public EntryRef Peek(ReadOnlySpan<byte> key, int slot)
    {
        SlotTable* table = TableAt(slot);
        TablePosition at = Table.Find(_arena, &table->Table, key, _arena.Hash.Of(key));
        if (!at.Exists || Entry.HasExpiry(at.Entry) && Vanished(table, new EntryRef(at, slot))) return default;
        return new EntryRef(at, slot & _slotMask);
    }

    /// <summary>Creates a key, which must be absent, without expiry; the value bytes are undefined until written.</summary>
    public EntryRef Create(ReadOnlySpan<byte> key, int slot, ValueType type, Encoding encoding, int valueLength)
    {
        SlotTable* table = Charge(slot);
        EntryRef entry = Insert(table, slot & _slotMask, _arena.Hash.Of(key),
            Entry.Create(_arena, key, valueLength, -1, type, encoding));
        Events.Created?.Invoke(this, key, slot);
        Events.RaiseChanged(this, key, slot);
        return entry;
    }

    /// <summary>Changes the value's length, keeping the first bytes; the entry may move. After FindForWrite or Create.</summary>
    public void ResizeValue(ref EntryRef entry, int newLength)
    {
        byte* e = entry.Pointer;
        Moved(ref entry, Entry.Reshape(_arena, e, newLength, Entry.ExpireAt(e), Entry.ClientWord(e), keepValue: true));
    }

    /// <summary>Changes encoding and value length, keeping the first bytes. After FindForWrite or Create.</summary>
    public void SetEncoding(ref EntryRef entry, Encoding encoding, int newLength)
    {
        ResizeValue(ref entry, newLength);
        Entry.SetKind(entry.Pointer, entry.Type, encoding);
    }

    /// <summary>Removes a key with all it holds; false when absent (or due: then it is dropped as expired).</summary>
    public bool Remove(ReadOnlySpan<byte> key, int slot)
    {
        SlotTable* table = Charge(slot);
        TablePosition at = Table.Find(_arena, &table->Table, key, _arena.Hash.Of(key));
        if (!at.Exists || Entry.HasExpiry(at.Entry) && Vanished(table, new EntryRef(at, slot))) return false;
        // Told first: the key's bytes may be those of the entry itself.
        Events.RaiseChanged(this, key, slot);
        Drop(table, new EntryRef(at, slot & _slotMask));
        return true;
    }

    /// <summary>Sets or clears (-1) an expiry in unix ms; the entry may move. After FindForWrite or Create.</summary>
    public void SetExpiry(ref EntryRef entry, long atMs)
    {
        SlotTable* table = TableAt(entry.SlotNumber);
        byte* e = entry.Pointer;
        bool had = Entry.HasExpiry(e);
        if (atMs >= 0 && had)
            *(long*)(e + Entry.HeaderBytes) = atMs;
        else if (atMs >= 0 || had)
            Moved(ref entry, Entry.Reshape(_arena, e, Entry.ValueLength(e), atMs, Entry.ClientWord(e), keepValue: true));
        NoteExpiry(table, entry.Bucket, had, atMs);
    }

    /// <summary>
    /// Gives an entry another name, database or slot without copying what its value refers to (RENAME, MOVE). The
    /// target name must be absent. <paramref name="source"/> is gone afterwards.
    /// </summary>
    public EntryRef Transfer(in EntryRef source, Keyspace target, ReadOnlySpan<byte> newKey, int newSlot)
    {
        ReadOnlySpan<byte> oldKey = source.Key;
        EntryRef moved = target.CopyCell(source, newKey, newSlot);
        // The insertion may have split buckets: look the source up again before taking it out.
        SlotTable* table = Charge(source.SlotNumber);
        TablePosition at = Table.Find(_arena, &table->Table, oldKey, _arena.Hash.Of(oldKey));
        BeforeChange(table, at.Bucket);
        Events.RaiseChanged(this, oldKey, source.SlotNumber);
        Unlink(table, at);
        target.Events.Created?.Invoke(target, newKey, newSlot);
        target.Events.RaiseChanged(target, newKey, newSlot);
        return target.Refresh(newKey, newSlot);
    }

    /// <summary>Copies an entry with all its value refers to (COPY). The target name must be absent.</summary>
    public EntryRef Duplicate(in EntryRef source, Keyspace target, ReadOnlySpan<byte> newKey, int newSlot)
    {
        EntryRef copy = target.CopyCell(source, newKey, newSlot);
        _owner.LifetimeOf(copy.Type)?.Duplicate(_arena, ref copy);
        target.Events.Created?.Invoke(target, newKey, newSlot);
        target.Events.RaiseChanged(target, newKey, newSlot);
        return copy;
    }

    /// <summary>Bytes of a key with all it holds (MEMORY USAGE).</summary>
    public long Bytes(in EntryRef entry) =>
        entry.CellBytes + (_owner.LifetimeOf(entry.Type)?.Bytes(_arena, entry) ?? 0);

    /// <summary>Removes every key.</summary>
    public void Clear()
    {
        for (int slot = 0; slot < TableCount; slot++) ClearTable(slot);
        Events.Cleared?.Invoke(this);
    }

    /// <summary>Removes every key of a slot (cluster mode), without events per key.</summary>
    public void ClearSlot(int slot)
    {
        ClearTable(slot & _slotMask);
        Events.Cleared?.Invoke(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SlotTable* TableAt(int slot) => _tables + (slot & _slotMask);

    /// <summary>Removes a due key and tells (expiry cycle, lookups).</summary>
    internal void RemoveExpired(SlotTable* table, EntryRef entry)
    {
        _owner.Counters.Expired++;
        Events.Expired?.Invoke(this, entry.Key, entry.SlotNumber & _slotMask);
        Charge(entry.SlotNumber);
        Drop(table, entry);
    }

    /// <summary>Removes a key to make room and tells.</summary>
    internal void RemoveEvicted(SlotTable* table, EntryRef entry)
    {
        _owner.Counters.Evicted++;
        Events.Evicted?.Invoke(this, entry.Key, entry.SlotNumber & _slotMask);
        Charge(entry.SlotNumber);
        Drop(table, entry);
    }

    /// <summary>From here on, what the arena grows by belongs to the slots written to.</summary>
    internal void StartCharging() => _chargeMark = _arena.UsedBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SlotTable* Charge(int slot)
    {
        slot &= _slotMask;
        if (slot != _chargedSlot) Settle(slot);
        return _tables + slot;
    }

    /// <summary>What the arena grew by since the last switch belongs to the slot written to meanwhile.</summary>
    private void Settle(int next)
    {
        long used = _arena.UsedBytes;
        _tables[_chargedSlot].Bytes += used - _chargeMark;
        _chargeMark = used;
        _chargedSlot = next;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void BeforeChange(SlotTable* table, uint bucket)
    {
        if (_cuts.Any) _cuts.BeforeChange(this, (int)(table - _tables), table, bucket);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Touch(byte* entry)
    {
        if (_clock.IsPlain) Entry.SetClock(entry, _clock.Seconds);
        else _clock.TouchFrequency(entry);
    }

    /// <summary>Called for entries with an expiry: is it gone for the caller? Removes it when that is ours to do.</summary>
    internal bool Vanished(SlotTable* table, EntryRef entry)
    {
        if (*(long*)(entry.Pointer + Entry.HeaderBytes) >= _owner.NowMs) return false;
        if (_owner.ExpiryMode == ExpiryMode.Ignore) return false;
        if (_owner.ExpiryMode == ExpiryMode.Remove) RemoveExpired(table, entry);
        return true;
    }

    /// <summary>Puts a finished entry into the index, growing it by a bucket when due.</summary>
    internal EntryRef Insert(SlotTable* table, int slot, ulong hash, long offset)
    {
        if (Table.NeedsGrowth(&table->Table, 1)) Grow(table);
        BeforeChange(table, TableGeometry.IndexOf(&table->Table, hash));
        TablePosition at = Table.Insert(_arena, &table->Table, hash, offset);
        Entry.SetClock(at.Entry, _clock.Initial);
        Count++;
        if (Entry.HasExpiry(at.Entry)) NoteExpiry(table, at.Bucket, false, Entry.ExpireAt(at.Entry));
        return new EntryRef(at, slot);
    }

    private void Grow(SlotTable* table)
    {
        uint source = Table.NextToSplit(&table->Table), added = table->Table.BucketCount;
        if (added > 0) BeforeChange(table, source);
        Table.Split(_arena, &table->Table, _cuts.Epoch);
        if (table->ExpireCount > 0) ExpirySummary.Inherit(_arena, table, source, added);
    }

    private void Shrink(SlotTable* table)
    {
        uint last = table->Table.BucketCount - 1;
        uint buddy = last & ~(1u << System.Numerics.BitOperations.Log2(last));
        BeforeChange(table, last);
        BeforeChange(table, buddy);
        if (table->ExpireCount > 0) ExpirySummary.Inherit(_arena, table, last, buddy);
        Table.Merge(_arena, &table->Table);
    }

    /// <summary>Removes an entry with all it refers to.</summary>
    private void Drop(SlotTable* table, EntryRef entry)
    {
        BeforeChange(table, entry.Bucket);
        if (entry.Type != ValueType.String) _owner.LifetimeOf(entry.Type)?.Free(_arena, entry);
        Unlink(table, entry.Position);
    }

    private void Unlink(SlotTable* table, TablePosition at)
    {
        if (Entry.HasExpiry(at.Entry)) CountExpiry(table, -1);
        Table.Detach(_arena, &table->Table, at);
        _arena.Free(at.Entry - _arena.Base, Entry.Size(at.Entry));
        Count--;
        if (Table.NeedsShrink(&table->Table)) Shrink(table);
    }

    private void ClearTable(int slot)
    {
        SlotTable* table = _tables + slot;
        if (table->Table.BucketCount == 0) return;
        Charge(slot);
        if (_cuts.Any) _cuts.BeforeClear(this, slot, table);
        foreach (TablePosition at in new TableEntries(_arena, &table->Table))
        {
            if (Entry.TypeOf(at.Entry) != ValueType.String)
                _owner.LifetimeOf(Entry.TypeOf(at.Entry))?.Free(_arena, new EntryRef(at, slot));
            _arena.Free(at.Entry - _arena.Base, Entry.Size(at.Entry));
        }
        Count -= table->Table.Count;
        ExpireCount -= table->ExpireCount;
        Table.FreeBuckets(_arena, &table->Table);
        ExpirySummary.Free(_arena, table);
        table->ExpireCount = 0;
    }

    private EntryRef CopyCell(in EntryRef source, ReadOnlySpan<byte> newKey, int newSlot)
    {
        SlotTable* table = Charge(newSlot);
        long offset = Entry.Create(_arena, newKey, source.ValueLength, source.ExpireAtMs, source.Type, source.Encoding, source.ClientWord);
        source.Value.CopyTo(Entry.Value(_arena.At(offset)));
        return Insert(table, newSlot & _slotMask, _arena.Hash.Of(newKey), offset);
    }

    private EntryRef Refresh(ReadOnlySpan<byte> key, int slot) =>
        new(Table.Find(_arena, &TableAt(slot)->Table, key, _arena.Hash.Of(key)), slot & _slotMask);

    internal void Moved(ref EntryRef entry, long offset)
    {
        entry.Pointer = _arena.At(offset);
        Bucket.Write(entry.Reference, offset);
    }

    internal void NoteExpiry(SlotTable* table, uint bucket, bool had, long atMs)
    {
        if (atMs >= 0) ExpirySummary.Lower(_arena, table, bucket, atMs);
        if (had != atMs >= 0) CountExpiry(table, had ? -1 : 1);
    }

    private void CountExpiry(SlotTable* table, int change)
    {
        table->ExpireCount += change;
        ExpireCount += change;
    }
}
