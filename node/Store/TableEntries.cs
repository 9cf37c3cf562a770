// foreach over all entries of a table, without allocation. Used for whole-value walks: saving, freeing, HGETALL.
using System.Numerics;

namespace Shoal.Store;

/// <summary>Enumerates a table's entries in bucket order. The table must not change meanwhile (their values may).</summary>
public unsafe ref struct TableEntries
{
    private readonly Arena _arena;
    private readonly TableHeader* _table;
    private readonly uint _end;
    private uint _next;
    private uint _index;
    private byte* _bucket;
    private uint _left;
    private TablePosition _current;

    public TableEntries(Arena arena, TableHeader* table) : this(arena, table, 0, table->BucketCount) { }

    internal TableEntries(Arena arena, TableHeader* table, uint first, uint end)
    {
        _arena = arena;
        _table = table;
        _next = first;
        _end = end;
    }

    public readonly TablePosition Current => _current;

    public readonly TableEntries GetEnumerator() => this;

    public bool MoveNext()
    {
        while (_left == 0)
        {
            if (_bucket != null && Bucket.HasChild(_bucket))
                _bucket = Bucket.Child(_arena, _bucket);
            else if (_next < _end)
                _bucket = TableGeometry.BucketAt(_arena, _table, _index = _next++);
            else
                return false;
            _left = Bucket.Occupied(_bucket);
        }
        byte* slot = Bucket.SlotPointer(_bucket, BitOperations.TrailingZeroCount(_left));
        _left &= _left - 1;
        _current = new TablePosition { Entry = _arena.At(Bucket.Read(slot)), Slot = slot, Bucket = _index };
        return true;
    }
}
