// Why: a stream finds its packs by ID, a group and each consumer their pending entries by ID, and all of them walk on from
// there. This is one B+-tree from StreamId to a 64-bit value for the three.
//
// Most trees are tiny (the pending entries of one consumer) or grow at the right end only (time passes). So a tree of one
// node has a node as small as its items, and a full last node stays full: the new item starts the next one. A node less
// than a quarter full joins a neighbour below the same parent if both fit in three quarters of one.

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

/// <summary>Root of a tree, embedded in what owns it. All zero = empty.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct IdTreeHeader
{
    internal long Root;

    /// <summary>Items.</summary>
    public long Count;

    /// <summary>Cells of all nodes, in bytes.</summary>
    public long NodeBytes;
}

/// <summary>Where an item is; valid until the next change of the tree.</summary>
public readonly record struct IdPosition(long Node, int Index)
{
    /// <summary>True when there is no such item.</summary>
    public bool IsNone => Node == 0;
}

/// <summary>B+-tree from stream IDs to values other than 0, over an arena.</summary>
public static unsafe class IdTree
{
    private const int Fan = 64, SmallestNode = 2, MaxHeight = 16;

    private struct Step
    {
        public long Node;
        public int Index;
    }

    public static StreamId IdAt(Arena arena, IdPosition at) => Node(arena, at.Node).Id(at.Index);

    /// <summary>The value at a position; may be replaced.</summary>
    public static ref long ValueAt(Arena arena, IdPosition at) => ref Node(arena, at.Node).Value(at.Index);

    /// <summary>The value of an ID, or 0.</summary>
    public static long Find(Arena arena, in IdTreeHeader tree, StreamId id)
    {
        var at = Floor(arena, tree, id);
        return !at.IsNone && IdAt(arena, at) == id ? ValueAt(arena, at) : 0;
    }

    public static IdPosition First(Arena arena, in IdTreeHeader tree) => Ceiling(arena, tree, StreamId.Zero);

    public static IdPosition Last(Arena arena, in IdTreeHeader tree) => Floor(arena, tree, StreamId.Max);

    /// <summary>The last item at or below an ID.</summary>
    public static IdPosition Floor(Arena arena, in IdTreeHeader tree, StreamId id)
    {
        if (tree.Root == 0) return default;
        long leaf = Leaf(arena, tree, id);
        int i = Node(arena, leaf).Floor(id);
        return i >= 0 ? new IdPosition(leaf, i) : Previous(arena, new IdPosition(leaf, 0));
    }

    /// <summary>The first item at or above an ID.</summary>
    public static IdPosition Ceiling(Arena arena, in IdTreeHeader tree, StreamId id)
    {
        if (tree.Root == 0) return default;
        long leaf = Leaf(arena, tree, id);
        int i = Node(arena, leaf).Floor(id);
        var below = new IdPosition(leaf, i);
        return i >= 0 && Node(arena, leaf).Id(i) == id ? below : Next(arena, below);
    }

    public static IdPosition Next(Arena arena, IdPosition at)
    {
        var node = Node(arena, at.Node);
        if (at.Index + 1 < node.Count) return at with { Index = at.Index + 1 };
        return node.Next == 0 ? default : new IdPosition(node.Next, 0);
    }

    public static IdPosition Previous(Arena arena, IdPosition at)
    {
        if (at.Index > 0) return at with { Index = at.Index - 1 };
        long before = Node(arena, at.Node).Previous;
        return before == 0 ? default : new IdPosition(before, Node(arena, before).Count - 1);
    }

    /// <summary>Adds an ID; false when it is there already (nothing changes then).</summary>
    public static bool Insert(Arena arena, ref IdTreeHeader tree, StreamId id, long value)
    {
        if (tree.Root == 0) tree.Root = NewNode(arena, ref tree, 0, SmallestNode);
        Step* path = stackalloc Step[MaxHeight];
        int top = Descend(arena, tree, id, path);
        var leaf = Node(arena, path[0].Node);
        int floor = path[0].Index;
        if (floor >= 0 && leaf.Id(floor) == id) return false;
        tree.Count++;
        for (int level = 0; ; level++)
        {
            long at = path[level].Node;
            int i = path[level].Index + 1;
            if (Node(arena, at).Count == Node(arena, at).Capacity && Node(arena, at).Capacity < Fan)
                at = tree.Root = Resized(arena, ref tree, at, Node(arena, at).Capacity * 2);
            if (Node(arena, at).Count < Fan)
            {
                Node(arena, at).Insert(i, id, value);
                return true;
            }
            long right = Split(arena, ref tree, at, i, id, value);
            if (level == top)
            {
                GrowRoot(arena, ref tree, right);
                return true;
            }
            id = Node(arena, right).Id(0);
            value = right;
        }
    }

    /// <summary>Removes an ID; false when it is not there.</summary>
    public static bool Remove(Arena arena, ref IdTreeHeader tree, StreamId id)
    {
        if (tree.Root == 0) return false;
        Step* path = stackalloc Step[MaxHeight];
        int top = Descend(arena, tree, id, path);
        var leaf = Node(arena, path[0].Node);
        if (path[0].Index < 0 || leaf.Id(path[0].Index) != id) return false;
        leaf.RemoveAt(path[0].Index);
        tree.Count--;
        for (int level = 0; level < top; level++)
        {
            var parent = Node(arena, path[level + 1].Node);
            int gone = Emptied(arena, ref tree, parent, path[level].Node, path[level + 1].Index);
            if (gone < 0) break;
            parent.RemoveAt(gone);
        }
        ShrinkRoot(arena, ref tree);
        return true;
    }

