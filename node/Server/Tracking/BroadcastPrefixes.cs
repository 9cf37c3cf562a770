// BCAST mode: sessions by prefix, and the keys under each that changed in this turn. They are told once at its end, with one
// message per prefix.
using Shoal.Server.Sessions;

namespace Shoal.Server.Tracking;

/// <summary>A prefix with its sessions.</summary>
internal sealed class BroadcastPrefix(byte[] text)
{
    public byte[] Text => text;

    public HashSet<Session> Sessions { get; } = [];

    /// <summary>Keys changed in this turn, in byte order, and who changed each last (null: nobody, it expired).</summary>
    public SortedDictionary<byte[], Session?> Changed { get; } = new(ByteOrder.Comparer);
}

/// <summary>All prefixes that are followed.</summary>
internal sealed class BroadcastPrefixes
{
    private readonly SortedDictionary<byte[], BroadcastPrefix> _prefixes = new(ByteOrder.Comparer);

    public int Count => _prefixes.Count;

    public bool AnyChanged { get; private set; }

    public void Add(Session session, byte[] text)
    {
        if (!_prefixes.TryGetValue(text, out var prefix)) _prefixes[text] = prefix = new BroadcastPrefix(text);
        prefix.Sessions.Add(session);
    }

    public void Remove(Session session, byte[] text)
    {
        if (!_prefixes.TryGetValue(text, out var prefix)) return;
        prefix.Sessions.Remove(session);
        if (prefix.Sessions.Count == 0) _prefixes.Remove(text);
    }

    /// <summary>A key changed, by <paramref name="by"/>'s command or by itself.</summary>
    public void KeyChanged(ReadOnlySpan<byte> key, Session? by)
    {
        byte[]? copy = null;
        foreach (var prefix in _prefixes.Values)
        {
            if (!key.StartsWith(prefix.Text)) continue;
            prefix.Changed[copy ??= key.ToArray()] = by;
            AnyChanged = true;
        }
    }

    /// <summary>Gives every prefix with changes to <paramref name="tell"/> and forgets them.</summary>
    public void Drain(Action<BroadcastPrefix> tell)
    {
        AnyChanged = false;
        foreach (var prefix in _prefixes.Values)
        {
            if (prefix.Changed.Count == 0) continue;
            tell(prefix);
            prefix.Changed.Clear();
        }
    }
}
