// Why: a hash is field -> value. Small ones are one packed list (field, value, field, value, ...) in the entry itself;
// past the limits each field becomes an entry of a member table. A table never turns back.
//
// The caller holds an entry found with FindForWrite for everything that changes it, and removes the key when the last
// field went.

namespace Shoal.Store.Values;

/// <summary>Operations on entries of type Hash.</summary>
public static unsafe class HashValue
{
    /// <summary>A new hash of one field. The key must be absent.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (!Packs(keys.Limits, field, value) || keys.Limits.HashEntries < 1)
        {
            var big = CreateTable(keys, key, slot);
            MemberTable.Set(keys.Arena, MemberTable.In(big), field, value);
            return big;
        }
        var f = new Piece(field);
        var v = new Piece(value);
        var e = EntryPack.Create(keys, key, slot, ValueType.Hash, f.Size + v.Size);
        byte* list = e.ValuePointer;
        PackedEdit.Append(list, f);
        PackedEdit.Append(list, v);
        return e;
    }

    /// <summary>A new hash from validated packed list bytes of an even, positive number of elements. The key must be absent.</summary>
    public static EntryRef FromPacked(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> bytes)
    {
        var limits = keys.Limits;
        fixed (byte* list = bytes)
        {
            bool fits = PackedList.Count(list) / 2 <= limits.HashEntries;
            for (int at = PackedList.First(list); fits && at >= 0; at = PackedList.Next(list, at))
                fits = PackedList.Read(list, at).RawText.Length <= limits.HashValue;
            if (fits)
            {
                var packed = keys.Create(key, slot, ValueType.Hash, Encoding.PackedList, bytes.Length);
                bytes.CopyTo(packed.Value);
                return packed;
            }
            var big = CreateTable(keys, key, slot);
            CopyToTable(keys.Arena, list, MemberTable.In(big));
            return big;
        }
    }

    public static long Count(in EntryRef e) =>
        e.Encoding == Encoding.PackedList ? PackedList.Count(e.ValuePointer) / 2 : MemberTable.In(e)->Count;

    /// <summary>Reads a field; the value lives until the next change of the keyspace.</summary>
    public static bool TryGet(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> field, out Element value)
    {
        value = default;
        if (e.Encoding == Encoding.PackedList)
        {
            byte* list = e.ValuePointer;
            int at = PackedList.Find(list, PackedList.First(list), new Piece(field), 1);
            if (at < 0) return false;
            value = PackedList.Read(list, PackedList.Next(list, at));
            return true;
        }
        byte* member = MemberTable.Find(keys.Arena, MemberTable.In(e), field);
        if (member == null) return false;
        value = new Element(Entry.Value(member));
        return true;
    }

    public static bool Contains(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> field) => TryGet(keys, e, field, out _);

    /// <summary>Sets a field; true when it is new.</summary>
    public static bool Set(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            if (Packs(keys.Limits, field, value)) return SetPacked(keys, ref e, field, value);
            ToTable(keys, ref e);
        }
        return MemberTable.Set(keys.Arena, MemberTable.In(e), field, value);
    }

    /// <summary>Removes a field; false when it is not there. A hash left empty is for the caller to remove.</summary>
    public static bool Remove(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> field)
    {
        if (e.Encoding != Encoding.PackedList) return MemberTable.Remove(keys.Arena, MemberTable.In(e), field);
        int at = PackedList.Find(e.ValuePointer, PackedList.First(e.ValuePointer), new Piece(field), 1);
        if (at < 0) return false;
        EntryPack.Remove(keys, ref e, at, 2);
        return true;
    }

    /// <summary>All fields, each once.</summary>
    public static HashCursor Enumerate(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, e);

    /// <summary>A random field with its value; every field is equally likely in a packed hash, nearly so in a table.</summary>
    public static void Random(Keyspace keys, in EntryRef e, ref SmallRandom random, out Element field, out Element value)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            byte* list = e.ValuePointer;
            int at = PackedList.Seek(list, (int)random.Below((uint)PackedList.Count(list) / 2) * 2);
            field = PackedList.Read(list, at);
            value = PackedList.Read(list, PackedList.Next(list, at));
            return;
        }
        byte* member = MemberTable.Random(keys.Arena, MemberTable.In(e), ref random);
        field = new Element(Entry.Key(member));
        value = new Element(Entry.Value(member));
    }

    private static bool Packs(ValueLimits limits, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value) =>
        field.Length <= limits.HashValue && value.Length <= limits.HashValue;

    private static bool SetPacked(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        byte* list = e.ValuePointer;
        var f = new Piece(field);
        int at = PackedList.Find(list, PackedList.First(list), f, 1);
        if (at >= 0)
        {
            EntryPack.Replace(keys, ref e, PackedList.Next(list, at), new Piece(value));
            return false;
        }
        if (PackedList.Count(list) / 2 >= keys.Limits.HashEntries)
        {
            ToTable(keys, ref e);
            return MemberTable.Set(keys.Arena, MemberTable.In(e), field, value);
        }
        EntryPack.InsertPair(keys, ref e, e.ValueLength - 1, f, new Piece(value));
        return true;
    }

    private static EntryRef CreateTable(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = keys.Create(key, slot, ValueType.Hash, Encoding.Table, sizeof(MemberTable));
        *MemberTable.In(e) = default;
        return e;
    }

    private static void ToTable(Keyspace keys, ref EntryRef e)
    {
        MemberTable table = default;
        CopyToTable(keys.Arena, e.ValuePointer, &table);
        keys.SetEncoding(ref e, Encoding.Table, sizeof(MemberTable));
        *MemberTable.In(e) = table;
    }

    private static void CopyToTable(Arena arena, byte* list, MemberTable* table)
    {
        Span<byte> fieldScratch = stackalloc byte[IntegerText.MaxLength], valueScratch = stackalloc byte[IntegerText.MaxLength];
        for (int at = PackedList.First(list); at >= 0;)
        {
            var field = PackedList.Read(list, at).Text(fieldScratch);
            at = PackedList.Next(list, at);
            MemberTable.Set(arena, table, field, PackedList.Read(list, at).Text(valueScratch));
            at = PackedList.Next(list, at);
        }
    }
}
