// Why: a large sorted set needs its members by score, by rank and by name of equal score, each in O(log n), without a
// pointer per level and member as a skip list has. This is a B+-tree over (score, member) whose inner nodes also know how
// many elements lie below each child (an order-statistic tree). Leaves are linked both ways.
//
// The members themselves are entries of the set's member table; the tree refers to them by arena offset, so an element
// costs 13 bytes here. Inner nodes repeat the lowest (score, member) of each child exactly: when the lowest element of a
// child goes, its key is replaced on the way up, so that no key ever refers to a member that is gone.
//
// Full nodes split in half, except at both ends where the new item starts a node of its own: ascending inserts (time
// stamps) and descending ones (loading what Redis saved) leave full leaves behind. A node less than a quarter full joins a neighbour if both fit in 3/4 of one.

namespace Shoal.Store.Values;

/// <summary>Root of a tree; embedded in the value of the sorted set's entry.</summary>
public struct RankTreeHeader
{
    internal long Root;
    internal uint Leaves;
    internal uint Inners;
}

/// <summary>Where an element is; valid until the next change of the tree.</summary>
public readonly record struct RankPosition(long Leaf, int Index)
{
    /// <summary>True when there is no such element.</summary>
    public bool IsNone => Leaf == 0;
}

/// <summary>Order-statistic B+-tree of (score, member) over an arena.</summary>
public static unsafe class RankTree
{
    private const int MaxHeight = 16;

    private struct Step
    {
        public long Node;
        public int Index;
    }

    /// <summary>Number of bytes of all nodes.</summary>
    public static long Bytes(in RankTreeHeader tree) =>
        tree.Leaves * (long)Arena.RoundUp(RankNode.LeafBytes) + tree.Inners * (long)Arena.RoundUp(RankNode.InnerBytes);

    public static long Count(Arena arena, in RankTreeHeader tree) => tree.Root == 0 ? 0 : new RankNode(arena, tree.Root).Weight;

    /// <summary>The text of the member entry at <paramref name="member"/>.</summary>
    internal static ReadOnlySpan<byte> MemberText(Arena arena, long member) => Entry.Key(arena.At(member));

    /// <summary>Adds an element that is not there yet.</summary>
    public static void Insert(Arena arena, ref RankTreeHeader tree, double score, long member)
    {
        if (tree.Root == 0)
        {
            tree.Root = NewNode(arena, ref tree, 0);
            var leaf = new RankNode(arena, tree.Root);
            leaf.NextLeaf = leaf.PreviousLeaf = 0;
        }
        Step* path = stackalloc Step[MaxHeight];
        int top = Descend(arena, tree, new ExactBound(score, MemberText(arena, member)), path);
        long right = InsertInLeaf(arena, ref tree, path[0], score, member);
        bool lowest = path[0].Index == 0;
        for (int level = 1; level <= top; level++)
        {
            var node = new RankNode(arena, path[level].Node);
            int i = path[level].Index;
            if (lowest) node.SetKey(i, score, member);
            lowest &= i == 0;
            if (right == 0) node.Weights[i]++;
            else
            {
                node.Weights[i] = new RankNode(arena, node.Child(i)).Weight;
                right = InsertChild(arena, ref tree, path[level].Node, i + 1, right);
            }
        }
        if (right != 0) GrowRoot(arena, ref tree, right);
    }

    /// <summary>Removes an element; false when it is not there.</summary>
    public static bool Remove(Arena arena, ref RankTreeHeader tree, double score, long member)
    {
        if (tree.Root == 0) return false;
        Step* path = stackalloc Step[MaxHeight];
        int top = Descend(arena, tree, new BehindBound(score, MemberText(arena, member)), path);
        if (path[0].Index == 0 || new RankNode(arena, path[0].Node).Member(path[0].Index - 1) != member) return false;
        RemoveAlong(arena, ref tree, path, top);
        return true;
    }

    /// <summary>Gives an element another score, in place if its order in its leaf stays the same.</summary>
    public static void Rescore(Arena arena, ref RankTreeHeader tree, double oldScore, double newScore, long member)
    {
        Step* path = stackalloc Step[MaxHeight];
        var text = MemberText(arena, member);
        int top = Descend(arena, tree, new BehindBound(oldScore, text), path);
        var leaf = new RankNode(arena, path[0].Node);
        int at = path[0].Index - 1;
        var place = new ExactBound(newScore, text);
        if (at > 0 && at < leaf.Count - 1
            && place.IsAfter(arena, leaf.Scores[at - 1], leaf.Member(at - 1))
            && !place.IsAfter(arena, leaf.Scores[at + 1], leaf.Member(at + 1)))
        {
            leaf.Scores[at] = newScore;
            return;
        }
        RemoveAlong(arena, ref tree, path, top);
        Insert(arena, ref tree, newScore, member);
    }

