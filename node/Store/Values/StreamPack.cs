// Why: entries of a stream lie packed, some hundred to a run of bytes, and the run is byte for byte what Redis has in its
// stream listpacks: a snapshot of a stream is a header and copies of these.
//
// A pack is a packed list. It begins with the master entry, whose ID is the pack's key in the stream's tree:
//
//   valid entries | deleted entries | n = number of fields | field 1 .. field n | 0
//
// and goes on with the entries, deleted ones included until the whole pack goes:
//
//   flags | ms - master's ms | seq - master's seq | value 1 .. value n                        | n + 3      flag 2: same fields
//   flags | ms - master's ms | seq - master's seq | m | field 1 | value 1 .. field m, value m | 2m + 4     otherwise
//
// The last number counts the elements before it, so that a pack can be read backwards. Flag 1: deleted.

namespace Shoal.Store.Values;

/// <summary>Names and values of an entry about to be added. Implement as a struct.</summary>
public interface IFieldSource
{
    /// <summary>Number of field-value pairs.</summary>
    int Count { get; }

    ReadOnlySpan<byte> Name(int i);

    ReadOnlySpan<byte> Value(int i);
}

/// <summary>The entry format inside one pack.</summary>
internal static unsafe class StreamPack
{
    public const long Deleted = 1, SameFields = 2;

    public static long Number(byte* list, int at) => PackedList.Read(list, at).Number;

    /// <summary>Position behind an element, which may be the end of the list.</summary>
    public static int After(byte* list, int at) => at + PackedList.ElementBytes(list + at);

    public static bool IsEnd(byte* list, int at) => at == PackedList.TotalBytes(list) - 1;

    /// <summary>Entries not deleted.</summary>
    public static long Valid(byte* list) => Number(list, PackedList.HeaderBytes);

    /// <summary>Entries, deleted ones included.</summary>
    public static long All(byte* list) => Valid(list) + Number(list, After(list, PackedList.HeaderBytes));

    /// <summary>Where the master's fields begin, and how many there are.</summary>
    public static int MasterFields(byte* list, out long count)
    {
        int at = After(list, After(list, PackedList.HeaderBytes));
        count = Number(list, at);
        return After(list, at);
    }

    /// <summary>Position of the first entry (or the end).</summary>
    public static int FirstEntry(byte* list)
    {
        int at = MasterFields(list, out long fields);
        for (; fields >= 0; fields--) at = After(list, at);
        return at;
    }

    /// <summary>Reads an entry's head; returns where its values (or fields and values) begin.</summary>
    public static int Head(byte* list, int at, StreamId master, long masterFields, out long flags, out StreamId id, out long fields)
    {
        flags = Number(list, at);
        at = After(list, at);
        ulong ms = master.Ms + (ulong)Number(list, at);
        at = After(list, at);
        id = new StreamId(ms, master.Seq + (ulong)Number(list, at));
        at = After(list, at);
        fields = masterFields;
        if ((flags & SameFields) != 0) return at;
        fields = Number(list, at);
        return After(list, at);
    }

    /// <summary>Position behind an entry whose body begins at <paramref name="body"/>.</summary>
    public static int EntryEnd(byte* list, int body, long flags, long fields)
    {
        long elements = (flags & SameFields) != 0 ? fields : fields * 2;
        for (; elements >= 0; elements--) body = After(list, body);
        return body;
    }

    /// <summary>Position of the entry that ends at <paramref name="end"/>; -1 when only the master is before it.</summary>
    public static int EntryBefore(byte* list, int end, int firstEntry)
    {
        if (end <= firstEntry) return -1;
        int at = PackedList.Prev(list, end);
        for (long n = Number(list, at); n > 0; n--) at = PackedList.Prev(list, at);
        return at;
    }

    /// <summary>Bytes of a master entry with one entry counted, over the list's own.</summary>
    public static int MasterSize<T>(scoped in T source) where T : struct, IFieldSource, allows ref struct
    {
        int size = new Piece((long)source.Count).Size + 3 * new Piece(0L).Size;
        for (int i = 0; i < source.Count; i++) size += new Piece(source.Name(i)).Size;
        return size;
    }

    /// <summary>True when the pack's master has exactly these fields.</summary>
    public static bool HasFields<T>(byte* list, scoped in T source) where T : struct, IFieldSource, allows ref struct
    {
        int at = MasterFields(list, out long fields);
        if (fields != source.Count) return false;
        for (int i = 0; i < source.Count; i++, at = After(list, at))
            if (!PackedList.Matches(list, at, new Piece(source.Name(i)))) return false;
        return true;
    }

    /// <summary>Bytes of an entry in a pack of this master ID.</summary>
    public static int EntrySize<T>(scoped in T source, bool same, StreamId master, StreamId id) where T : struct, IFieldSource, allows ref struct
    {
        int size = new Piece(same ? SameFields : 0L).Size + Difference(id.Ms, master.Ms).Size + Difference(id.Seq, master.Seq).Size;
        for (int i = 0; i < source.Count; i++)
        {
            size += new Piece(source.Value(i)).Size;
            if (!same) size += new Piece(source.Name(i)).Size;
        }
        if (!same) size += new Piece((long)source.Count).Size;
        return size + new Piece(Elements(source.Count, same)).Size;
    }

    /// <summary>Appends the master entry to an empty list; room must be there.</summary>
    public static void WriteMaster<T>(byte* list, scoped in T source) where T : struct, IFieldSource, allows ref struct
    {
        PackedEdit.Append(list, new Piece(1L));
        PackedEdit.Append(list, new Piece(0L));
        PackedEdit.Append(list, new Piece((long)source.Count));
        for (int i = 0; i < source.Count; i++) PackedEdit.Append(list, new Piece(source.Name(i)));
        PackedEdit.Append(list, new Piece(0L));
    }

    /// <summary>Appends an entry; room must be there.</summary>
    public static void WriteEntry<T>(byte* list, scoped in T source, bool same, StreamId master, StreamId id)
        where T : struct, IFieldSource, allows ref struct
    {
        PackedEdit.Append(list, new Piece(same ? SameFields : 0L));
        PackedEdit.Append(list, Difference(id.Ms, master.Ms));
        PackedEdit.Append(list, Difference(id.Seq, master.Seq));
        if (!same) PackedEdit.Append(list, new Piece((long)source.Count));
        for (int i = 0; i < source.Count; i++)
        {
            if (!same) PackedEdit.Append(list, new Piece(source.Name(i)));
            PackedEdit.Append(list, new Piece(source.Value(i)));
        }
        PackedEdit.Append(list, new Piece(Elements(source.Count, same)));
    }

    private static long Elements(int fields, bool same) => same ? fields + 3 : fields * 2L + 4;

    private static Piece Difference(ulong of, ulong from) => new(unchecked((long)(of - from)));
}
