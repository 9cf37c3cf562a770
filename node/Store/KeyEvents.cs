// The one place where the rest of the node hears of keys that change: WATCH, blocked clients, tracking, and the journal,
// which must tell replicas about keys that vanish without a command.
namespace Shoal.Store;

/// <summary>A notification about one key; the span is valid during the call only.</summary>
public delegate void KeyEvent(Keyspace keyspace, ReadOnlySpan<byte> key, int slot);

/// <summary>Callbacks of a keyspace, shared by all databases. Called on the engine thread; must not change the keyspace.</summary>
public sealed class KeyEvents
{
    /// <summary>A key was created, replaced, removed or its expiry changed. In-place changes are reported by commands (<see cref="RaiseChanged"/>).</summary>
    public KeyEvent? Changed { get; set; }

    /// <summary>A key that did not exist was created; before <see cref="Changed"/>. Null costs nothing.</summary>
    public KeyEvent? Created { get; set; }

    /// <summary>A key was looked up to be read and is not there. Null costs nothing.</summary>
    public KeyEvent? Missed { get; set; }

    /// <summary>A key is about to be removed because its time came. The engine journals a DEL.</summary>
    public KeyEvent? Expired { get; set; }

    /// <summary>A key is about to be removed to make room. The engine journals a DEL.</summary>
    public KeyEvent? Evicted { get; set; }

    /// <summary>All keys of a database vanished at once (FLUSHDB, FLUSHALL, SWAPDB).</summary>
    public Action<Keyspace>? Cleared { get; set; }

    /// <summary>
    /// When <paramref name="held"/>, keys created from now on are not told of (they replace one, or are nobody's); give the result
    /// back to <see cref="Created"/> afterwards.
    /// </summary>
    public KeyEvent? HoldCreated(bool held)
    {
        var created = Created;
        if (held) Created = null;
        return created;
    }

    public void RaiseChanged(Keyspace keyspace, ReadOnlySpan<byte> key, int slot) => Changed?.Invoke(keyspace, key, slot);
}