    // Removes the element just before path[0] in its leaf and repairs counts, keys and fill on the way up.
    private static void RemoveAlong(Arena arena, ref RankTreeHeader tree, Step* path, int top)
    {
        int at = path[0].Index - 1;
        new RankNode(arena, path[0].Node).RemoveItem(at);
        bool lowest = at == 0;
        for (int level = 1; level <= top; level++)
        {
            var node = new RankNode(arena, path[level].Node);
            int i = path[level].Index;
            node.Weights[i]--;
            var child = new RankNode(arena, node.Child(i));
            if (child.Count == 0) DropChild(arena, ref tree, node, i);
            else
            {
                if (lowest) node.SetKey(i, child.Scores[0], child.Member(0));
                if (child.Count < child.Capacity / 4) MergeChild(arena, ref tree, node, i);
            }
            lowest &= i == 0;
        }
        ShrinkRoot(arena, ref tree);
    }

    /// <summary>Number of elements before the bound.</summary>
    internal static long RankOf<TBound>(Arena arena, in RankTreeHeader tree, in TBound bound)
        where TBound : IRankBound, allows ref struct
    {
        if (tree.Root == 0) return 0;
        Step* path = stackalloc Step[MaxHeight];
        int top = Descend(arena, tree, bound, path);
        long rank = path[0].Index;
        for (int level = 1; level <= top; level++)
        {
            var node = new RankNode(arena, path[level].Node);
            for (int i = 0; i < path[level].Index; i++) rank += node.Weights[i];
        }
        return rank;
    }

    /// <summary>The element of that rank (0 = lowest), or none.</summary>
    public static RankPosition At(Arena arena, in RankTreeHeader tree, long rank)
    {
        if (tree.Root == 0 || rank < 0) return default;
        long offset = tree.Root;
        while (true)
        {
            var node = new RankNode(arena, offset);
            if (node.IsLeaf) return rank < node.Count ? new RankPosition(offset, (int)rank) : default;
            int i = 0, last = node.Count - 1;
            for (; i < last && rank >= node.Weights[i]; i++) rank -= node.Weights[i];
            offset = node.Child(i);
        }
    }

    /// <summary>Reads the element at a position.</summary>
    public static void Read(Arena arena, RankPosition at, out double score, out long member)
    {
        var leaf = new RankNode(arena, at.Leaf);
        score = leaf.Scores[at.Index];
        member = leaf.Member(at.Index);
    }

    public static RankPosition Next(Arena arena, RankPosition at)
    {
        var leaf = new RankNode(arena, at.Leaf);
        return at.Index + 1 < leaf.Count ? at with { Index = at.Index + 1 } : new RankPosition(leaf.NextLeaf, 0);
    }

    public static RankPosition Previous(Arena arena, RankPosition at)
    {
        if (at.Index > 0) return at with { Index = at.Index - 1 };
        long previous = new RankNode(arena, at.Leaf).PreviousLeaf;
        return previous == 0 ? default : new RankPosition(previous, new RankNode(arena, previous).Count - 1);
    }

    /// <summary>Frees every node; the members stay.</summary>
    public static void Free(Arena arena, ref RankTreeHeader tree)
    {
        if (tree.Root != 0) FreeBelow(arena, tree.Root);
        tree = default;
    }

    private static void FreeBelow(Arena arena, long offset)
    {
        var node = new RankNode(arena, offset);
        if (!node.IsLeaf) for (int i = 0; i < node.Count; i++) FreeBelow(arena, node.Child(i));
        arena.Free(offset, node.Bytes);
    }

    // Walks to the first element not below the bound. path[0] is its leaf and place there (which may be the leaf's end),
    // path[n] the inner node n levels up and the child taken: the last whose lowest element is before the bound, so an element
    // equal to an exclusive bound may be the first of the next leaf. Returns the level of the root.
    private static int Descend<TBound>(Arena arena, in RankTreeHeader tree, in TBound bound, Step* path)
        where TBound : IRankBound, allows ref struct
    {
        long offset = tree.Root;
        int top = new RankNode(arena, offset).Level;
        for (int level = top; ; level--)
        {
            var node = new RankNode(arena, offset);
            // In an inner node look for the last child whose lowest element is before the bound; in a leaf for the place.
            int low = level > 0 ? 1 : 0, high = node.Count;
            double* scores = node.Scores;
            while (low < high)
            {
                int middle = (int)((uint)(low + high) >> 1);
                if (bound.IsAfter(arena, scores[middle], node.Member(middle))) low = middle + 1; else high = middle;
            }
            path[level] = new Step { Node = offset, Index = level > 0 ? low - 1 : low };
            if (level == 0) return top;
            offset = node.Child(low - 1);
        }
    }

    private static long NewNode(Arena arena, ref RankTreeHeader tree, int level)
    {
        long offset = arena.Allocate(level == 0 ? RankNode.LeafBytes : RankNode.InnerBytes);
        if (level == 0) tree.Leaves++; else tree.Inners++;
        var node = new RankNode(arena, offset);
        node.Count = 0;
        node.Level = level;
        return offset;
    }

