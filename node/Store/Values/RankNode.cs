// Why: the memory layout of the nodes of a RankTree, in one place, so that the tree's code speaks of scores and children
// instead of offsets.
//
// Every node starts with: u16 item count, u8 level (0 = leaf), 5 bytes unused.
//   leaf, 512 bytes                      inner node, 1024 bytes
//     8    i64  next leaf, 0 = none        8    46 x f64  lowest score of each child
//     16   i64  previous leaf              376  46 x u32  elements below each child
//     24   37 x f64  scores                560  46 x u40  lowest member of each child
//     320  37 x u40  members               790  46 x u40  children
// u40 = arena offset / 8. A leaf costs 13.8 bytes per element when full, about 18 under random insertion.

using System.Runtime.CompilerServices;

namespace Shoal.Store.Values;

/// <summary>Accessors over one node's bytes; a node is known by its arena offset.</summary>
internal readonly unsafe struct RankNode
{
    public const int LeafBytes = 512;
    public const int InnerBytes = 1024;
    public const int LeafCapacity = 37;
    public const int InnerCapacity = 46;

    private readonly byte* _p;

    public RankNode(Arena arena, long offset) => _p = arena.At(offset);

    public int Count { get => *(ushort*)_p; set => *(ushort*)_p = (ushort)value; }

    public int Level { get => _p[2]; set => _p[2] = (byte)value; }

    public bool IsLeaf => _p[2] == 0;

    public int Capacity => IsLeaf ? LeafCapacity : InnerCapacity;

    public int Bytes => IsLeaf ? LeafBytes : InnerBytes;

    public long NextLeaf { get => *(long*)(_p + 8); set => *(long*)(_p + 8) = value; }

    public long PreviousLeaf { get => *(long*)(_p + 16); set => *(long*)(_p + 16) = value; }

    public double* Scores => (double*)(_p + (IsLeaf ? 24 : 8));

    /// <summary>Elements below each child of an inner node.</summary>
    public uint* Weights => (uint*)(_p + 376);

    private byte* Members => _p + (IsLeaf ? 320 : 560);

    private byte* Children => _p + 790;

    public long Member(int i) => Get(Members, i);

    public void SetMember(int i, long member) => Put(Members, i, member);

    public long Child(int i) => Get(Children, i);

    public void SetKey(int i, double score, long member)
    {
        Scores[i] = score;
        Put(Members, i, member);
    }

    public void SetChild(int i, double score, long member, long child, uint weight)
    {
        SetKey(i, score, member);
        Put(Children, i, child);
        Weights[i] = weight;
    }

    /// <summary>Number of elements in and below this node.</summary>
    public uint Weight
    {
        get
        {
            if (IsLeaf) return (uint)Count;
            uint sum = 0;
            for (int i = 0, n = Count; i < n; i++) sum += Weights[i];
            return sum;
        }
    }

    /// <summary>Opens a gap of one item at <paramref name="i"/>; there must be room.</summary>
    public void OpenGap(int i)
    {
        Move(this, i, this, i + 1, Count - i);
        Count++;
    }

    public void RemoveItem(int i)
    {
        Move(this, i + 1, this, i, Count - i - 1);
        Count--;
    }

    /// <summary>Copies a run of items between nodes of the same kind, or within one.</summary>
    public static void Move(RankNode from, int at, RankNode to, int toAt, int items)
    {
        if (items <= 0) return;
        Copy(from.Scores + at, to.Scores + toAt, items * 8L);
        Copy(from.Members + at * 5, to.Members + toAt * 5, items * 5L);
        if (from.IsLeaf) return;
        Copy(from.Weights + at, to.Weights + toAt, items * 4L);
        Copy(from.Children + at * 5, to.Children + toAt * 5, items * 5L);
    }

    private static void Copy(void* from, void* to, long bytes) => Buffer.MemoryCopy(from, to, bytes, bytes);

    private static long Get(byte* run, int i)
    {
        byte* p = run + i * 5;
        return (Unsafe.ReadUnaligned<uint>(p) | (long)p[4] << 32) << 3;
    }

    private static void Put(byte* run, int i, long offset)
    {
        byte* p = run + i * 5;
        long granule = offset >> 3;
        Unsafe.WriteUnaligned(p, (uint)granule);
        p[4] = (byte)(granule >> 32);
    }
}
