// Why: a stream is an append-only log of entries (ID, field-value pairs) from which single entries and whole beginnings can
// be taken out. Adding goes to the last pack until it is full; deleting marks the entry, and the pack goes with its last.
//
// The caller holds an entry found with FindForWrite for everything that changes it. A stream may be empty: its key stays.

namespace Shoal.Store.Values;

/// <summary>Operations on entries of type Stream.</summary>
public static unsafe class StreamValue
{
    /// <summary>Bytes of fields and values one entry may hold.</summary>
    public const long LargestEntry = 1L << 30;

    /// <summary>A new empty stream. The key must be absent.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = keys.Create(key, slot, ValueType.Stream, Encoding.Stream, sizeof(StreamHeader));
        *StreamHeader.In(e) = default;
        return e;
    }

    /// <summary>The stream's header, to read and (after FindForWrite) to write.</summary>
    public static ref StreamHeader Header(in EntryRef e) => ref *StreamHeader.In(e);

    /// <summary>Adds an entry above LastId. The fields together must not exceed <see cref="LargestEntry"/>.</summary>
    public static void Append<T>(Keyspace keys, in EntryRef e, StreamId id, scoped in T fields) where T : struct, IFieldSource, allows ref struct
    {
        var arena = keys.Arena;
        var s = StreamHeader.In(e);
        var last = IdTree.Last(arena, s->Packs);
        if (last.IsNone || IsFull(keys, last, fields))
        {
            if (!last.IsNone) StreamHeader.Fit(arena, s, last, PackedList.TotalBytes(StreamHeader.List(arena, IdTree.ValueAt(arena, last))));
            StartPack(arena, s, id, fields);
        }
        else
        {
            AddToPack(keys, s, last, id, fields);
        }
        s->EntriesAdded++;
        s->LastId = id;
        if (s->Length++ == 0) s->FirstId = id;
    }

    /// <summary>Takes an entry out; false when it is not there. <see cref="StreamHeader.FirstId"/> is for the caller: <see cref="SettleFirst"/>.</summary>
    public static bool Remove(Keyspace keys, in EntryRef e, StreamId id)
    {
        var arena = keys.Arena;
        var s = StreamHeader.In(e);
        var at = IdTree.Floor(arena, s->Packs, id);
        if (at.IsNone) return false;
        byte* list = StreamHeader.List(arena, IdTree.ValueAt(arena, at));
        var master = IdTree.IdAt(arena, at);
        StreamPack.MasterFields(list, out long masterFields);
        for (int entry = StreamPack.FirstEntry(list); !StreamPack.IsEnd(list, entry);)
        {
            int body = StreamPack.Head(list, entry, master, masterFields, out long flags, out var found, out long fields);
            if (found == id)
            {
                if ((flags & StreamPack.Deleted) != 0) return false;
                Mark(arena, s, at, entry, flags);
                return true;
            }
            entry = StreamPack.EntryEnd(list, body, flags, fields);
        }
        return false;
    }

    /// <summary>Sets FirstId from what is there.</summary>
    public static void SettleFirst(Keyspace keys, in EntryRef e) => Header(e).FirstId = Edge(keys, e, down: false);

    /// <summary>ID of the first or (<paramref name="down"/>) last entry; 0-0 when the stream is empty.</summary>
    public static StreamId Edge(Keyspace keys, in EntryRef e, bool down)
    {
        var walk = Range(keys, e, StreamId.Zero, StreamId.Max, down);
        return walk.MoveNext() ? walk.Id : StreamId.Zero;
    }

    public static bool Contains(Keyspace keys, in EntryRef e, StreamId id) => Range(keys, e, id, id, down: false).MoveNext();

    /// <summary>Walks the entries from <paramref name="from"/> to <paramref name="to"/>, both included, in either direction.</summary>
    public static StreamCursor Range(Keyspace keys, scoped in EntryRef e, StreamId from, StreamId to, bool down) =>
        new(keys.Arena, StreamHeader.In(e), from, to, down);

    /// <summary>Packs in order: master ID and bytes.</summary>
    public static StreamPacks Packs(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, StreamHeader.In(e)->Packs);

    /// <summary>Adds a valid pack (<see cref="StreamPackCheck"/>) of a stream being loaded; false when there is one with that ID.</summary>
    public static bool AddPack(Keyspace keys, in EntryRef e, StreamId master, ReadOnlySpan<byte> bytes)
    {
        var s = StreamHeader.In(e);
        if (IdTree.Find(keys.Arena, s->Packs, master) != 0) return false;
        AddCopy(keys.Arena, s, master, bytes);
        fixed (byte* list = bytes) s->Length += StreamPack.Valid(list);
        return true;
    }

    internal static void AddCopy(Arena arena, StreamHeader* s, StreamId master, ReadOnlySpan<byte> bytes)
    {
        long pack = StreamHeader.NewPack(arena, s, bytes.Length);
        bytes.CopyTo(new Span<byte>(StreamHeader.List(arena, pack), bytes.Length));
        IdTree.Insert(arena, ref s->Packs, master, pack);
    }

    internal static void DropPack(Arena arena, StreamHeader* s, StreamId master, long pack)
    {
        StreamHeader.FreePack(arena, s, pack);
        IdTree.Remove(arena, ref s->Packs, master);
    }

    // Deleted entries stay as they are, flagged; the last one takes the pack with it.
    private static void Mark(Arena arena, StreamHeader* s, IdPosition at, int entry, long flags)
    {
        s->Length--;
        long pack = IdTree.ValueAt(arena, at);
        byte* list = StreamHeader.List(arena, pack);
        long valid = StreamPack.Valid(list), all = StreamPack.All(list);
        if (valid == 1)
        {
            DropPack(arena, s, IdTree.IdAt(arena, at), pack);
            return;
        }
        StreamHeader.SetNumber(arena, s, at, entry, flags | StreamPack.Deleted);
        SetCounts(arena, s, at, valid - 1, all - valid + 1);
    }

    internal static void SetCounts(Arena arena, StreamHeader* s, IdPosition at, long valid, long deleted)
    {
        StreamHeader.SetNumber(arena, s, at, PackedList.HeaderBytes, valid);
        byte* list = StreamHeader.List(arena, IdTree.ValueAt(arena, at));
        StreamHeader.SetNumber(arena, s, at, StreamPack.After(list, PackedList.HeaderBytes), deleted);
    }

    private static bool IsFull<T>(Keyspace keys, IdPosition last, scoped in T fields) where T : struct, IFieldSource, allows ref struct
    {
        byte* list = StreamHeader.List(keys.Arena, IdTree.ValueAt(keys.Arena, last));
        long bytes = PackedList.TotalBytes(list);
        for (int i = 0; i < fields.Count; i++) bytes += fields.Name(i).Length + fields.Value(i).Length;
        if (bytes >= keys.Limits.StreamPackBytes) return true;
        return keys.Limits.StreamNodeEntries > 0 && StreamPack.All(list) >= keys.Limits.StreamNodeEntries;
    }

    private static void StartPack<T>(Arena arena, StreamHeader* s, StreamId id, scoped in T fields) where T : struct, IFieldSource, allows ref struct
    {
        int size = PackedList.EmptyBytes + StreamPack.MasterSize(fields) + StreamPack.EntrySize(fields, true, id, id);
        long pack = StreamHeader.NewPack(arena, s, size);
        byte* list = StreamHeader.List(arena, pack);
        PackedList.WriteEmpty(list);
        StreamPack.WriteMaster(list, fields);
        StreamPack.WriteEntry(list, fields, true, id, id);
        IdTree.Insert(arena, ref s->Packs, id, pack);
    }

    private static void AddToPack<T>(Keyspace keys, StreamHeader* s, IdPosition at, StreamId id, scoped in T fields)
        where T : struct, IFieldSource, allows ref struct
    {
        var arena = keys.Arena;
        long pack = IdTree.ValueAt(arena, at);
        byte* list = StreamHeader.List(arena, pack);
        var master = IdTree.IdAt(arena, at);
        bool same = StreamPack.HasFields(list, fields);
        int used = PackedList.TotalBytes(list), needed = used + StreamPack.EntrySize(fields, same, master, id);
        if (StreamHeader.PackHead + needed > StreamHeader.Cell(arena, pack))
        {
            // Twice as much, but not past a full pack: most streams go on to fill it.
            int room = (int)Math.Max(needed, Math.Min(needed * 2L, keys.Limits.StreamPackBytes));
            list = StreamHeader.List(arena, StreamHeader.Fit(arena, s, at, room));
        }
        StreamPack.WriteEntry(list, fields, same, master, id);
        StreamHeader.SetNumber(arena, s, at, PackedList.HeaderBytes, StreamPack.Valid(list) + 1);
    }
}
