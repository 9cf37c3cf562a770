// Why: SCAN cursors over the members of a large hash, set or sorted set.

namespace Shoal.Store.Values;

/// <summary>Cursor walks over member tables.</summary>
public static unsafe class MemberScan
{
    /// <summary>Visits the next bucket of a value with a member table; returns the next cursor, 0 at the end.</summary>
    public static ulong Step<TVisitor>(Keyspace keys, in EntryRef e, ulong cursor, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor, allows ref struct =>
        TableScan.Step(keys.Arena, &MemberTable.In(e)->Table, cursor, ref visitor);
}
