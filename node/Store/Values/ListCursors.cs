// Why: lists are walked from any index in either direction, over one pack or a chain of them.

namespace Shoal.Store.Values;

/// <summary>A place in a list: the pack node (0 = the entry's own packed list) and the position therein.</summary>
internal readonly unsafe struct ListPlace(long node, int at)
{
    public readonly long Node = node;
    public readonly int At = at;

    public byte* List(Keyspace keys, in EntryRef e) => Node == 0 ? e.ValuePointer : LinkedPacks.List(keys.Arena, Node);

    /// <summary>Finds an index, from whichever end is nearer; position -1 when out of range.</summary>
    public static ListPlace Seek(Arena arena, in EntryRef e, long index)
    {
        if (e.Encoding == Encoding.PackedList)
            return new ListPlace(0, index is >= 0 and <= int.MaxValue ? PackedList.Seek(e.ValuePointer, (int)index) : -1);
        var chain = LinkedPacks.In(e);
        if (index < 0 || index >= chain->Count) return new ListPlace(chain->Head, -1);
        if (index < chain->Count / 2)
        {
            long node = chain->Head;
            while (true)
            {
                int count = PackedList.Count(LinkedPacks.List(arena, node));
                if (index < count) return new ListPlace(node, PackedList.Seek(LinkedPacks.List(arena, node), (int)index));
                index -= count;
                node = LinkedPacks.Next(arena, node);
            }
        }
        long left = chain->Count - index; // 1 = the last element
        for (long node = chain->Tail; ; node = LinkedPacks.Previous(arena, node))
        {
            int count = PackedList.Count(LinkedPacks.List(arena, node));
            if (left <= count) return new ListPlace(node, PackedList.Seek(LinkedPacks.List(arena, node), (int)-left));
            left -= count;
        }
    }
}

/// <summary>Walks the elements of a list.</summary>
public unsafe ref struct ListCursor
{
    private readonly Arena _arena;
    private readonly bool _down;
    private byte* _list;
    private long _node;
    private int _at;
    private bool _started;

    internal ListCursor(Arena arena, scoped in EntryRef e, long index, bool towardsHead)
    {
        _arena = arena;
        _down = towardsHead;
        var place = ListPlace.Seek(arena, e, index);
        _node = place.Node;
        _at = place.At;
        _list = _node == 0 ? e.ValuePointer : LinkedPacks.List(arena, _node);
    }

    /// <summary>The element here.</summary>
    public readonly Element Element => PackedList.Read(_list, _at);

    /// <summary>True when the element here has that text.</summary>
    public readonly bool Matches(in Piece wanted) => PackedList.Matches(_list, _at, wanted);

    public readonly ListCursor GetEnumerator() => this;

    public readonly ListCursor Current => this;

    public bool MoveNext()
    {
        if (_at < 0) return false;
        if (!_started) return _started = true;
        _at = _down ? PackedList.Prev(_list, _at) : PackedList.Next(_list, _at);
        if (_at >= 0) return true;
        if (_node == 0) return false;
        _node = _down ? LinkedPacks.Previous(_arena, _node) : LinkedPacks.Next(_arena, _node);
        if (_node == 0) return false;
        _list = LinkedPacks.List(_arena, _node);
        _at = _down ? PackedList.Last(_list) : PackedList.First(_list);
        return true;
    }
}

/// <summary>Walks the packs of a list.</summary>
public unsafe ref struct PackCursor
{
    private readonly Arena _arena;
    private readonly byte* _only;
    private long _next;
    private byte* _list;

    internal PackCursor(Arena arena, scoped in EntryRef e)
    {
        _arena = arena;
        if (e.Encoding == Encoding.PackedList) _only = e.ValuePointer;
        else _next = LinkedPacks.In(e)->Head;
        Count = e.Encoding == Encoding.PackedList ? 1 : LinkedPacks.In(e)->Nodes;
    }

    /// <summary>Number of packs in the list.</summary>
    public int Count { get; }

    /// <summary>The bytes of the pack here.</summary>
    public readonly ReadOnlySpan<byte> Current => new(_list, PackedList.TotalBytes(_list));

    public readonly PackCursor GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_only != null)
        {
            bool first = _list == null;
            _list = _only;
            return first;
        }
        if (_next == 0) return false;
        _list = LinkedPacks.List(_arena, _next);
        _next = LinkedPacks.Next(_arena, _next);
        return true;
    }
}
