// Why: the value of a small collection is a packed list inside its entry. Every edit of it is: make room in the entry
// (which may move it), splice, write. In one place, because the order matters: grow before, shrink after.

namespace Shoal.Store.Values;

/// <summary>Edits of the packed list that is the value of an entry.</summary>
internal static unsafe class EntryPack
{
    /// <summary>A new entry with an empty packed list, with memory for <paramref name="bytes"/> more.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot, ValueType type, int bytes)
    {
        var e = keys.Create(key, slot, type, Encoding.PackedList, PackedList.EmptyBytes + bytes);
        PackedList.WriteEmpty(e.ValuePointer);
        return e;
    }

    /// <summary>
    /// Replaces <paramref name="oldBytes"/> at <paramref name="at"/> by a gap of <paramref name="newBytes"/>, which the caller
    /// fills at the returned address.
    /// </summary>
    public static byte* Splice(Keyspace keys, ref EntryRef e, int at, int oldBytes, int newBytes, int countDelta)
    {
        int total = e.ValueLength, delta = newBytes - oldBytes;
        if (delta > 0) keys.ResizeValue(ref e, total + delta);
        PackedEdit.Splice(e.ValuePointer, at, oldBytes, newBytes, countDelta);
        if (delta < 0) keys.ResizeValue(ref e, total + delta);
        return e.ValuePointer + at;
    }

    public static void Append(Keyspace keys, ref EntryRef e, in Piece piece) =>
        piece.Write(Splice(keys, ref e, e.ValueLength - 1, 0, piece.Size, 1));

    public static void Insert(Keyspace keys, ref EntryRef e, int at, in Piece piece) =>
        piece.Write(Splice(keys, ref e, at, 0, piece.Size, 1));

    /// <summary>Inserts two neighbours at once: field and value, or member and score.</summary>
    public static void InsertPair(Keyspace keys, ref EntryRef e, int at, in Piece first, in Piece second)
    {
        byte* p = Splice(keys, ref e, at, 0, first.Size + second.Size, 2);
        first.Write(p);
        second.Write(p + first.Size);
    }

    public static void Replace(Keyspace keys, ref EntryRef e, int at, in Piece piece)
    {
        int old = PackedList.ElementBytes(e.ValuePointer + at);
        piece.Write(Splice(keys, ref e, at, old, piece.Size, 0));
    }

    /// <summary>Removes a run of elements.</summary>
    public static void Remove(Keyspace keys, ref EntryRef e, int at, int count)
    {
        int bytes = PackedEdit.RunBytes(e.ValuePointer, at, count, out int found);
        Splice(keys, ref e, at, bytes, 0, -found);
    }
}
