// Why: a set of integers is an intset; a small set a packed list; anything else a member table. Sets only ever grow into the
// next form: intset -> packed list or table, packed list -> table.
//
// The caller holds an entry found with FindForWrite for everything that changes it, and removes the key when the last
// member went.

namespace Shoal.Store.Values;

/// <summary>Operations on entries of type Set.</summary>
public static unsafe class SetValue
{
    /// <summary>A new set of one member. The key must be absent.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> member)
    {
        var limits = keys.Limits;
        if (IntegerText.TryParse(member, out long number) && limits.IntSetEntries > 0)
        {
            byte* small = stackalloc byte[IntSet.HeaderBytes + 8];
            IntSet.WriteEmpty(small);
            IntSet.Add(small, number, 0);
            return CreateFrom(keys, key, slot, Encoding.IntSet, new ReadOnlySpan<byte>(small, IntSet.TotalBytes(small)));
        }
        if (member.Length <= limits.SetValue && limits.SetEntries > 0)
        {
            var piece = new Piece(member);
            var e = EntryPack.Create(keys, key, slot, ValueType.Set, piece.Size);
            PackedEdit.Append(e.ValuePointer, piece);
            return e;
        }
        var big = CreateTable(keys, key, slot);
        MemberTable.Add(keys.Arena, MemberTable.In(big), member, 0);
        return big;
    }

