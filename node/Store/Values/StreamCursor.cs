// Why: XRANGE, XREAD, XINFO, savers and tests walk entries from an ID on, upwards or downwards, without allocating. A
// cursor is valid until the next change of the keyspace (of this stream's packs, to be exact: groups may change).

namespace Shoal.Store.Values;

/// <summary>Walks the entries of a stream between two IDs, deleted ones left out.</summary>
public unsafe ref struct StreamCursor
{
    private readonly Arena _arena;
    private readonly bool _down;
    private readonly StreamId _from;
    private readonly StreamId _to;
    private IdPosition _pack;
    private byte* _list;
    private StreamId _master;
    private long _masterFields;
    private int _masterAt;
    private int _first;
    private int _edge;
    private int _body;
    private long _flags;

    internal StreamCursor(Arena arena, StreamHeader* s, StreamId from, StreamId to, bool down)
    {
        _arena = arena;
        _down = down;
        _from = from;
        _to = to;
        if (from > to) return;
        _pack = IdTree.Floor(arena, s->Packs, down ? to : from);
        if (_pack.IsNone && !down) _pack = IdTree.First(arena, s->Packs);
        Open();
    }

    /// <summary>ID of the entry here.</summary>
    public StreamId Id { get; private set; }

    /// <summary>Field-value pairs of the entry here.</summary>
    public long FieldCount { get; private set; }

    /// <summary>The pairs.</summary>
    public readonly StreamFields Fields => new(_list, _masterAt, _body, (_flags & StreamPack.SameFields) != 0, FieldCount);

    public bool MoveNext()
    {
        while (!_pack.IsNone)
        {
            int entry = _down ? StreamPack.EntryBefore(_list, _edge, _first) : StreamPack.IsEnd(_list, _edge) ? -1 : _edge;
            if (entry < 0)
            {
                _pack = _down ? IdTree.Previous(_arena, _pack) : IdTree.Next(_arena, _pack);
                Open();
                continue;
            }
            _body = StreamPack.Head(_list, entry, _master, _masterFields, out _flags, out var id, out long fields);
            _edge = _down ? entry : StreamPack.EntryEnd(_list, _body, _flags, fields);
            if (_down ? id < _from : id > _to) break;
            if ((_flags & StreamPack.Deleted) != 0 || id < _from || id > _to) continue;
            Id = id;
            FieldCount = fields;
            return true;
        }
        _pack = default;
        return false;
    }

    private void Open()
    {
        if (_pack.IsNone) return;
        _list = StreamHeader.List(_arena, IdTree.ValueAt(_arena, _pack));
        _master = IdTree.IdAt(_arena, _pack);
        _masterAt = StreamPack.MasterFields(_list, out _masterFields);
        _first = StreamPack.FirstEntry(_list);
        _edge = _down ? PackedList.TotalBytes(_list) - 1 : _first;
    }
}

/// <summary>The field-value pairs of one entry.</summary>
public unsafe ref struct StreamFields
{
    private readonly byte* _list;
    private readonly bool _same;
    private int _nameAt;
    private int _valueAt;
    private long _left;
    private bool _started;

    internal StreamFields(byte* list, int masterAt, int body, bool same, long count)
    {
        _list = list;
        _same = same;
        _left = count;
        _nameAt = same ? masterAt : body;
        _valueAt = same ? body : 0;
    }

    public readonly Element Name => PackedList.Read(_list, _nameAt);

    public readonly Element Value => PackedList.Read(_list, _valueAt);

    public readonly StreamFields GetEnumerator() => this;

    public readonly StreamFields Current => this;

    public bool MoveNext()
    {
        if (_left-- <= 0) return false;
        if (_started)
        {
            _nameAt = StreamPack.After(_list, _same ? _nameAt : _valueAt);
            if (_same) _valueAt = StreamPack.After(_list, _valueAt);
        }
        if (!_same) _valueAt = StreamPack.After(_list, _nameAt);
        return _started = true;
    }
}

/// <summary>Walks the packs of a stream.</summary>
public unsafe ref struct StreamPacks
{
    private readonly Arena _arena;
    private readonly IdTreeHeader _tree;
    private IdPosition _at;
    private bool _started;

    internal StreamPacks(Arena arena, IdTreeHeader tree)
    {
        _arena = arena;
        _tree = tree;
    }

    public readonly StreamId Master => IdTree.IdAt(_arena, _at);

    public readonly ReadOnlySpan<byte> Bytes
    {
        get
        {
            byte* list = StreamHeader.List(_arena, IdTree.ValueAt(_arena, _at));
            return new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list));
        }
    }

    public readonly StreamPacks GetEnumerator() => this;

    public readonly StreamPacks Current => this;

    public bool MoveNext()
    {
        _at = _started ? IdTree.Next(_arena, _at) : IdTree.First(_arena, _tree);
        _started = true;
        return !_at.IsNone;
    }
}