    private static void FreeNode(Arena arena, ref RankTreeHeader tree, long offset)
    {
        var node = new RankNode(arena, offset);
        if (node.IsLeaf) tree.Leaves--; else tree.Inners--;
        arena.Free(offset, node.Bytes);
    }

    // Returns the new right neighbour if the leaf had to split, else 0.
    private static long InsertInLeaf(Arena arena, ref RankTreeHeader tree, Step at, double score, long member)
    {
        var leaf = new RankNode(arena, at.Node);
        if (leaf.Count < RankNode.LeafCapacity)
        {
            leaf.OpenGap(at.Index);
            leaf.SetKey(at.Index, score, member);
            return 0;
        }
        long right = NewNode(arena, ref tree, 0);
        var next = new RankNode(arena, right);
        next.NextLeaf = leaf.NextLeaf;
        next.PreviousLeaf = at.Node;
        if (leaf.NextLeaf != 0) new RankNode(arena, leaf.NextLeaf).PreviousLeaf = right;
        bool atEnd = next.NextLeaf == 0 && at.Index == leaf.Count;
        bool atStart = leaf.PreviousLeaf == 0 && at.Index == 0;
        leaf.NextLeaf = right;
        int keep = atEnd ? leaf.Count : atStart ? 0 : leaf.Count / 2;
        RankNode.Move(leaf, keep, next, 0, leaf.Count - keep);
        next.Count = leaf.Count - keep;
        leaf.Count = keep;
        bool goesRight = atEnd || at.Index > keep;
        var target = goesRight ? next : leaf;
        int index = goesRight ? at.Index - keep : at.Index;
        target.OpenGap(index);
        target.SetKey(index, score, member);
        return right;
    }

    // Adds a child to an inner node; returns the new right neighbour if the node had to split, else 0.
    private static long InsertChild(Arena arena, ref RankTreeHeader tree, long offset, int index, long child)
    {
        var node = new RankNode(arena, offset);
        long right = 0;
        if (node.Count == RankNode.InnerCapacity)
        {
            right = NewNode(arena, ref tree, node.Level);
            var next = new RankNode(arena, right);
            int keep = index == node.Count ? node.Count : node.Count / 2;
            RankNode.Move(node, keep, next, 0, node.Count - keep);
            next.Count = node.Count - keep;
            node.Count = keep;
            if (index > keep || index == RankNode.InnerCapacity) { node = next; index -= keep; }
        }
        var below = new RankNode(arena, child);
        node.OpenGap(index);
        node.SetChild(index, below.Scores[0], below.Member(0), child, below.Weight);
        return right;
    }

    private static void GrowRoot(Arena arena, ref RankTreeHeader tree, long right)
    {
        long left = tree.Root;
        var old = new RankNode(arena, left);
        tree.Root = NewNode(arena, ref tree, old.Level + 1);
        var root = new RankNode(arena, tree.Root);
        var next = new RankNode(arena, right);
        root.SetChild(0, old.Scores[0], old.Member(0), left, old.Weight);
        root.SetChild(1, next.Scores[0], next.Member(0), right, next.Weight);
        root.Count = 2;
    }

    private static void ShrinkRoot(Arena arena, ref RankTreeHeader tree)
    {
        while (true)
        {
            var root = new RankNode(arena, tree.Root);
            if (root.Count > 1 || (root.IsLeaf && root.Count == 1)) return;
            long only = root.Count == 1 ? root.Child(0) : 0;
            FreeNode(arena, ref tree, tree.Root);
            tree.Root = only;
            if (only == 0) return;
        }
    }

    private static void DropChild(Arena arena, ref RankTreeHeader tree, RankNode parent, int i)
    {
        long offset = parent.Child(i);
        if (new RankNode(arena, offset).IsLeaf) UnlinkLeaf(arena, offset);
        FreeNode(arena, ref tree, offset);
        parent.RemoveItem(i);
        // the caller refreshes the keys above when this was the first child
    }

    private static void UnlinkLeaf(Arena arena, long offset)
    {
        var leaf = new RankNode(arena, offset);
        if (leaf.PreviousLeaf != 0) new RankNode(arena, leaf.PreviousLeaf).NextLeaf = leaf.NextLeaf;
        if (leaf.NextLeaf != 0) new RankNode(arena, leaf.NextLeaf).PreviousLeaf = leaf.PreviousLeaf;
    }

    private static void MergeChild(Arena arena, ref RankTreeHeader tree, RankNode parent, int i)
    {
        if (parent.Count < 2) return;
        int l = i == 0 ? 0 : i - 1;
        var left = new RankNode(arena, parent.Child(l));
        var right = new RankNode(arena, parent.Child(l + 1));
        if (left.Count + right.Count > left.Capacity * 3 / 4) return;
        RankNode.Move(right, 0, left, left.Count, right.Count);
        left.Count += right.Count;
        parent.Weights[l] += parent.Weights[l + 1];
        long gone = parent.Child(l + 1);
        if (right.IsLeaf) UnlinkLeaf(arena, gone);
        FreeNode(arena, ref tree, gone);
        parent.RemoveItem(l + 1);
    }
}
