// Why: the keyspace removes, measures and copies values without knowing their inside. These tell it, per type, what a value
// holds outside its entry. Packed lists and integer sets hold nothing there.

namespace Shoal.Store.Values;

/// <summary>What collections keep outside their entries.</summary>
public static class CollectionLifetimes
{
    /// <summary>Registers all collection types.</summary>
    public static void Register(Databases databases)
    {
        var members = new MemberLifetime();
        databases.Register(ValueType.Hash, members);
        databases.Register(ValueType.Set, members);
        databases.Register(ValueType.SortedSet, new RankedLifetime());
        databases.Register(ValueType.List, new ListLifetime());
        databases.Register(ValueType.Stream, new StreamLifetime());
    }
}

/// <summary>Hashes and sets: a member table.</summary>
internal sealed unsafe class MemberLifetime : IValueLifetime
{
    public void Free(Arena arena, in EntryRef entry)
    {
        if (entry.Encoding == Encoding.Table) MemberTable.Free(arena, MemberTable.In(entry));
    }

    public long Bytes(Arena arena, in EntryRef entry) =>
        entry.Encoding == Encoding.Table ? MemberTable.Bytes(MemberTable.In(entry)) : 0;

    public void Duplicate(Arena arena, ref EntryRef copy)
    {
        if (copy.Encoding != Encoding.Table) return;
        MemberTable original = *MemberTable.In(copy), table = default;
        foreach (var at in new TableEntries(arena, &original.Table))
            MemberTable.Set(arena, &table, Entry.Key(at.Entry), Entry.Value(at.Entry));
        *MemberTable.In(copy) = table;
    }
}

/// <summary>Sorted sets: a member table and a tree.</summary>
internal sealed unsafe class RankedLifetime : IValueLifetime
{
    public void Free(Arena arena, in EntryRef entry)
    {
        if (entry.Encoding != Encoding.Tree) return;
        var value = RankedTable.In(entry);
        RankTree.Free(arena, ref value->Tree);
        MemberTable.Free(arena, &value->Members);
    }

    public long Bytes(Arena arena, in EntryRef entry)
    {
        if (entry.Encoding != Encoding.Tree) return 0;
        var value = RankedTable.In(entry);
        return MemberTable.Bytes(&value->Members) + RankTree.Bytes(value->Tree);
    }

    public void Duplicate(Arena arena, ref EntryRef copy)
    {
        if (copy.Encoding != Encoding.Tree) return;
        var original = RankedTable.In(copy)->Tree;
        RankedTable value = default;
        for (var at = RankTree.At(arena, original, 0); !at.IsNone; at = RankTree.Next(arena, at))
        {
            RankTree.Read(arena, at, out double score, out long member);
            SortedSetValue.AddToTree(arena, &value, Entry.Key(arena.At(member)), score);
        }
        *RankedTable.In(copy) = value;
    }
}

/// <summary>Lists: a chain of packs.</summary>
internal sealed unsafe class ListLifetime : IValueLifetime
{
    public void Free(Arena arena, in EntryRef entry)
    {
        if (entry.Encoding == Encoding.LinkedPacks) LinkedPacks.Free(arena, LinkedPacks.In(entry));
    }

    public long Bytes(Arena arena, in EntryRef entry) =>
        entry.Encoding == Encoding.LinkedPacks ? LinkedPacks.In(entry)->NodeBytes : 0;

    public void Duplicate(Arena arena, ref EntryRef copy)
    {
        if (copy.Encoding != Encoding.LinkedPacks) return;
        LinkedPacks original = *LinkedPacks.In(copy), chain = default;
        for (long node = original.Head; node != 0; node = LinkedPacks.Next(arena, node))
        {
            byte* list = LinkedPacks.List(arena, node);
            LinkedPacks.AddCopy(arena, &chain, chain.Tail, new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list)));
        }
        *LinkedPacks.In(copy) = chain;
    }
}
