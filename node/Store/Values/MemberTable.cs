// Why: the members of large hashes, sets and sorted sets sit in a hash table like the keyspace's own. This descriptor is the
// value of the collection's entry (or the head of it); beside the table's header it keeps the bytes of all members, so that
// the size of a collection of millions is known without walking it.

using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

/// <summary>Table of members: key = member or field, value = the field's value, a score, or nothing.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public unsafe struct MemberTable
{
    internal TableHeader Table;

    /// <summary>Cells of all members, in bytes.</summary>
    internal long MemberBytes;

    public readonly long Count => Table.Count;

    /// <summary>The member table at the head of a collection's value.</summary>
    internal static MemberTable* In(in EntryRef e) => (MemberTable*)e.ValuePointer;

    /// <summary>The member's entry, or null.</summary>
    internal static byte* Find(Arena arena, MemberTable* table, ReadOnlySpan<byte> member) =>
        Store.Table.Find(arena, &table->Table, member).Entry;

    /// <summary>Adds an absent member with room for a value; returns its entry.</summary>
    internal static byte* Add(Arena arena, MemberTable* table, ReadOnlySpan<byte> member, int valueLength)
    {
        byte* entry = Store.Table.Add(arena, &table->Table, member, valueLength).Entry;
        table->MemberBytes += Arena.RoundUp((int)Entry.Size(entry));
        return entry;
    }

    /// <summary>Sets a member's value; true when the member is new.</summary>
    internal static bool Set(Arena arena, MemberTable* table, ReadOnlySpan<byte> member, ReadOnlySpan<byte> value)
    {
        var at = Store.Table.Find(arena, &table->Table, member);
        if (!at.Exists)
        {
            value.CopyTo(Entry.Value(Add(arena, table, member, value.Length)));
            return true;
        }
        if (Entry.ValueLength(at.Entry) != value.Length)
        {
            table->MemberBytes -= Arena.RoundUp((int)Entry.Size(at.Entry));
            Store.Table.ResizeValue(arena, ref at, value.Length);
            table->MemberBytes += Arena.RoundUp((int)Entry.Size(at.Entry));
        }
        value.CopyTo(Entry.Value(at.Entry));
        return false;
    }

    internal static bool Remove(Arena arena, MemberTable* table, ReadOnlySpan<byte> member)
    {
        var at = Store.Table.Find(arena, &table->Table, member);
        if (!at.Exists) return false;
        table->MemberBytes -= Arena.RoundUp((int)Entry.Size(at.Entry));
        Store.Table.RemoveAt(arena, &table->Table, at);
        return true;
    }

    /// <summary>A member's entry, all equally likely (up to 1 in 1000); the table must not be empty.</summary>
    internal static byte* Random(Arena arena, MemberTable* table, ref SmallRandom random) =>
        TableScan.Random(arena, &table->Table, ref random).Entry;

    /// <summary>Bytes of members, buckets and directory.</summary>
    internal static long Bytes(MemberTable* table) => table->MemberBytes + TableGeometry.StorageBytes(&table->Table);

    internal static void Free(Arena arena, MemberTable* table)
    {
        Store.Table.Free(arena, &table->Table);
        table->MemberBytes = 0;
    }
}
