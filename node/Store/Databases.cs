// All databases of a node over one arena, and what they share: clock, limits, events, snapshots.
using System.Diagnostics;
using Shoal.Store.Values;

namespace Shoal.Store;

/// <summary>How lookups treat a key whose time has come.</summary>
public enum ExpiryMode
{
    /// <summary>Remove it and tell (a primary).</summary>
    Remove,

    /// <summary>Hide it, but leave removal to the primary (clients of a replica).</summary>
    Hide,

    /// <summary>Treat it as alive (applying a journal or the primary's stream, which say themselves what is removed).</summary>
    Ignore,
}

/// <summary>The databases of one node. Engine thread only.</summary>
public sealed class Databases : IDisposable
{
    public const int SlotCount = 16384;

    private readonly Keyspace[] _keyspaces;
    private readonly IValueLifetime?[] _lifetimes = new IValueLifetime?[16];
    private long _nowMs;

    /// <summary>Random numbers for choices that need no secrecy.</summary>
    internal SmallRandom Random = new((ulong)Stopwatch.GetTimestamp());

    /// <param name="arena">Where everything lives; disposed with this object.</param>
    /// <param name="count">Number of databases.</param>
    /// <param name="clusterMode">One table per slot in database 0.</param>
    public Databases(Arena arena, int count = 16, bool clusterMode = false)
    {
        Arena = arena;
        ClusterMode = clusterMode;
        Memory = new MemoryAccount(arena);
        Snapshots = new SnapshotCuts(this);
        _keyspaces = new Keyspace[count];
        for (int i = 0; i < count; i++) _keyspaces[i] = new Keyspace(this, i, clusterMode && i == 0);
        foreach (Keyspace keyspace in _keyspaces) keyspace.StartCharging();
        ExpiryCycle = new ExpiryCycle(this);
        Eviction = new Eviction(this);
        CollectionLifetimes.Register(this);
    }

    public Keyspace this[int db] => _keyspaces[db];

    public int Count => _keyspaces.Length;

    public Arena Arena { get; }

    public bool ClusterMode { get; }

    public MemoryAccount Memory { get; }

    public KeyEvents Events { get; } = new();

    public SnapshotCuts Snapshots { get; }

    public AccessClock Clock { get; } = new();

    public StoreCounters Counters { get; } = new();

    /// <summary>Thresholds between compact and large encodings.</summary>
    public ValueLimits Limits { get; } = new();

    public ExpiryCycle ExpiryCycle { get; }

    public Eviction Eviction { get; }

    /// <summary>How lookups and the expiry cycle treat due keys. The dispatcher sets it per command source.</summary>
    public ExpiryMode ExpiryMode { get; set; } = ExpiryMode.Remove;

    /// <summary>Unix time in ms; the engine sets it at each turn. All expiry is judged by it.</summary>
    public long NowMs
    {
        get => _nowMs;
        set
        {
            _nowMs = value;
            Clock.Advance(value);
            Memory.NotePeak();
        }
    }

    /// <summary>Keys in all databases.</summary>
    public long TotalKeys
    {
        get
        {
            long total = 0;
            foreach (Keyspace keyspace in _keyspaces) total += keyspace.Count;
            return total;
        }
    }

    /// <summary>Names the owner of what values of a type keep outside their entry.</summary>
    public void Register(ValueType type, IValueLifetime lifetime) => _lifetimes[(int)type] = lifetime;

    internal IValueLifetime? LifetimeOf(ValueType type) => _lifetimes[(int)type];

    /// <summary>Exchanges two databases' contents (SWAPDB).</summary>
    public void Swap(int first, int second)
    {
        (_keyspaces[first], _keyspaces[second]) = (_keyspaces[second], _keyspaces[first]);
        _keyspaces[first].Index = first;
        _keyspaces[second].Index = second;
        Events.Cleared?.Invoke(_keyspaces[first]);
        Events.Cleared?.Invoke(_keyspaces[second]);
    }

    /// <summary>Removes every key of every database (FLUSHALL).</summary>
    public void Clear()
    {
        foreach (Keyspace keyspace in _keyspaces) keyspace.Clear();
    }

    public void Dispose() => Arena.Dispose();

    internal Keyspace? ByIdentity(int identity)
    {
        foreach (Keyspace keyspace in _keyspaces)
            if (keyspace.Identity == identity) return keyspace;
        return null;
    }

    internal Keyspace[] InOrder() => (Keyspace[])_keyspaces.Clone();
}
