// Where a lookup found an entry: the entry and its one referrer.
namespace Shoal.Store;

/// <summary>A found entry of a <see cref="Table"/>; valid until the table next changes.</summary>
public unsafe struct TablePosition
{
    /// <summary>The entry (read it through <see cref="Store.Entry"/>); null when absent.</summary>
    public byte* Entry;

    internal byte* Slot;
    internal uint Bucket;

    public readonly bool Exists => Entry != null;
}

/// <summary>Takes entries one by one. Implement as a struct: calls are then resolved at compile time, without allocation.</summary>
public unsafe interface IEntryVisitor
{
    void Visit(byte* entry);
}
