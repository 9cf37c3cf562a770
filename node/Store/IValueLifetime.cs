// What the keyspace must know of a value type that keeps parts outside its entry.
namespace Shoal.Store;

/// <summary>
/// Registered per <see cref="ValueType"/> with <see cref="Databases.Register"/>. Each method must cope with every encoding of
/// its type, including those that own nothing outside the entry.
/// </summary>
public interface IValueLifetime
{
    /// <summary>Frees what the value refers to in the arena, not the entry itself.</summary>
    void Free(Arena arena, in EntryRef entry);

    /// <summary>Bytes the value holds in the arena outside its entry.</summary>
    long Bytes(Arena arena, in EntryRef entry);

    /// <summary>The entry's value is a bitwise copy of another's: replace each reference in it by a duplicate of what it refers to.</summary>
    void Duplicate(Arena arena, ref EntryRef copy);
}
