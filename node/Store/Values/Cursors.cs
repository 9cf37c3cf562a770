// Why: savers, HGETALL and set algebra walk whole collections; these walk any encoding without allocating. A cursor is
// valid until the next change of the keyspace.

namespace Shoal.Store.Values;

/// <summary>Walks the fields of a hash.</summary>
public unsafe ref struct HashCursor
{
    private readonly byte* _list;
    private int _at;
    private TableEntries _entries;

    internal HashCursor(Arena arena, scoped in EntryRef e)
    {
        if (e.Encoding != Encoding.PackedList)
        {
            _entries = new TableEntries(arena, &MemberTable.In(e)->Table);
            return;
        }
        _list = e.ValuePointer;
        _at = -1;
    }

    public readonly Element Field => _list != null ? PackedList.Read(_list, _at) : new Element(Entry.Key(_entries.Current.Entry));

    public readonly Element Value => _list != null
        ? PackedList.Read(_list, PackedList.Next(_list, _at)) : new Element(Entry.Value(_entries.Current.Entry));

    public readonly HashCursor GetEnumerator() => this;

    public readonly HashCursor Current => this;

    public bool MoveNext()
    {
        if (_list == null) return _entries.MoveNext();
        _at = _at < 0 ? PackedList.First(_list) : PackedList.Next(_list, PackedList.Next(_list, _at));
        return _at >= 0;
    }
}

/// <summary>Walks the members of a set.</summary>
public unsafe ref struct SetCursor
{
    private readonly byte* _packed;
    private readonly byte* _integers;
    private int _at = -1;
    private TableEntries _entries;

    internal SetCursor(Arena arena, scoped in EntryRef e)
    {
        if (e.Encoding == Encoding.PackedList) _packed = e.ValuePointer;
        else if (e.Encoding == Encoding.IntSet) _integers = e.ValuePointer;
        else _entries = new TableEntries(arena, &MemberTable.In(e)->Table);
    }

    /// <summary>The member here.</summary>
    public readonly Element Current =>
        _packed != null ? PackedList.Read(_packed, _at)
        : _integers != null ? new Element(IntSet.At(_integers, _at))
        : new Element(Entry.Key(_entries.Current.Entry));

    public readonly SetCursor GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_packed != null)
        {
            _at = _at < 0 ? PackedList.First(_packed) : PackedList.Next(_packed, _at);
            return _at >= 0;
        }
        return _integers != null ? ++_at < IntSet.Count(_integers) : _entries.MoveNext();
    }
}

/// <summary>Walks a sorted set from a rank on, upwards or downwards.</summary>
public unsafe ref struct SortedSetCursor
{
    private readonly Arena _arena;
    private readonly byte* _list;
    private readonly bool _down;
    private bool _started;
    private int _at;
    private RankPosition _position;
    private double _score;
    private long _member;

    internal SortedSetCursor(Arena arena, scoped in EntryRef e, long rank, bool down)
    {
        _arena = arena;
        _down = down;
        if (e.Encoding != Encoding.PackedList)
        {
            _position = RankTree.At(arena, RankedTable.In(e)->Tree, rank);
            return;
        }
        _list = e.ValuePointer;
        _at = rank is >= 0 and <= int.MaxValue / 2 ? PackedList.Seek(_list, (int)rank * 2) : -1;
    }

    public readonly Element Member =>
        _list != null ? PackedList.Read(_list, _at) : new Element(Entry.Key(_arena.At(_member)));

    public readonly double Score => _list != null ? SortedPack.ScoreOf(_list, _at) : _score;

    public readonly SortedSetCursor GetEnumerator() => this;

    public readonly SortedSetCursor Current => this;

    public bool MoveNext()
    {
        if (_list != null)
        {
            if (_started && _at >= 0) _at = _down ? SortedPack.PreviousPair(_list, _at) : SortedPack.NextPair(_list, _at);
            _started = true;
            return _at >= 0;
        }
        if (_started && !_position.IsNone)
            _position = _down ? RankTree.Previous(_arena, _position) : RankTree.Next(_arena, _position);
        _started = true;
        if (_position.IsNone) return false;
        RankTree.Read(_arena, _position, out _score, out _member);
        return true;
    }
}
