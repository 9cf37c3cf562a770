// What an entry can hold. The numbers are stored in entry headers and therefore, later, in arena files: never renumber.
namespace Shoal.Store;

/// <summary>Kind of a value, as TYPE reports it. Persisted: golden numbers.</summary>
public enum ValueType : byte
{
    String = 0,
    List = 1,
    Set = 2,
    SortedSet = 3,
    Hash = 4,
    Stream = 6,
}

/// <summary>How a value is laid out, as OBJECT ENCODING reports it. Persisted: golden numbers.</summary>
public enum Encoding : byte
{
    Int = 0,
    Embedded = 1,
    Raw = 2,
    PackedList = 3,
    IntSet = 4,
    Table = 5,
    Tree = 6,
    LinkedPacks = 7,
    Stream = 8,
}
