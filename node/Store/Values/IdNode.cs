// Why: the bytes of one node of an IdTree.
//
//   0 i32 items   4 i32 capacity   8 i64 next   16 i64 previous   24 i32 level (0 = leaf)   28 unused
//  32 items of 24 bytes: u64 ms, u64 seq, i64 value (leaf) or child (inner)
//
// Nodes of one level are linked both ways. The key of an inner node's first item is never looked at: what is smaller
// than the second key belongs to the first child.

using System.Runtime.CompilerServices;

namespace Shoal.Store.Values;

/// <summary>One node, seen at its address.</summary>
internal readonly unsafe struct IdNode(byte* at)
{
    public const int Header = 32, ItemBytes = 24;

    public static int Bytes(int capacity) => Header + capacity * ItemBytes;

    public ref int Count => ref *(int*)at;

    public ref int Capacity => ref *(int*)(at + 4);

    public ref long Next => ref *(long*)(at + 8);

    public ref long Previous => ref *(long*)(at + 16);

    public ref int Level => ref *(int*)(at + 24);

    public StreamId Id(int i) => Unsafe.ReadUnaligned<StreamId>(Item(i));

    public ref long Value(int i) => ref *(long*)(Item(i) + 16);

    public void SetId(int i, StreamId id) => Unsafe.WriteUnaligned(Item(i), id);

    /// <summary>Index of the last item at or below <paramref name="id"/>; -1 when all are above.</summary>
    public int Floor(StreamId id)
    {
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (Id(middle) <= id) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }

    /// <summary>Inserts an item; there must be room.</summary>
    public void Insert(int i, StreamId id, long value)
    {
        Move(this, i, i + 1, Count - i);
        Count++;
        SetId(i, id);
        Value(i) = value;
    }

    public void RemoveAt(int i)
    {
        Move(this, i + 1, i, Count - i - 1);
        Count--;
    }

    /// <summary>Appends the items of <paramref name="from"/> starting at <paramref name="first"/>; there must be room.</summary>
    public void Take(IdNode from, int first)
    {
        int moved = from.Count - first;
        Buffer.MemoryCopy(from.Item(first), Item(Count), (long)moved * ItemBytes, (long)moved * ItemBytes);
        Count += moved;
        from.Count = first;
    }

    private byte* Item(int i) => at + Header + i * ItemBytes;

    private static void Move(IdNode node, int from, int to, int count) =>
        Buffer.MemoryCopy(node.Item(from), node.Item(to), (long)count * ItemBytes, (long)count * ItemBytes);
}
