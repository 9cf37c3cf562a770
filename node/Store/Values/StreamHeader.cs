// Why: the value of a stream's entry is this header; everything else of the stream hangs on it in the arena: packs of
// entries behind a tree, and a table of groups.
//
// Pack cell in the arena:  0 i32 cell bytes   4 unused   8 packed list (see StreamPack)

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

/// <summary>What a stream knows of itself.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public unsafe struct StreamHeader
{
    internal const int PackHead = 8;

    /// <summary>Master ID -> pack.</summary>
    internal IdTreeHeader Packs;

    /// <summary>Name -> <see cref="GroupHeader"/>.</summary>
    internal MemberTable Groups;

    /// <summary>Cells of all packs, in bytes.</summary>
    internal long PackBytes;

    /// <summary>Entries.</summary>
    public long Length;

    /// <summary>Highest ID ever added or set; new ones must be above.</summary>
    public StreamId LastId;

    /// <summary>ID of the first entry; 0-0 when there is none.</summary>
    public StreamId FirstId;

    /// <summary>Highest ID ever deleted by XDEL.</summary>
    public StreamId MaxDeletedId;

    /// <summary>Entries ever added.</summary>
    public long EntriesAdded;

    /// <summary>Nodes in the tree of packs, as XINFO shows them.</summary>
    public readonly long PackCount => Packs.Count;

    public readonly long GroupCount => Groups.Count;

    internal static StreamHeader* In(in EntryRef e) => (StreamHeader*)e.ValuePointer;

    internal static byte* List(Arena arena, long pack) => arena.At(pack) + PackHead;

    internal static ref int Cell(Arena arena, long pack) => ref *(int*)arena.At(pack);

    /// <summary>A new cell with memory for a list of <paramref name="listBytes"/>.</summary>
    internal static long NewPack(Arena arena, StreamHeader* s, int listBytes)
    {
        int cell = Arena.RoundUp(PackHead + listBytes);
        long pack = arena.Allocate(cell);
        Cell(arena, pack) = cell;
        s->PackBytes += cell;
        return pack;
    }

    internal static void FreePack(Arena arena, StreamHeader* s, long pack)
    {
        int cell = Cell(arena, pack);
        s->PackBytes -= cell;
        arena.Free(pack, cell);
    }

    /// <summary>Sees to it that a pack's cell holds <paramref name="listBytes"/>; returns where the pack is now.</summary>
    internal static long Fit(Arena arena, StreamHeader* s, IdPosition at, int listBytes)
    {
        ref long pack = ref IdTree.ValueAt(arena, at);
        if (Arena.RoundUp(PackHead + listBytes) == Cell(arena, pack)) return pack;
        long old = pack;
        int used = PackedList.TotalBytes(List(arena, old));
        pack = NewPack(arena, s, listBytes);
        Buffer.MemoryCopy(List(arena, old), List(arena, pack), listBytes, Math.Min(used, listBytes));
        FreePack(arena, s, old);
        return pack;
    }

    /// <summary>Replaces the number at <paramref name="position"/> of a pack's list.</summary>
    internal static void SetNumber(Arena arena, StreamHeader* s, IdPosition at, int position, long value)
    {
        long pack = IdTree.ValueAt(arena, at);
        byte* list = List(arena, pack);
        var piece = new Piece(value);
        int needed = PackedList.TotalBytes(list) + piece.Size - PackedList.ElementBytes(list + position);
        if (PackHead + needed > Cell(arena, pack)) list = List(arena, Fit(arena, s, at, needed));
        PackedEdit.Replace(list, position, piece);
    }
}
