// Why: set algebra needs a set of its own to gather results in, of any size: a member table that no key refers to.

namespace Shoal.Store.Values;

/// <summary>A temporary set of members, each with an optional score. Dispose it within the command that made it.</summary>
public sealed unsafe class ScratchTable : IDisposable
{
    private readonly Arena _arena;
    private readonly long _header;

    public ScratchTable(Arena arena)
    {
        _arena = arena;
        _header = arena.Allocate(sizeof(MemberTable));
        *Table = default;
    }

    private MemberTable* Table => (MemberTable*)_arena.At(_header);

    public long Count => Table->Count;

    /// <summary>The members, in no order.</summary>
    public ScratchCursor Members => new(_arena, Table);

    /// <summary>Adds a member; false when it is there already.</summary>
    public bool Add(ReadOnlySpan<byte> member)
    {
        if (MemberTable.Find(_arena, Table, member) != null) return false;
        MemberTable.Add(_arena, Table, member, 0);
        return true;
    }

    public bool Remove(ReadOnlySpan<byte> member) => MemberTable.Remove(_arena, Table, member);

    /// <summary>The score of a member added by <see cref="SetScore"/>.</summary>
    public bool TryGetScore(ReadOnlySpan<byte> member, out double score)
    {
        byte* entry = MemberTable.Find(_arena, Table, member);
        score = entry == null ? 0 : SortedSetValue.ScoreOf(entry);
        return entry != null;
    }

    public void SetScore(ReadOnlySpan<byte> member, double score) =>
        MemberTable.Set(_arena, Table, member, new ReadOnlySpan<byte>(&score, sizeof(double)));

    public void Dispose()
    {
        MemberTable.Free(_arena, Table);
        _arena.Free(_header, sizeof(MemberTable));
    }
}

/// <summary>Walks a scratch table.</summary>
public unsafe ref struct ScratchCursor
{
    private readonly Arena _arena;
    private TableEntries _entries;

    internal ScratchCursor(Arena arena, MemberTable* table)
    {
        _arena = arena;
        _entries = new TableEntries(arena, &table->Table);
    }

    public readonly ReadOnlySpan<byte> Current => Entry.Key(_entries.Current.Entry);

    /// <summary>The score of the member here.</summary>
    public readonly double Score => SortedSetValue.ScoreOf(_entries.Current.Entry);

    /// <summary>Arena offset of the member's entry.</summary>
    internal readonly long Reference => _entries.Current.Entry - _arena.Base;

    public readonly ScratchCursor GetEnumerator() => this;

    public bool MoveNext() => _entries.MoveNext();
}
