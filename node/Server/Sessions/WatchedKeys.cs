// WATCH: which sessions look at which keys. A change of a watched key marks its sessions; their EXEC then answers null.
using System.Runtime.InteropServices;
using Shoal.Store;

namespace Shoal.Server.Sessions;

/// <summary>The keys one session watches.</summary>
internal sealed class WatchedKeys
{
    public List<(int Db, byte[] Key, int Slot, bool Existed)> Keys { get; } = [];

    /// <summary>One of them changed.</summary>
    public bool Dirty { get; set; }
}

/// <summary>All watched keys of the node. Engine thread.</summary>
internal sealed class WatchRegistry
{
    private readonly Dictionary<KeyName, List<WatchedKeys>> _watchers = new(KeyNameComparer.Instance);

    private readonly record struct KeyName(int Db, byte[] Key);

    /// <summary>Nobody watches anything: changes need not be looked up.</summary>
    public bool IsEmpty => _watchers.Count == 0;

    public void Watch(WatchedKeys by, int db, ReadOnlySpan<byte> key, int slot, bool exists)
    {
        foreach (var (d, k, _, _) in by.Keys)
            if (d == db && key.SequenceEqual(k)) return;
        byte[] copy = key.ToArray();
        by.Keys.Add((db, copy, slot, exists));
        ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(_watchers, new KeyName(db, copy), out _);
        (list ??= []).Add(by);
    }

    public void Unwatch(WatchedKeys by)
    {
        foreach (var (db, key, _, _) in by.Keys)
        {
            var name = new KeyName(db, key);
            if (!_watchers.TryGetValue(name, out var list)) continue;
            list.Remove(by);
            if (list.Count == 0) _watchers.Remove(name);
        }
        by.Keys.Clear();
        by.Dirty = false;
    }

    /// <summary>A key changed, expired or was evicted.</summary>
    public void Changed(int db, ReadOnlySpan<byte> key)
    {
        if (_watchers.Count == 0) return;
        if (!_watchers.TryGetValue(new KeyName(db, key.ToArray()), out var list)) return;
        foreach (var by in list) by.Dirty = true;
    }

    /// <summary>Everything of a database vanished (FLUSHDB, SWAPDB, a full sync): who watched a key that was there, or that
    /// <paramref name="now"/> is, is told. A key created since WATCH has made its watcher dirty already.</summary>
    public void Cleared(Keyspace now)
    {
        foreach (var (name, list) in _watchers)
        {
            if (name.Db != now.Index) continue;
            foreach (var by in list)
                by.Dirty |= by.Keys.Exists(k => k.Db == name.Db && k.Key.AsSpan().SequenceEqual(name.Key) && (k.Existed || now.Peek(k.Key, k.Slot).Exists));
        }
    }

    private sealed class KeyNameComparer : IEqualityComparer<KeyName>
    {
        public static readonly KeyNameComparer Instance = new();

        public bool Equals(KeyName a, KeyName b) => a.Db == b.Db && a.Key.AsSpan().SequenceEqual(b.Key);

        public int GetHashCode(KeyName name)
        {
            var hash = new HashCode();
            hash.AddBytes(name.Key);
            hash.Add(name.Db);
            return hash.ToHashCode();
        }
    }
}
