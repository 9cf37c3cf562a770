// Where bucket number i of a table lies. Buckets are stored in segments, four per doubling: sizes 1,1,1,1, 2,2,2,2,
// 4,4,4,4, ... so that a table never holds more than about a fifth of unused buckets and never has to move one. The
// directory is a small array of segment offsets.
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Shoal.Store;

internal static unsafe class TableGeometry
{
    /// <summary>Segment number of bucket i and its place therein. Adding 4 makes the first segments no special case.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* BucketAt(Arena arena, TableHeader* table, uint index)
    {
        uint j = index + 4;
        int shift = BitOperations.Log2(j) - 2;
        uint segment = (uint)(shift << 2) + (j >> shift & 3);
        uint within = j & (1u << shift) - 1;
        byte* memory = arena.Base;
        return memory + ((long*)(memory + table->Directory))[segment] + ((long)within << 6);
    }

    /// <summary>Linear hashing: the buckets already split in this round are addressed with one bit more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint IndexOf(TableHeader* table, ulong hash)
    {
        uint index = (uint)hash & table->Mask;
        return index < table->BucketCount ? index : index & table->Mask >> 1;
    }

    /// <summary>Makes room for one bucket more at the end and returns it, not yet initialised.</summary>
    public static byte* AddBucket(Arena arena, TableHeader* table)
    {
        uint index = table->BucketCount;
        uint j = index + 4;
        int shift = BitOperations.Log2(j) - 2;
        int segment = (shift << 2) + (int)(j >> shift & 3);
        long segmentBytes = (long)Bucket.Bytes << shift;
        if ((j & (1u << shift) - 1) == 0)
        {
            if (segment >= table->DirectoryCapacity) GrowDirectory(arena, table, segment);
            long at = arena.AllocateLines(segmentBytes);
            ((long*)arena.At(table->Directory))[segment] = at;
        }
        if (segmentBytes > SizeClasses.Largest) arena.Charge(Bucket.Bytes);
        table->BucketCount++;
        if (index > table->Mask) table->Mask = table->Mask << 1 | 1;
        return BucketAt(arena, table, index);
    }

    public static void DropBucket(Arena arena, TableHeader* table)
    {
        uint index = --table->BucketCount;
        if (index > 0 && index - 1 <= table->Mask >> 1) table->Mask >>= 1;
        uint j = index + 4;
        int shift = BitOperations.Log2(j) - 2;
        int segment = (shift << 2) + (int)(j >> shift & 3);
        long segmentBytes = (long)Bucket.Bytes << shift;
        if (segmentBytes > SizeClasses.Largest) arena.Charge(-Bucket.Bytes);
        if ((j & (1u << shift) - 1) != 0) return;
        arena.FreeLines(((long*)arena.At(table->Directory))[segment], segmentBytes);
        if (index != 0) return;
        arena.Free(table->Directory, table->DirectoryCapacity * 8L);
        table->Directory = 0;
        table->DirectoryCapacity = 0;
        table->Mask = 0;
    }

    /// <summary>Bytes of buckets and directory, child buckets included.</summary>
    public static long StorageBytes(TableHeader* table) =>
        ((long)table->BucketCount + table->ChildCount) * Bucket.Bytes + table->DirectoryCapacity * 8L;

    private static void GrowDirectory(Arena arena, TableHeader* table, int segment)
    {
        int capacity = table->DirectoryCapacity == 0 ? 1 : Math.Max(4, table->DirectoryCapacity + table->DirectoryCapacity / 2);
        if (capacity <= segment) capacity = segment + 1;
        long directory = arena.Allocate(capacity * 8L);
        new Span<long>((long*)arena.At(directory), capacity).Clear();
        if (table->DirectoryCapacity > 0)
        {
            new Span<long>((long*)arena.At(table->Directory), table->DirectoryCapacity)
                .CopyTo(new Span<long>((long*)arena.At(directory), capacity));
            arena.Free(table->Directory, table->DirectoryCapacity * 8L);
        }
        table->Directory = directory;
        table->DirectoryCapacity = capacity;
    }
}
