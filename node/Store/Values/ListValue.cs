// Why: a short list is one packed list in the entry itself; past list-max-listpack-size it becomes a chain of packs, and a
// chain that has shrunk to half of one pack turns back.
//
// The caller holds an entry found with FindForWrite for everything that changes it, and removes the key when the last
// element went.

namespace Shoal.Store.Values;

/// <summary>Operations on entries of type List. Indexes count from 0; negative ones are for the caller to resolve.</summary>
public static unsafe class ListValue
{
    /// <summary>A new list of one element. The key must be absent.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value)
    {
        var piece = new Piece(value);
        if (keys.Limits.ListPackFits(PackedList.EmptyBytes + piece.Size, 1))
        {
            var small = EntryPack.Create(keys, key, slot, ValueType.List, piece.Size);
            PackedEdit.Append(small.ValuePointer, piece);
            return small;
        }
        var e = CreateLinked(keys, key, slot);
        LinkedPacks.AddSingle(keys.Arena, LinkedPacks.In(e), 0, piece);
        return e;
    }

    /// <summary>A new list from validated, non-empty packed list bytes. The key must be absent.</summary>
    public static EntryRef FromPacked(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* list = bytes)
        {
            if (keys.Limits.ListPackFits(bytes.Length, PackedList.Count(list)))
            {
                var small = keys.Create(key, slot, ValueType.List, Encoding.PackedList, bytes.Length);
                bytes.CopyTo(small.Value);
                return small;
            }
        }
        var e = CreateLinked(keys, key, slot);
        LinkedPacks.AddCopy(keys.Arena, LinkedPacks.In(e), 0, bytes);
        return e;
    }

    /// <summary>Appends a whole validated, non-empty pack (loading lists saved pack by pack).</summary>
    public static void AppendPacked(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> bytes)
    {
        ToLinked(keys, ref e);
        var chain = LinkedPacks.In(e);
        LinkedPacks.AddCopy(keys.Arena, chain, chain->Tail, bytes);
    }

    public static long Count(in EntryRef e) =>
        e.Encoding == Encoding.PackedList ? PackedList.Count(e.ValuePointer) : LinkedPacks.In(e)->Count;

    public static void PushHead(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> value)
    {
        var piece = new Piece(value);
        if (StaysPacked(keys, ref e, piece)) { EntryPack.Insert(keys, ref e, PackedList.HeaderBytes, piece); return; }
        var chain = LinkedPacks.In(e);
        long node = chain->Head;
        if (!HasRoom(keys, node, piece)) { LinkedPacks.AddSingle(keys.Arena, chain, 0, piece); return; }
        piece.Write(LinkedPacks.Splice(keys.Arena, chain, ref node, PackedList.HeaderBytes, 0, piece.Size, 1));
    }

    public static void PushTail(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> value)
    {
        var piece = new Piece(value);
        if (StaysPacked(keys, ref e, piece)) { EntryPack.Append(keys, ref e, piece); return; }
        var chain = LinkedPacks.In(e);
        long node = chain->Tail;
        if (!HasRoom(keys, node, piece)) { LinkedPacks.AddSingle(keys.Arena, chain, node, piece); return; }
        int end = PackedList.TotalBytes(LinkedPacks.List(keys.Arena, node)) - 1;
        piece.Write(LinkedPacks.Splice(keys.Arena, chain, ref node, end, 0, piece.Size, 1));
    }

    /// <summary>The first or last element; the list must not be empty.</summary>
    public static Element Peek(Keyspace keys, in EntryRef e, bool head)
    {
        byte* list = e.ValuePointer;
        if (e.Encoding != Encoding.PackedList)
            list = LinkedPacks.List(keys.Arena, head ? LinkedPacks.In(e)->Head : LinkedPacks.In(e)->Tail);
        return PackedList.Read(list, head ? PackedList.First(list) : PackedList.Last(list));
    }

    /// <summary>Element <paramref name="index"/>; false when out of range.</summary>
    public static bool TryGet(Keyspace keys, in EntryRef e, long index, out Element value)
    {
        value = default;
        if (index < 0 || index >= Count(e)) return false;
        var place = Seek(keys, e, index);
        value = PackedList.Read(place.List(keys, e), place.At);
        return true;
    }

    /// <summary>Replaces element <paramref name="index"/>, which must exist.</summary>
    public static void Set(Keyspace keys, ref EntryRef e, long index, ReadOnlySpan<byte> value)
    {
        var piece = new Piece(value);
        if (!StaysPacked(keys, ref e, piece)) // as if it were added: an upper bound
        {
            SetLinked(keys, e, index, piece);
            return;
        }
        EntryPack.Replace(keys, ref e, PackedList.Seek(e.ValuePointer, (int)index), piece);
    }

    /// <summary>Inserts before or after the first element equal to <paramref name="pivot"/>; false when there is none.</summary>
    public static bool Insert(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> pivot, bool after, ReadOnlySpan<byte> value)
    {
        var wanted = new Piece(pivot);
        long index = 0;
        bool found = false;
        foreach (var here in Enumerate(keys, e))
        {
            found = here.Matches(wanted);
            if (found) break;
            index++;
        }
        if (!found) return false;
        if (after) index++;
        if (index == 0) PushHead(keys, ref e, value);
        else if (index == Count(e)) PushTail(keys, ref e, value);
        else InsertInside(keys, ref e, index, new Piece(value));
        return true;
    }

    /// <summary>Removes <paramref name="count"/> elements from index <paramref name="first"/> on; both must be in range.</summary>
    public static void RemoveRange(Keyspace keys, ref EntryRef e, long first, long count)
    {
        if (count <= 0) return;
        if (e.Encoding == Encoding.PackedList)
        {
            EntryPack.Remove(keys, ref e, PackedList.Seek(e.ValuePointer, (int)first), (int)count);
            return;
        }
        var chain = LinkedPacks.In(e);
        var arena = keys.Arena;
        var place = Seek(keys, e, first);
        long node = place.Node;
        int at = place.At;
        while (count > 0)
        {
            long next = LinkedPacks.Next(arena, node);
            byte* list = LinkedPacks.List(arena, node);
            int bytes = PackedEdit.RunBytes(list, at, (int)Math.Min(count, int.MaxValue), out int found);
            count -= found;
            RemoveRun(keys, chain, node, at, bytes, found);
            node = next;
            at = PackedList.HeaderBytes;
        }
        BackToPacked(keys, ref e);
    }

    /// <summary>
    /// Removes up to <paramref name="limit"/> elements equal to <paramref name="value"/>, from the head or from the tail on.
    /// Returns how many.
    /// </summary>
    public static long RemoveEqual(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> value, long limit, bool fromTail)
    {
        var wanted = new Piece(value);
        long removed = 0;
        if (e.Encoding == Encoding.PackedList)
        {
            int at = fromTail ? PackedList.Last(e.ValuePointer) : PackedList.First(e.ValuePointer);
            while (at >= 0 && removed < limit)
            {
                if (PackedList.Matches(e.ValuePointer, at, wanted))
                {
                    EntryPack.Remove(keys, ref e, at, 1);
                    removed++;
                    at = Resume(e.ValuePointer, at, fromTail);
                }
                else at = fromTail ? PackedList.Prev(e.ValuePointer, at) : PackedList.Next(e.ValuePointer, at);
            }
            return removed;
        }
        var chain = LinkedPacks.In(e);
        for (long node = fromTail ? chain->Tail : chain->Head; node != 0 && removed < limit;)
        {
            long onward = fromTail ? LinkedPacks.Previous(keys.Arena, node) : LinkedPacks.Next(keys.Arena, node);
            removed += RemoveEqualIn(keys, chain, node, wanted, limit - removed, fromTail);
            node = onward;
        }
        if (removed > 0) BackToPacked(keys, ref e);
        return removed;
    }

    /// <summary>All elements from the head on.</summary>
    public static ListCursor Enumerate(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, e, 0, false);

    /// <summary>Elements from an index on, towards the tail or the head.</summary>
    public static ListCursor EnumerateFrom(Keyspace keys, scoped in EntryRef e, long index, bool towardsHead) => new(keys.Arena, e, index, towardsHead);

    /// <summary>The packs of the list in order: packed list bytes, each holding one element or more.</summary>
    public static PackCursor Packs(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, e);

    internal static ListPlace Seek(Keyspace keys, in EntryRef e, long index) => ListPlace.Seek(keys.Arena, e, index);

    // True when the value is a packed list and remains one with this piece more; converts it otherwise.
    private static bool StaysPacked(Keyspace keys, ref EntryRef e, in Piece piece)
    {
        if (e.Encoding != Encoding.PackedList) return false;
        if (keys.Limits.ListPackFits((long)e.ValueLength + piece.Size, PackedList.Count(e.ValuePointer) + 1L)) return true;
        ToLinked(keys, ref e);
        return false;
    }

    private static bool HasRoom(Keyspace keys, long node, in Piece piece)
    {
        byte* list = LinkedPacks.List(keys.Arena, node);
        return keys.Limits.ListPackFits(LinkedPacks.NodeHeader + (long)PackedList.TotalBytes(list) + piece.Size, PackedList.Count(list) + 1L);
    }

    private static void SetLinked(Keyspace keys, in EntryRef e, long index, in Piece piece)
    {
        var place = Seek(keys, e, index);
        long node = place.Node;
        int old = PackedList.ElementBytes(LinkedPacks.List(keys.Arena, node) + place.At);
        piece.Write(LinkedPacks.Splice(keys.Arena, LinkedPacks.In(e), ref node, place.At, old, piece.Size, 0));
    }

    private static void InsertInside(Keyspace keys, ref EntryRef e, long index, in Piece piece)
    {
        if (StaysPacked(keys, ref e, piece))
        {
            EntryPack.Insert(keys, ref e, PackedList.Seek(e.ValuePointer, (int)index), piece);
            return;
        }
        var chain = LinkedPacks.In(e);
        var arena = keys.Arena;
        var place = Seek(keys, e, index);
        long node = place.Node;
        int at = place.At;
        if (!HasRoom(keys, node, piece))
        {
            if (at > PackedList.HeaderBytes) LinkedPacks.Split(arena, chain, ref node, at);
            else node = LinkedPacks.Previous(arena, node);
            if (node == 0 || !HasRoom(keys, node, piece)) { LinkedPacks.AddSingle(arena, chain, node, piece); return; }
            at = PackedList.TotalBytes(LinkedPacks.List(arena, node)) - 1;
        }
        piece.Write(LinkedPacks.Splice(arena, chain, ref node, at, 0, piece.Size, 1));
    }

    // Removes a run of one node's elements; the node goes when nothing is left.
    private static void RemoveRun(Keyspace keys, LinkedPacks* chain, long node, int at, int bytes, int count)
    {
        if (bytes == PackedList.TotalBytes(LinkedPacks.List(keys.Arena, node)) - PackedList.EmptyBytes)
        {
            chain->Count -= count;
            LinkedPacks.DropNode(keys.Arena, chain, node);
            return;
        }
        LinkedPacks.Splice(keys.Arena, chain, ref node, at, bytes, 0, -count);
    }

    private static long RemoveEqualIn(Keyspace keys, LinkedPacks* chain, long node, in Piece wanted, long limit, bool fromTail)
    {
        long removed = 0;
        byte* list = LinkedPacks.List(keys.Arena, node);
        int at = fromTail ? PackedList.Last(list) : PackedList.First(list);
        while (at >= 0 && removed < limit)
        {
            list = LinkedPacks.List(keys.Arena, node);
            if (!PackedList.Matches(list, at, wanted))
            {
                at = fromTail ? PackedList.Prev(list, at) : PackedList.Next(list, at);
                continue;
            }
            removed++;
            int bytes = PackedList.ElementBytes(list + at);
            if (bytes == PackedList.TotalBytes(list) - PackedList.EmptyBytes)
            {
                RemoveRun(keys, chain, node, at, bytes, 1);
                return removed;
            }
            LinkedPacks.Splice(keys.Arena, chain, ref node, at, bytes, 0, -1);
            at = Resume(LinkedPacks.List(keys.Arena, node), at, fromTail);
        }
        return removed;
    }

    // Where to go on after the element at that position was removed.
    private static int Resume(byte* list, int at, bool fromTail) =>
        fromTail ? PackedList.Prev(list, at) : at == PackedList.TotalBytes(list) - 1 ? -1 : at;

    private static EntryRef CreateLinked(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = keys.Create(key, slot, ValueType.List, Encoding.LinkedPacks, sizeof(LinkedPacks));
        *LinkedPacks.In(e) = default;
        return e;
    }

    private static void ToLinked(Keyspace keys, ref EntryRef e)
    {
        if (e.Encoding != Encoding.PackedList) return;
        LinkedPacks chain = default;
        LinkedPacks.AddCopy(keys.Arena, &chain, 0, e.Value);
        keys.SetEncoding(ref e, Encoding.LinkedPacks, sizeof(LinkedPacks));
        *LinkedPacks.In(e) = chain;
    }

    private static void BackToPacked(Keyspace keys, ref EntryRef e)
    {
        // Removals thin the nodes they touch; the ends are what queues wear down.
        var live = LinkedPacks.In(e);
        if (live->Nodes > 1) LinkedPacks.MergeIfThin(keys.Arena, live, live->Head, keys.Limits);
        if (live->Nodes > 1) LinkedPacks.MergeIfThin(keys.Arena, live, live->Tail, keys.Limits);
        LinkedPacks chain = *live;
        if (chain.Nodes != 1) return;
        byte* list = LinkedPacks.List(keys.Arena, chain.Head);
        if (!keys.Limits.ListPackFits(PackedList.TotalBytes(list) * 2L, chain.Count * 2)) return;
        int bytes = PackedList.TotalBytes(list);
        keys.SetEncoding(ref e, Encoding.PackedList, bytes);
        new ReadOnlySpan<byte>(LinkedPacks.List(keys.Arena, chain.Head), bytes).CopyTo(e.Value);
        LinkedPacks.Free(keys.Arena, &chain);
    }
}
