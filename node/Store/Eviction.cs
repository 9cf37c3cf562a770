// Makes room when data outgrows maxmemory.
//
// Finding the least recently used of millions of keys exactly would need a list through all of them: 16 bytes a key and a
// cache miss per access. Sampling comes close: look at a few random keys, evict the stalest. Three things make it good
// here. A sample is two whole buckets, about 15 keys for the price of two random accesses plus prefetched entries, where Redis
// looks at 5. Candidates that were not evicted stay in a pool of 16, ordered by staleness, so that a stale key seen once
// is not forgotten. And the pool remembers keys by their 64-bit hash, not by address: entries move, so before the eviction the
// key is looked up again by hash, and one that was touched since is judged anew.
//
// Policies: allkeys-* consider every key, volatile-* only those with an expiry. lru and lfu judge by the entry's access
// clock, ttl by the nearest expiry, random takes what comes.
namespace Shoal.Store;

/// <summary>maxmemory-policy.</summary>
public enum EvictionPolicy
{
    NoEviction,
    AllKeysLru,
    AllKeysLfu,
    AllKeysRandom,
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
}

/// <summary>Evicts keys until the data fits <see cref="MemoryAccount.MaxMemory"/>.</summary>
public sealed unsafe class Eviction
{
    private const int PoolSize = 16;
    private const int BucketsPerSample = 2;
    private const int FruitlessLimit = 1000;
    private const int SamplesBeforeSweep = 8;

    private readonly Databases _databases;
    private readonly Candidate[] _pool = new Candidate[PoolSize];
    private int _pooled;
    private EvictionPolicy _policy = EvictionPolicy.NoEviction;

    internal Eviction(Databases databases) => _databases = databases;

    /// <summary>The policy; changing it forgets the candidates.</summary>
    public EvictionPolicy Policy
    {
        get => _policy;
        set
        {
            _policy = value;
            _pooled = 0;
            _databases.Clock.CountsFrequency = value is EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLfu;
        }
    }

    private bool VolatileOnly => _policy >= EvictionPolicy.VolatileLru;

    private bool AtRandom => _policy is EvictionPolicy.AllKeysRandom or EvictionPolicy.VolatileRandom;

    /// <summary>
    /// Evicts until the data fits or <paramref name="limit"/> keys went. True when within the limit; false when over it with
    /// nothing left to evict, so that commands that need memory must be refused.
    /// </summary>
    public bool MakeRoom(int limit = int.MaxValue)
    {
        while (_databases.Memory.Excess > 0)
        {
            if (_policy == EvictionPolicy.NoEviction || limit-- == 0) return _policy != EvictionPolicy.NoEviction;
            if (!EvictOne()) return false;
        }
        return true;
    }

    private bool EvictOne()
    {
        for (int round = 0; round < FruitlessLimit; round++)
        {
            bool sampled = AtRandom && _pooled > 0 || (VolatileOnly && round >= SamplesBeforeSweep ? Sweep() : Sample());
            while (_pooled > 0)
            {
                Candidate best = _pool[--_pooled];
                if (TryEvict(best)) return true;
            }
            if (!sampled) return false;
        }
        return false;
    }

    /// <summary>Looks at a few buckets of every database; false when there is no key to look at.</summary>
    private bool Sample()
    {
        bool any = false;
        for (int db = 0; db < _databases.Count; db++)
        {
            Keyspace keyspace = _databases[db];
            if ((VolatileOnly ? keyspace.ExpireCount : keyspace.Count) == 0) continue;
            for (int i = 0; i < BucketsPerSample; i++)
            {
                int slot = keyspace.Walk.RandomSlot();
                if (slot < 0) break;
                any = true;
                SlotTable* table = keyspace.TableAt(slot);
                Look(keyspace, slot, table, _databases.Random.Below(table->Table.BucketCount));
            }
        }
        return any;
    }

