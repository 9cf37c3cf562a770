// The one hash table of the store: keyspace, and members of big hashes, sets and sorted sets. Linear hashing (Litwin 1980)
// over cache-line buckets: it grows and shrinks by one bucket at a time, so there is no rehashing pause, no second table,
// and the load stays near constant at every size. A full bucket hangs a child bucket on its last slot.
//
// Growth keeps 7.5 entries per bucket on average; the table shrinks again below 4. Entries never move when the table
// grows, only the references do.
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Shoal.Store;

/// <summary>
/// Hash table over <see cref="Entry"/> cells in an <see cref="Arena"/>. The caller owns the header. Any change of the table
/// ends the validity of positions and enumerations. Keys up to 512 MB, values up to 2 GB.
/// </summary>
public static unsafe class Table
{
    /// <summary>Finds a key.</summary>
    public static TablePosition Find(Arena arena, TableHeader* table, ReadOnlySpan<byte> key) =>
        Find(arena, table, key, arena.Hash.Of(key));

    /// <summary>Finds a key whose hash (by <see cref="Arena.Hash"/>) is known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TablePosition Find(Arena arena, TableHeader* table, ReadOnlySpan<byte> key, ulong hash)
    {
        TablePosition found = default;
        if (table->BucketCount == 0) return found;
        uint index = TableGeometry.IndexOf(table, hash);
        byte* bucket = TableGeometry.BucketAt(arena, table, index);
        byte tag = (byte)(hash >> 56);
        while (true)
        {
            uint candidates = Bucket.Match(bucket, tag);
            while (candidates != 0)
            {
                int slot = BitOperations.TrailingZeroCount(candidates);
                candidates &= candidates - 1;
                byte* reference = Bucket.SlotPointer(bucket, slot);
                byte* entry = arena.Base + Bucket.Read(reference);
                if (!Entry.KeyEquals(entry, key)) continue;
                found.Entry = entry;
                found.Slot = reference;
                found.Bucket = index;
                return found;
            }
            if (!Bucket.HasChild(bucket)) return found;
            bucket = Bucket.Child(arena, bucket);
        }
    }

    /// <summary>Adds a key that must be absent; the value bytes are undefined until the caller writes them.</summary>
    public static TablePosition Add(Arena arena, TableHeader* table, ReadOnlySpan<byte> key, int valueLength)
    {
        ulong hash = arena.Hash.Of(key);
        long offset = Entry.Create(arena, key, valueLength, -1, ValueType.String, Encoding.Raw);
        if (NeedsGrowth(table, 1)) Split(arena, table, 0);
        return Insert(arena, table, hash, offset);
    }

    /// <summary>Removes a key and frees its entry.</summary>
    public static bool Remove(Arena arena, TableHeader* table, ReadOnlySpan<byte> key)
    {
        TablePosition at = Find(arena, table, key);
        if (!at.Exists) return false;
        RemoveAt(arena, table, at);
        return true;
    }

    /// <summary>Removes a found entry, frees it, and lets the table shrink.</summary>
    public static void RemoveAt(Arena arena, TableHeader* table, TablePosition at)
    {
        arena.Free(at.Entry - arena.Base, Entry.Size(at.Entry));
        Detach(arena, table, at);
        if (NeedsShrink(table)) Merge(arena, table);
    }

    /// <summary>Changes a value's length, keeping its first bytes; the entry may move.</summary>
    public static void ResizeValue(Arena arena, ref TablePosition at, int newLength)
    {
        long offset = Entry.Reshape(arena, at.Entry, newLength, Entry.ExpireAt(at.Entry), 0, keepValue: true);
        at.Entry = arena.At(offset);
        Bucket.Write(at.Slot, offset);
    }

    /// <summary>Frees all entries and buckets; the header reads as an empty table afterwards.</summary>
    public static void Free(Arena arena, TableHeader* table)
    {
        foreach (TablePosition at in new TableEntries(arena, table))
            arena.Free(at.Entry - arena.Base, Entry.Size(at.Entry));
        FreeBuckets(arena, table);
    }

    /// <summary>Bytes of everything the table holds, cells rounded. Walks all entries.</summary>
    public static long Bytes(Arena arena, TableHeader* table)
    {
        long total = TableGeometry.StorageBytes(table);
        foreach (TablePosition at in new TableEntries(arena, table))
            total += Arena.RoundUp((int)Entry.Size(at.Entry));
        return total;
    }

