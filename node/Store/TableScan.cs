// SCAN over a table that may grow and shrink between calls, and fair random choice.
//
// The cursor counts with its bits reversed. Read so, a cursor is a position between 0 and 1, and a bucket addressed by k
// bits owns the interval of length 2^-k that starts at its reversed number. Splitting a bucket halves its interval, merging
// joins two. A step visits the bucket whose interval holds the cursor and moves to that interval's end: whatever happened in
// between, all that lies before the cursor has been visited. An element present all the time is therefore seen at least
// once; after a shrink some may be seen twice. (Idea: Pieter Noordhuis, for Redis.)
using System.Numerics;

namespace Shoal.Store;

/// <summary>Cursor scan and random choice over a <see cref="Table"/>.</summary>
public static unsafe class TableScan
{
    // A chain longer than this makes its entries slightly less likely in a random choice; fewer than 1 in 1000 are.
    private const int RandomChainLimit = 24;

    /// <summary>Visits one bucket; returns the next cursor, 0 when the scan is complete.</summary>
    public static ulong Step<TVisitor>(Arena arena, TableHeader* table, ulong cursor, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor, allows ref struct
    {
        if (table->BucketCount == 0) return 0;
        uint index = BucketOf(table, cursor, out ulong next);
        foreach (TablePosition at in new TableEntries(arena, table, index, index + 1))
            visitor.Visit(at.Entry);
        return next;
    }

    /// <summary>The bucket a cursor stands on, and the cursor behind it.</summary>
    internal static uint BucketOf(TableHeader* table, ulong cursor, out ulong next)
    {
        uint count = table->BucketCount, mask = table->Mask, half = mask >> 1;
        uint index = (uint)cursor & mask;
        if (index >= count || index <= half && index + half + 1 >= count && mask != 0)
        {
            mask = half;
            index &= mask;
        }
        next = Advance(cursor, mask);
        return index;
    }

    /// <summary>An entry chosen with equal chances; <paramref name="random"/> gives uniform 64-bit numbers.</summary>
    public static TablePosition Random(Arena arena, TableHeader* table, ref SmallRandom random)
    {
        if (table->EntryCount == 0) return default;
        // Rejection: a bucket is accepted in proportion to its entries, then each of them is equally likely.
        while (true)
        {
            uint index = random.Below(table->BucketCount);
            int want = (int)random.Below(RandomChainLimit), length = 0;
            foreach (TablePosition at in new TableEntries(arena, table, index, index + 1))
                if (length++ == want) return at;
        }
    }

    private static ulong Advance(ulong cursor, uint mask)
    {
        cursor |= ~(ulong)mask;
        cursor = Reverse(cursor) + 1;
        return Reverse(cursor);
    }

    private static ulong Reverse(ulong v)
    {
        v = v >> 1 & 0x5555555555555555 | (v & 0x5555555555555555) << 1;
        v = v >> 2 & 0x3333333333333333 | (v & 0x3333333333333333) << 2;
        v = v >> 4 & 0x0F0F0F0F0F0F0F0F | (v & 0x0F0F0F0F0F0F0F0F) << 4;
        return System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(v);
    }
}
