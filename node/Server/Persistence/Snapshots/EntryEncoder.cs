// Store values -> RDB values. Small collections are already Redis's own bytes and go out as they are; the rest is written
// element by element.
using System.Buffers.Binary;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Writes the type byte and the value of an entry.</summary>
public static unsafe class EntryEncoder
{
    /// <summary>The RDB type an entry is written as, in the lowest version that carries it.</summary>
    public static byte TypeOf(in EntryRef e) => (e.Type, e.Encoding) switch
    {
        (ValueType.String, _) => SnapshotFormat.TypeString,
        (ValueType.List, _) => SnapshotFormat.TypeQuicklist2,
        (ValueType.Set, Encoding.IntSet) => SnapshotFormat.TypeIntSet,
        (ValueType.Set, _) => SnapshotFormat.TypeSet,
        (ValueType.SortedSet, Encoding.PackedList) => SnapshotFormat.TypeSortedSetListpack,
        (ValueType.SortedSet, _) => SnapshotFormat.TypeSortedSet,
        (ValueType.Hash, Encoding.PackedList) => SnapshotFormat.TypeHashListpack,
        (ValueType.Hash, _) => SnapshotFormat.TypeHash,
        (ValueType.Stream, _) => SnapshotFormat.TypeStream2,
        _ => throw new InvalidOperationException($"no snapshot form for {e.Type}/{e.Encoding}"),
    };

    /// <summary>The value behind its type byte. <paramref name="keys"/>: any keyspace of the entry's arena.</summary>
    public static void Value(SnapshotEncoder to, Keyspace keys, in EntryRef e)
    {
        switch (e.Type)
        {
            case ValueType.String when e.Encoding == Encoding.Int:
                to.Integer(*(long*)e.ValuePointer);
                break;
            case ValueType.String:
                to.String(e.Value);
                break;
            case ValueType.List:
                List(to, keys, e);
                break;
            case ValueType.Set when e.Encoding == Encoding.IntSet:
            case ValueType.Hash or ValueType.SortedSet when e.Encoding == Encoding.PackedList:
                to.String(e.Value);
                break;
            case ValueType.Set:
                to.Length(SetValue.Count(e));
                foreach (var member in SetValue.Enumerate(keys, e)) Element(to, member);
                break;
            case ValueType.Hash:
                to.Length(HashValue.Count(e));
                foreach (var pair in HashValue.Enumerate(keys, e))
                {
                    Element(to, pair.Field);
                    Element(to, pair.Value);
                }
                break;
            case ValueType.Stream:
                StreamEncoder.Value(to, keys, e);
                break;
            default:
                SortedSet(to, keys, e);
                break;
        }
    }

    private static void List(SnapshotEncoder to, Keyspace keys, in EntryRef e)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            to.Length(1);
            to.Length(SnapshotFormat.NodePacked);
            to.String(e.Value);
            return;
        }
        var packs = ListValue.Packs(keys, e);
        to.Length(packs.Count);
        foreach (var pack in packs)
        {
            to.Length(SnapshotFormat.NodePacked);
            to.String(pack);
        }
    }

    private static void SortedSet(SnapshotEncoder to, Keyspace keys, in EntryRef e)
    {
        to.Length(SortedSetValue.Count(e));
        foreach (var item in SortedSetValue.Enumerate(keys, e))
        {
            Element(to, item.Member);
            to.Double(item.Score);
        }
    }

    private static void Element(SnapshotEncoder to, in Element element)
    {
        if (element.IsNumber) to.Integer(element.Number);
        else to.String(element.RawText);
    }
}