    /// <summary>Frees all nodes; what the values stand for is the caller's.</summary>
    public static void Free(Arena arena, ref IdTreeHeader tree)
    {
        for (long level = tree.Root; level != 0;)
        {
            var first = Node(arena, level);
            long below = first.Level > 0 ? first.Value(0) : 0;
            for (long node = level; node != 0;)
            {
                long next = Node(arena, node).Next;
                Drop(arena, ref tree, node);
                node = next;
            }
            level = below;
        }
        tree = default;
    }

    private static IdNode Node(Arena arena, long node) => new(arena.At(node));

    private static long Leaf(Arena arena, in IdTreeHeader tree, StreamId id)
    {
        long at = tree.Root;
        for (var node = Node(arena, at); node.Level > 0; node = Node(arena, at)) at = node.Value(Math.Max(node.Floor(id), 0));
        return at;
    }

    /// <summary>Fills the path from the leaf (step 0) to the root; returns the root's level. A leaf's index is that of the floor.</summary>
    private static int Descend(Arena arena, in IdTreeHeader tree, StreamId id, Step* path)
    {
        int top = Node(arena, tree.Root).Level;
        long at = tree.Root;
        for (int level = top; ; level--)
        {
            var node = Node(arena, at);
            int i = level > 0 ? Math.Max(node.Floor(id), 0) : node.Floor(id);
            path[level] = new Step { Node = at, Index = i };
            if (level == 0) return top;
            at = node.Value(i);
        }
    }

    /// <summary>Puts an item into a full node by giving it a right neighbour, which is returned.</summary>
    private static long Split(Arena arena, ref IdTreeHeader tree, long left, int i, StreamId id, long value)
    {
        var from = Node(arena, left);
        long right = NewNode(arena, ref tree, from.Level, Fan);
        var to = Node(arena, right);
        bool atEnd = i == from.Count && from.Next == 0;
        if (from.Next != 0) Node(arena, from.Next).Previous = right;
        to.Next = from.Next;
        to.Previous = left;
        from.Next = right;
        int middle = atEnd ? from.Count : from.Count / 2;
        to.Take(from, middle);
        if (i < middle || (i == middle && !atEnd)) from.Insert(i, id, value);
        else to.Insert(i - middle, id, value);
        return right;
    }

    private static void GrowRoot(Arena arena, ref IdTreeHeader tree, long right)
    {
        long left = tree.Root;
        tree.Root = NewNode(arena, ref tree, Node(arena, left).Level + 1, SmallestNode);
        var root = Node(arena, tree.Root);
        root.Insert(0, StreamId.Zero, left);
        root.Insert(1, Node(arena, right).Id(0), right);
    }

    /// <summary>
    /// Frees a child that became empty, or joins it with a neighbour if it is thin. Returns the index of the parent's item that
    /// must go, or -1.
    /// </summary>
    private static int Emptied(Arena arena, ref IdTreeHeader tree, IdNode parent, long child, int index)
    {
        var node = Node(arena, child);
        if (node.Count == 0)
        {
            Unlink(arena, ref tree, child);
            return index;
        }
        if (node.Count > Fan / 4 || parent.Count < 2) return -1;
        int right = index + 1 < parent.Count ? index + 1 : index;
        var a = Node(arena, parent.Value(right - 1));
        var b = Node(arena, parent.Value(right));
        if (a.Count + b.Count > Fan * 3 / 4) return -1;
        // The first key of an inner node may be stale; among others it counts, and the parent knows the true bound.
        if (b.Level > 0) b.SetId(0, parent.Id(right));
        a.Take(b, 0);
        Unlink(arena, ref tree, parent.Value(right));
        return right;
    }

    private static void ShrinkRoot(Arena arena, ref IdTreeHeader tree)
    {
        while (tree.Root != 0)
        {
            var root = Node(arena, tree.Root);
            if (root.Count > 1 || (root.Count == 1 && root.Level == 0)) break;
            long child = root.Count == 0 ? 0 : root.Value(0);
            Drop(arena, ref tree, tree.Root);
            tree.Root = child;
        }
        if (tree.Root == 0) return;
        int capacity = Node(arena, tree.Root).Capacity;
        if (capacity > SmallestNode && Node(arena, tree.Root).Count <= capacity / 4)
            tree.Root = Resized(arena, ref tree, tree.Root, capacity / 2);
    }

    private static long NewNode(Arena arena, ref IdTreeHeader tree, int level, int capacity)
    {
        int cell = Arena.RoundUp(IdNode.Bytes(capacity));
        long at = arena.Allocate(cell);
        new Span<byte>(arena.At(at), IdNode.Header).Clear();
        Node(arena, at).Capacity = capacity;
        Node(arena, at).Level = level;
        tree.NodeBytes += cell;
        return at;
    }

    /// <summary>A copy of a node without neighbours in another size; the old one is freed.</summary>
    private static long Resized(Arena arena, ref IdTreeHeader tree, long old, int capacity)
    {
        long at = NewNode(arena, ref tree, Node(arena, old).Level, capacity);
        Node(arena, at).Take(Node(arena, old), 0);
        Drop(arena, ref tree, old);
        return at;
    }

    private static void Unlink(Arena arena, ref IdTreeHeader tree, long node)
    {
        var gone = Node(arena, node);
        if (gone.Previous != 0) Node(arena, gone.Previous).Next = gone.Next;
        if (gone.Next != 0) Node(arena, gone.Next).Previous = gone.Previous;
        Drop(arena, ref tree, node);
    }

    private static void Drop(Arena arena, ref IdTreeHeader tree, long node)
    {
        int cell = Arena.RoundUp(IdNode.Bytes(Node(arena, node).Capacity));
        arena.Free(node, cell);
        tree.NodeBytes -= cell;
    }
}