    /// <summary>A new set from validated, non-empty intset bytes. The key must be absent.</summary>
    public static EntryRef FromIntSet(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* set = bytes)
        {
            if (IntSet.Count(set) <= keys.Limits.IntSetEntries) return CreateFrom(keys, key, slot, Encoding.IntSet, bytes);
            var big = CreateTable(keys, key, slot);
            CopyIntegers(keys.Arena, set, MemberTable.In(big));
            return big;
        }
    }

    /// <summary>A new set from validated, non-empty packed list bytes. The key must be absent.</summary>
    public static EntryRef FromPacked(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* list = bytes)
        {
            bool fits = PackedList.Count(list) <= keys.Limits.SetEntries;
            for (int at = PackedList.First(list); fits && at >= 0; at = PackedList.Next(list, at))
                fits = PackedList.Read(list, at).RawText.Length <= keys.Limits.SetValue;
            if (fits) return CreateFrom(keys, key, slot, Encoding.PackedList, bytes);
            var big = CreateTable(keys, key, slot);
            CopyPacked(keys.Arena, list, MemberTable.In(big));
            return big;
        }
    }

    public static long Count(in EntryRef e) => e.Encoding switch
    {
        Encoding.IntSet => IntSet.Count(e.ValuePointer),
        Encoding.PackedList => PackedList.Count(e.ValuePointer),
        _ => MemberTable.In(e)->Count,
    };

    public static bool Contains(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> member) => e.Encoding switch
    {
        Encoding.IntSet => IntegerText.TryParse(member, out long number) && IntSet.Find(e.ValuePointer, number, out _),
        Encoding.PackedList => FindPacked(e, new Piece(member)) >= 0,
        _ => MemberTable.Find(keys.Arena, MemberTable.In(e), member) != null,
    };

    /// <summary>Adds a member; true when it is new.</summary>
    public static bool Add(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> member)
    {
        if (e.Encoding == Encoding.IntSet)
        {
            if (IntegerText.TryParse(member, out long number)) return AddInteger(keys, ref e, number);
            if (member.Length <= keys.Limits.SetValue && IntSet.Count(e.ValuePointer) < keys.Limits.SetEntries)
                IntegersToPacked(keys, ref e);
            else
                ToTable(keys, ref e);
        }
        if (e.Encoding == Encoding.PackedList)
        {
            var piece = new Piece(member);
            if (FindPacked(e, piece) >= 0) return false;
            if (member.Length <= keys.Limits.SetValue && PackedList.Count(e.ValuePointer) < keys.Limits.SetEntries)
            {
                EntryPack.Append(keys, ref e, piece);
                return true;
            }
            ToTable(keys, ref e);
        }
        return AddToTable(keys.Arena, MemberTable.In(e), member);
    }

    /// <summary>Removes a member; false when it is not there. A set left empty is for the caller to remove.</summary>
    public static bool Remove(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> member)
    {
        switch (e.Encoding)
        {
            case Encoding.IntSet:
                if (!IntegerText.TryParse(member, out long number) || !IntSet.Find(e.ValuePointer, number, out int index)) return false;
                IntSet.RemoveAt(e.ValuePointer, index);
                keys.ResizeValue(ref e, IntSet.TotalBytes(e.ValuePointer));
                return true;
            case Encoding.PackedList:
                int at = FindPacked(e, new Piece(member));
                if (at < 0) return false;
                EntryPack.Remove(keys, ref e, at, 1);
                return true;
            default:
                return MemberTable.Remove(keys.Arena, MemberTable.In(e), member);
        }
    }

    /// <summary>All members, each once.</summary>
    public static SetCursor Enumerate(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, e);

    /// <summary>A random member.</summary>
    public static Element Random(Keyspace keys, in EntryRef e, ref SmallRandom random)
    {
        byte* value = e.ValuePointer;
        return e.Encoding switch
        {
            Encoding.IntSet => new Element(IntSet.At(value, (int)random.Below((uint)IntSet.Count(value)))),
            Encoding.PackedList => PackedList.Read(value, PackedList.Seek(value, (int)random.Below((uint)PackedList.Count(value)))),
            _ => new Element(Entry.Key(MemberTable.Random(keys.Arena, MemberTable.In(e), ref random))),
        };
    }

    private static int FindPacked(in EntryRef e, in Piece piece) =>
        PackedList.Find(e.ValuePointer, PackedList.First(e.ValuePointer), piece, 0);

    private static bool AddToTable(Arena arena, MemberTable* table, ReadOnlySpan<byte> member)
    {
        if (MemberTable.Find(arena, table, member) != null) return false;
        MemberTable.Add(arena, table, member, 0);
        return true;
    }

    private static bool AddInteger(Keyspace keys, ref EntryRef e, long number)
    {
        byte* set = e.ValuePointer;
        if (IntSet.Find(set, number, out int index)) return false;
        if (IntSet.Count(set) >= keys.Limits.IntSetEntries)
        {
            ToTable(keys, ref e);
            Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
            return AddToTable(keys.Arena, MemberTable.In(e), IntegerText.Write(number, scratch));
        }
        keys.ResizeValue(ref e, (int)IntSet.BytesAfterAdd(set, number));
        IntSet.Add(e.ValuePointer, number, index);
        return true;
    }

    private static EntryRef CreateFrom(Keyspace keys, ReadOnlySpan<byte> key, int slot, Encoding encoding, ReadOnlySpan<byte> bytes)
    {
        var e = keys.Create(key, slot, ValueType.Set, encoding, bytes.Length);
        bytes.CopyTo(e.Value);
        return e;
    }

    private static EntryRef CreateTable(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = keys.Create(key, slot, ValueType.Set, Encoding.Table, sizeof(MemberTable));
        *MemberTable.In(e) = default;
        return e;
    }

    private static void IntegersToPacked(Keyspace keys, ref EntryRef e)
    {
        byte* set = e.ValuePointer;
        int count = IntSet.Count(set), bytes = PackedList.EmptyBytes;
        for (int i = 0; i < count; i++) bytes += new Piece(IntSet.At(set, i)).Size;
        // The numbers are copied aside: both forms share the entry's memory.
        Span<long> numbers = count <= 512 ? stackalloc long[count] : new long[count];
        for (int i = 0; i < count; i++) numbers[i] = IntSet.At(set, i);
        keys.SetEncoding(ref e, Encoding.PackedList, bytes);
        byte* list = e.ValuePointer;
        PackedList.WriteEmpty(list);
        foreach (long number in numbers) PackedEdit.Append(list, new Piece(number));
    }

    private static void ToTable(Keyspace keys, ref EntryRef e)
    {
        MemberTable table = default;
        if (e.Encoding == Encoding.IntSet) CopyIntegers(keys.Arena, e.ValuePointer, &table);
        else CopyPacked(keys.Arena, e.ValuePointer, &table);
        keys.SetEncoding(ref e, Encoding.Table, sizeof(MemberTable));
        *MemberTable.In(e) = table;
    }

    private static void CopyIntegers(Arena arena, byte* set, MemberTable* table)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int i = 0; i < IntSet.Count(set); i++) AddToTable(arena, table, IntegerText.Write(IntSet.At(set, i), scratch));
    }

    private static void CopyPacked(Arena arena, byte* list, MemberTable* table)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int at = PackedList.First(list); at >= 0; at = PackedList.Next(list, at))
            AddToTable(arena, table, PackedList.Read(list, at).Text(scratch));
    }
}
