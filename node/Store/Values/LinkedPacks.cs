// Why: a long list is a chain of packed lists of up to 8 KB: both ends are at hand, an index is found by skipping whole
// packs, and an element costs two bytes beside its text.
//
// Pack node in the arena:   0 i64 next, 8 i64 previous, 16 i32 cell bytes, 20 i32 unused, 24 packed list
// The cell may be larger than needed (ends grow by a quarter), never smaller. Node and list together fill one cell of the
// configured size, hence the 24 bytes less in a pack.

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

/// <summary>Value of a long list's entry: the chain's ends and totals.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal unsafe struct LinkedPacks
{
    public const int NodeHeader = 24;

    public long Head, Tail, Count;

    /// <summary>Cells of all nodes, in bytes.</summary>
    public long NodeBytes;

    public int Nodes;

    public static LinkedPacks* In(in EntryRef e) => (LinkedPacks*)e.ValuePointer;

    public static byte* List(Arena arena, long node) => arena.At(node) + NodeHeader;

    public static ref long Next(Arena arena, long node) => ref *(long*)arena.At(node);

    public static ref long Previous(Arena arena, long node) => ref *(long*)(arena.At(node) + 8);

    private static ref int Cell(Arena arena, long node) => ref *(int*)(arena.At(node) + 16);

    /// <summary>Links a new node with memory for <paramref name="listBytes"/> after <paramref name="previous"/> (0 = at the head).</summary>
    public static long AddNode(Arena arena, LinkedPacks* chain, long previous, int listBytes)
    {
        int cell = Arena.RoundUp(NodeHeader + listBytes);
        long node = arena.Allocate(cell);
        Cell(arena, node) = cell;
        long next = previous == 0 ? chain->Head : Next(arena, previous);
        Link(arena, chain, previous, node);
        Link(arena, chain, node, next);
        chain->Nodes++;
        chain->NodeBytes += cell;
        return node;
    }

    /// <summary>Links a node whose list is a copy of <paramref name="bytes"/>, and counts its elements.</summary>
    public static long AddCopy(Arena arena, LinkedPacks* chain, long previous, ReadOnlySpan<byte> bytes)
    {
        long node = AddNode(arena, chain, previous, bytes.Length);
        bytes.CopyTo(new Span<byte>(List(arena, node), bytes.Length));
        chain->Count += PackedList.Count(List(arena, node));
        return node;
    }

    /// <summary>Links a node holding one element.</summary>
    public static long AddSingle(Arena arena, LinkedPacks* chain, long previous, in Piece piece)
    {
        long node = AddNode(arena, chain, previous, PackedList.EmptyBytes + piece.Size);
        PackedList.WriteEmpty(List(arena, node));
        PackedEdit.Append(List(arena, node), piece);
        chain->Count++;
        return node;
    }

    /// <summary>Unlinks and frees a node; its elements must have been counted off.</summary>
    public static void DropNode(Arena arena, LinkedPacks* chain, long node)
    {
        Link(arena, chain, Previous(arena, node), Next(arena, node));
        chain->Nodes--;
        int cell = Cell(arena, node);
        chain->NodeBytes -= cell;
        arena.Free(node, cell);
    }

    /// <summary>
    /// Replaces <paramref name="oldBytes"/> at <paramref name="at"/> of the node's list by a gap of <paramref name="newBytes"/>.
    /// The node moves if its cell is too small, or far too large; <paramref name="node"/> follows.
    /// </summary>
    public static byte* Splice(Arena arena, LinkedPacks* chain, ref long node, int at, int oldBytes, int newBytes, int countDelta)
    {
        int needed = PackedList.TotalBytes(List(arena, node)) + newBytes - oldBytes;
        if (NodeHeader + needed > Cell(arena, node)) Move(arena, chain, ref node, NodeHeader + needed + Math.Min(needed / 4, Slack(needed)));
        PackedEdit.Splice(List(arena, node), at, oldBytes, newBytes, countDelta);
        chain->Count += countDelta;
        if (Cell(arena, node) > 64 && NodeHeader + needed < Cell(arena, node) / 2) Move(arena, chain, ref node, NodeHeader + needed);
        return List(arena, node) + at;
    }

    /// <summary>Moves the elements from <paramref name="at"/> on into a new node behind this one.</summary>
    public static void Split(Arena arena, LinkedPacks* chain, ref long node, int at)
    {
        byte* list = List(arena, node);
        int bytes = PackedList.TotalBytes(list) - 1 - at;
        int count = 0;
        for (int i = at; i >= 0; i = PackedList.Next(list, i)) count++;
        long right = AddNode(arena, chain, node, PackedList.EmptyBytes + bytes);
        byte* to = List(arena, right);
        PackedList.WriteEmpty(to);
        PackedEdit.Splice(to, PackedList.HeaderBytes, 0, bytes, count);
        Buffer.MemoryCopy(list + at, to + PackedList.HeaderBytes, bytes, bytes);
        Splice(arena, chain, ref node, at, bytes, 0, -count);
        chain->Count += count;
    }

    /// <summary>Joins a thin node with a neighbour when both fill half a pack at most, so that removals leave no long chain of crumbs.</summary>
    public static void MergeIfThin(Arena arena, LinkedPacks* chain, long node, ValueLimits limits)
    {
        if (PackedList.TotalBytes(List(arena, node)) > limits.ListPackBytes / 4) return;
        long left = Previous(arena, node), right = node;
        if (left == 0) { left = node; right = Next(arena, node); }
        if (left == 0 || right == 0) return;
        byte* from = List(arena, right);
        int bytes = PackedList.TotalBytes(from) - PackedList.EmptyBytes;
        int end = PackedList.TotalBytes(List(arena, left)) - 1;
        int count = PackedList.Count(from);
        if (!limits.ListPackFits((end + bytes) * 2L, count + PackedList.Count(List(arena, left)))) return;
        byte* to = Splice(arena, chain, ref left, end, 0, bytes, count);
        Buffer.MemoryCopy(from + PackedList.HeaderBytes, to, bytes, bytes);
        chain->Count -= count;
        DropNode(arena, chain, right);
    }

    public static void Free(Arena arena, LinkedPacks* chain)
    {
        for (long node = chain->Head; node != 0;)
        {
            long next = Next(arena, node);
            arena.Free(node, Cell(arena, node));
            node = next;
        }
        *chain = default;
    }

    // Growing ends get room for more, but not beyond the cell of a full 8 KB pack.
    private static int Slack(int needed) => Math.Max(0, 8192 - NodeHeader - needed);

    private static void Move(Arena arena, LinkedPacks* chain, ref long node, int bytes)
    {
        int old = Cell(arena, node), cell = Arena.RoundUp(bytes);
        if (old == cell) return;
        long moved = arena.Allocate(cell);
        long used = NodeHeader + PackedList.TotalBytes(List(arena, node));
        Buffer.MemoryCopy(arena.At(node), arena.At(moved), cell, used);
        Cell(arena, moved) = cell;
        Link(arena, chain, Previous(arena, moved), moved);
        Link(arena, chain, moved, Next(arena, moved));
        arena.Free(node, old);
        chain->NodeBytes += cell - old;
        node = moved;
    }

    // Makes two nodes neighbours; 0 on either side is the end of the chain.
    private static void Link(Arena arena, LinkedPacks* chain, long left, long right)
    {
        if (left == 0) chain->Head = right; else Next(arena, left) = right;
        if (right == 0) chain->Tail = left; else Previous(arena, right) = left;
    }
}