    /// <summary>
    /// Where keys with an expiry are few, chance does not find them: goes through the expiry summaries from a random place on
    /// to the next block that may hold some. False when there are none at all.
    /// </summary>
    private bool Sweep()
    {
        for (int db = 0; db < _databases.Count; db++)
        {
            Keyspace keyspace = _databases[db];
            if (keyspace.ExpireCount == 0) continue;
            int first = (int)_databases.Random.Below((uint)keyspace.TableCount);
            for (int i = 0; i < keyspace.TableCount; i++)
            {
                int slot = (first + i) % keyspace.TableCount;
                SlotTable* table = keyspace.TableAt(slot);
                if (table->ExpireCount > 0 && !keyspace.Walk.IsHidden(slot) && SweepTable(keyspace, slot, table)) return true;
            }
        }
        return false;
    }

    private bool SweepTable(Keyspace keyspace, int slot, SlotTable* table)
    {
        uint blocks = ExpirySummary.Blocks(table), first = _databases.Random.Below(blocks);
        for (uint i = 0; i < blocks; i++)
        {
            uint block = (first + i) % blocks;
            if (ExpirySummary.Of(keyspace.Arena, table, block) == ExpirySummary.None) continue;
            uint end = Math.Min((block + 1) << 6, table->Table.BucketCount);
            for (uint index = block << 6; index < end; index++) Look(keyspace, slot, table, index);
            if (_pooled > 0) return true;
        }
        return false;
    }

    private void Look(Keyspace keyspace, int slot, SlotTable* table, uint index)
    {
        Arena arena = keyspace.Arena;
        Table.PrefetchChain(arena, TableGeometry.BucketAt(arena, &table->Table, index));
        foreach (TablePosition at in new TableEntries(arena, &table->Table, index, index + 1))
        {
            if (VolatileOnly && !Entry.HasExpiry(at.Entry)) continue;
            Offer(new Candidate(arena.Hash.Of(Entry.Key(at.Entry)), Score(at.Entry), keyspace.Identity, slot));
        }
    }

    /// <summary>Higher = rather evict.</summary>
    private ulong Score(byte* entry) => _policy switch
    {
        EvictionPolicy.VolatileTtl => ulong.MaxValue - (ulong)Entry.ExpireAt(entry),
        _ when AtRandom => _databases.Random.Next(),
        _ => _databases.Clock.Staleness(Entry.Clock(entry)),
    };

    private void Offer(Candidate candidate)
    {
        int place = _pooled;
        for (int i = 0; i < _pooled; i++)
            if (_pool[i].Hash == candidate.Hash && _pool[i].Keyspace == candidate.Keyspace) return;
        while (place > 0 && _pool[place - 1].Score > candidate.Score) place--;
        if (_pooled < PoolSize)
        {
            Array.Copy(_pool, place, _pool, place + 1, _pooled - place);
            _pool[place] = candidate;
            _pooled++;
        }
        else if (place > 0)
        {
            Array.Copy(_pool, 1, _pool, 0, place - 1);
            _pool[place - 1] = candidate;
        }
    }

    private bool TryEvict(Candidate candidate)
    {
        Keyspace? keyspace = _databases.ByIdentity(candidate.Keyspace);
        if (keyspace is null) return false;
        SlotTable* table = keyspace.TableAt(candidate.Slot);
        if (table->Table.BucketCount == 0) return false;
        Arena arena = keyspace.Arena;
        uint index = TableGeometry.IndexOf(&table->Table, candidate.Hash);
        foreach (TablePosition at in new TableEntries(arena, &table->Table, index, index + 1))
        {
            if (arena.Hash.Of(Entry.Key(at.Entry)) != candidate.Hash) continue;
            if (VolatileOnly && !Entry.HasExpiry(at.Entry)) return false;
            if (!AtRandom && Score(at.Entry) < candidate.Score) return false;
            keyspace.RemoveEvicted(table, new EntryRef(at, candidate.Slot));
            return true;
        }
        return false;
    }

    private readonly record struct Candidate(ulong Hash, ulong Score, int Keyspace, int Slot);
}