    /// <summary>Hints the processor to load the bucket of a hash.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchBucket(Arena arena, TableHeader* table, ulong hash)
    {
        if (!Sse.IsSupported || table->BucketCount == 0) return;
        Sse.Prefetch0(TableGeometry.BucketAt(arena, table, TableGeometry.IndexOf(table, hash)));
    }

    /// <summary>Hints the processor to load the entries that may carry this hash; their bucket should be in cache by now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchEntry(Arena arena, TableHeader* table, ulong hash)
    {
        if (!Sse.IsSupported || table->BucketCount == 0) return;
        byte* bucket = TableGeometry.BucketAt(arena, table, TableGeometry.IndexOf(table, hash));
        for (uint m = Bucket.Match(bucket, (byte)(hash >> 56)); m != 0; m &= m - 1)
        {
            int slot = BitOperations.TrailingZeroCount(m);
            Sse.Prefetch0(arena.Base + Bucket.Read(Bucket.SlotPointer(bucket, slot)));
        }
        if (Bucket.HasChild(bucket)) Sse.Prefetch0(Bucket.Child(arena, bucket));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool NeedsGrowth(TableHeader* table, int adding) =>
        (table->EntryCount + adding) * 2 > table->BucketCount * 15L;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool NeedsShrink(TableHeader* table) => table->EntryCount < (table->BucketCount - 1) * 4L;

    /// <summary>The bucket whose entries the next <see cref="Split"/> divides.</summary>
    internal static uint NextToSplit(TableHeader* table)
    {
        uint index = table->BucketCount;
        return index == 0 ? 0 : index & ~(1u << BitOperations.Log2(index));
    }

    /// <summary>Puts an entry's reference in place; the table does not grow by itself here.</summary>
    internal static TablePosition Insert(Arena arena, TableHeader* table, ulong hash, long offset)
    {
        uint index = TableGeometry.IndexOf(table, hash);
        byte* slot = Append(arena, table, TableGeometry.BucketAt(arena, table, index), (byte)(hash >> 56), offset);
        table->EntryCount++;
        return new TablePosition { Entry = arena.At(offset), Slot = slot, Bucket = index };
    }

    /// <summary>Adds one bucket and moves the half of its buddy's entries that now belongs there.</summary>
    internal static void Split(Arena arena, TableHeader* table, uint epoch)
    {
        uint source = NextToSplit(table);
        uint added = table->BucketCount;
        byte* target = TableGeometry.AddBucket(arena, table);
        Bucket.Clear(target, epoch);
        if (added == 0) return;

        byte* bucket = TableGeometry.BucketAt(arena, table, source);
        PrefetchChain(arena, bucket);
        uint mask = table->Mask;
        byte* old = stackalloc byte[Bucket.Bytes];
        Unsafe.CopyBlockUnaligned(old, bucket, Bucket.Bytes);
        Bucket.Clear(bucket, epoch);
        while (true)
        {
            for (uint m = Bucket.Occupied(old); m != 0; m &= m - 1)
            {
                int slot = BitOperations.TrailingZeroCount(m);
                long offset = Bucket.Read(Bucket.SlotPointer(old, slot));
                ulong hash = arena.Hash.Of(Entry.Key(arena.At(offset)));
                Append(arena, table, ((uint)hash & mask) == added ? target : bucket, Bucket.Tag(old, slot), offset);
            }
            if (!Bucket.HasChild(old)) return;
            byte* child = Bucket.Child(arena, old);
            Unsafe.CopyBlockUnaligned(old, child, Bucket.Bytes);
            FreeChild(arena, table, child);
        }
    }

    /// <summary>Takes the last bucket away and moves its entries back to its buddy.</summary>
    internal static void Merge(Arena arena, TableHeader* table)
    {
        uint last = table->BucketCount - 1;
        byte* bucket = TableGeometry.BucketAt(arena, table, last);
        byte* buddy = last == 0 ? null
            : TableGeometry.BucketAt(arena, table, last & ~(1u << BitOperations.Log2(last)));
        byte* old = stackalloc byte[Bucket.Bytes];
        Unsafe.CopyBlockUnaligned(old, bucket, Bucket.Bytes);
        TableGeometry.DropBucket(arena, table);
        while (true)
        {
            for (uint m = Bucket.Occupied(old); m != 0; m &= m - 1)
            {
                int slot = BitOperations.TrailingZeroCount(m);
                Append(arena, table, buddy, Bucket.Tag(old, slot), Bucket.Read(Bucket.SlotPointer(old, slot)));
            }
            if (!Bucket.HasChild(old)) return;
            byte* child = Bucket.Child(arena, old);
            Unsafe.CopyBlockUnaligned(old, child, Bucket.Bytes);
            FreeChild(arena, table, child);
        }
    }

    /// <summary>Takes a reference out; the entry itself is not freed. Keeps the chain of child buckets dense.</summary>
    internal static void Detach(Arena arena, TableHeader* table, TablePosition at)
    {
        long place = at.Slot - arena.Base;
        byte* bucket = arena.At(place & -Bucket.Bytes);
        int slot = (int)(place & Bucket.Bytes - 1) / 5;
        Bucket.Meta(bucket) &= ~(1u << slot);
        table->EntryCount--;

        byte* head = TableGeometry.BucketAt(arena, table, at.Bucket);
        if (!Bucket.HasChild(head)) return;
        byte* parent = head, tail = Bucket.Child(arena, head);
        while (Bucket.HasChild(tail))
        {
            parent = tail;
            tail = Bucket.Child(arena, tail);
        }
        if (tail != bucket)
        {
            int last = BitOperations.TrailingZeroCount(Bucket.Occupied(tail));
            Bucket.Fill(bucket, slot, Bucket.Tag(tail, last), Bucket.Read(Bucket.SlotPointer(tail, last)));
            Bucket.Meta(tail) &= ~(1u << last);
        }
        if (Bucket.Occupied(tail) != 0) return;
        Bucket.Meta(parent) &= ~Bucket.ChildFlag;
        FreeChild(arena, table, tail);
    }

    /// <summary>Frees buckets and directory; the entries must have been freed or taken over.</summary>
    internal static void FreeBuckets(Arena arena, TableHeader* table)
    {
        while (table->BucketCount > 0)
        {
            byte* bucket = TableGeometry.BucketAt(arena, table, table->BucketCount - 1);
            bool more = Bucket.HasChild(bucket);
            byte* child = more ? Bucket.Child(arena, bucket) : null;
            while (more)
            {
                byte* gone = child;
                more = Bucket.HasChild(gone);
                child = more ? Bucket.Child(arena, gone) : null;
                FreeChild(arena, table, gone);
            }
            TableGeometry.DropBucket(arena, table);
        }
        *table = default;
    }

    /// <summary>The first free slot of the chain, which gets a child bucket when all are taken.</summary>
    private static byte* Append(Arena arena, TableHeader* table, byte* bucket, byte tag, long offset)
    {
        while (true)
        {
            uint free = ~Bucket.Meta(bucket) & Bucket.OccupiedMask;
            if (Bucket.HasChild(bucket))
            {
                free &= Bucket.OccupiedMask >> 1;
                if (free == 0)
                {
                    bucket = Bucket.Child(arena, bucket);
                    continue;
                }
            }
            else if (free == 0)
            {
                bucket = AddChild(arena, table, bucket);
                continue;
            }
            int slot = BitOperations.TrailingZeroCount(free);
            Bucket.Fill(bucket, slot, tag, offset);
            return Bucket.SlotPointer(bucket, slot);
        }
    }

    private static byte* AddChild(Arena arena, TableHeader* table, byte* bucket)
    {
        long at = arena.AllocateLines(Bucket.Bytes);
        byte* child = arena.At(at);
        Bucket.Clear(child, 0);
        byte* last = Bucket.SlotPointer(bucket, Bucket.Slots - 1);
        Bucket.Fill(child, 0, Bucket.Tag(bucket, Bucket.Slots - 1), Bucket.Read(last));
        Bucket.Write(last, at);
        ref uint meta = ref Bucket.Meta(bucket);
        meta = meta & ~(1u << Bucket.Slots - 1) | Bucket.ChildFlag;
        table->ChildCount++;
        return child;
    }

    private static void FreeChild(Arena arena, TableHeader* table, byte* child)
    {
        arena.FreeLines(child - arena.Base, Bucket.Bytes);
        table->ChildCount--;
    }

    /// <summary>A split reads every key of the chain to hash it again: fetch them all at once, not one after the other.</summary>
    internal static void PrefetchChain(Arena arena, byte* bucket)
    {
        if (!Sse.IsSupported) return;
        while (true)
        {
            for (uint m = Bucket.Occupied(bucket); m != 0; m &= m - 1)
            {
                int slot = BitOperations.TrailingZeroCount(m);
                Sse.Prefetch0(arena.Base + Bucket.Read(Bucket.SlotPointer(bucket, slot)));
            }
            if (!Bucket.HasChild(bucket)) return;
            bucket = Bucket.Child(arena, bucket);
        }
    }
}
