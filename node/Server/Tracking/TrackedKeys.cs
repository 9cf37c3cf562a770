// The invalidation table: which sessions have read which key since it last changed. Keys are known by name alone, whatever
// their database, as clients cache them. A key is forgotten when its readers have been told.
using System.Runtime.InteropServices;
using Shoal.Server.PubSub;

namespace Shoal.Server.Tracking;

/// <summary>Keys and the ids of sessions that may hold them. Ids of sessions that left stay until the key goes.</summary>
internal sealed class TrackedKeys
{
    private readonly Dictionary<byte[], TrackedKey> _keys = new(ByteText.Comparer);
    private readonly Dictionary<byte[], TrackedKey>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;
    private readonly List<TrackedKey> _inAnyOrder = [];

    public TrackedKeys() => _bySpan = _keys.GetAlternateLookup<ReadOnlySpan<byte>>();

    public int Count => _keys.Count;

    /// <summary>Readers of all keys together.</summary>
    public long Items { get; private set; }

    /// <summary>Notes a reader. Allocates only for a key not known yet, or a second reader.</summary>
    public void Add(ReadOnlySpan<byte> key, long reader)
    {
        ref var tracked = ref CollectionsMarshal.GetValueRefOrAddDefault(_bySpan, key, out bool known);
        if (!known)
        {
            tracked = new TrackedKey(key.ToArray(), reader, _inAnyOrder.Count);
            _inAnyOrder.Add(tracked);
            Items++;
        }
        else if (tracked!.Add(reader)) Items++;
    }

    /// <summary>Takes a key out; false when nobody has read it.</summary>
    public bool Take(ReadOnlySpan<byte> key, out TrackedKey tracked)
    {
        if (!_bySpan.TryGetValue(key, out tracked!)) return false;
        _keys.Remove(tracked.Key);
        // The last one takes its place, so that a random key is one draw.
        var last = _inAnyOrder[^1];
        _inAnyOrder[tracked.Place] = last;
        last.Place = tracked.Place;
        _inAnyOrder.RemoveAt(_inAnyOrder.Count - 1);
        Items -= tracked.Readers;
        return true;
    }

    /// <summary>Some key; there must be one.</summary>
    public byte[] Any() => _inAnyOrder[Random.Shared.Next(_inAnyOrder.Count)].Key;

    public void Clear()
    {
        _keys.Clear();
        _inAnyOrder.Clear();
        Items = 0;
    }
}

/// <summary>One key's readers; most have one.</summary>
internal sealed class TrackedKey(byte[] key, long first, int place)
{
    private HashSet<long>? _all;

    public byte[] Key => key;

    public int Place { get; set; } = place;

    public int Readers => _all?.Count ?? 1;

    public IEnumerable<long> Ids => _all ?? [first];

    /// <summary>False when it is one already.</summary>
    public bool Add(long reader)
    {
        if (_all is null && reader == first) return false;
        return (_all ??= [first]).Add(reader);
    }
}
