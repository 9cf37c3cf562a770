// Removes due keys in the background, guided by the expiry summaries: visits only blocks of buckets that hold a due key, in
// slices of bounded time. On a replica it does nothing: the primary says which keys go.
using System.Diagnostics;

namespace Shoal.Store;

/// <summary>The active expiry cycle. The engine calls <see cref="Run"/> every turn; most calls return at once.</summary>
public sealed unsafe class ExpiryCycle
{
    /// <summary>How often the summaries are read: due keys are found this late at most, unless a slice runs out of time.</summary>
    private const long PeriodMs = 100;
    private const uint All = uint.MaxValue;

    private readonly Databases _databases;
    private long _nextStartMs;
    private int _keyspace;
    private int _slot;
    private uint _blocksLeft = All;
    private bool _underWay;

    internal ExpiryCycle(Databases databases) => _databases = databases;

    /// <summary>True when a pass ran out of its budget: call again soon.</summary>
    public bool IsBehind => _underWay;

    /// <summary>DEBUG SET-ACTIVE-EXPIRE.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Runs for at most about the given time; returns how many keys were removed.</summary>
    public int Run(long budgetMicroseconds)
    {
        if (!Enabled || _databases.ExpiryMode != ExpiryMode.Remove) return 0;
        long now = _databases.NowMs;
        if (!_underWay)
        {
            if (now < _nextStartMs) return 0;
            _nextStartMs = now + PeriodMs;
            (_keyspace, _slot, _blocksLeft, _underWay) = (0, 0, All, true);
        }
        long until = Stopwatch.GetTimestamp() + budgetMicroseconds * Stopwatch.Frequency / 1_000_000;
        uint due = ExpirySummary.Now(now);
        int removed = 0;
        for (; _keyspace < _databases.Count; _keyspace++, _slot = 0)
        {
            Keyspace keyspace = _databases[_keyspace];
            if (keyspace.ExpireCount == 0) continue;
            for (; _slot < keyspace.TableCount; _slot++, _blocksLeft = All)
            {
                SlotTable* table = keyspace.TableAt(_slot);
                if (table->ExpireCount == 0 || table->Earliest > due || keyspace.Walk.IsHidden(_slot)) continue;
                if (!Visit(keyspace, table, due, until, ref removed)) return removed;
            }
        }
        _underWay = false;
        return removed;
    }

    private bool Visit(Keyspace keyspace, SlotTable* table, uint due, long until, ref int removed)
    {
        // From the end down: when removals shrink the table, its last buckets move to lower ones, which are yet to come.
        _blocksLeft = Math.Min(_blocksLeft, ExpirySummary.Blocks(table));
        while (_blocksLeft > 0)
        {
            uint block = --_blocksLeft;
            if (ExpirySummary.Of(keyspace.Arena, table, block) > due) continue;
            removed += VisitBlock(keyspace, table, block);
            if (Stopwatch.GetTimestamp() >= until) return false;
        }
        uint earliest = ExpirySummary.None;
        for (uint block = 0; block < ExpirySummary.Blocks(table); block++)
            earliest = Math.Min(earliest, ExpirySummary.Of(keyspace.Arena, table, block));
        table->Earliest = Math.Max(earliest, 1);
        return true;
    }

    private int VisitBlock(Keyspace keyspace, SlotTable* table, uint block)
    {
        Arena arena = keyspace.Arena;
        long now = _databases.NowMs;
        uint earliest = ExpirySummary.None;
        int removed = 0;
        ExpirySummary.Set(arena, table, block, ExpirySummary.None);
        for (uint i = (block + 1) << 6; i-- > block << 6;)
        {
            if (i >= table->Table.BucketCount) continue;
            byte* bucket = TableGeometry.BucketAt(arena, &table->Table, i);
            Table.PrefetchChain(arena, bucket);
            // Removing ends the enumeration, so start the bucket over after each removal: buckets are short.
            bool again;
            do
            {
                again = false;
                foreach (TablePosition at in new TableEntries(arena, &table->Table, i, i + 1))
                {
                    long expireAt = Entry.ExpireAt(at.Entry);
                    if (expireAt < 0) continue;
                    if (expireAt < now)
                    {
                        keyspace.RemoveExpired(table, new EntryRef(at, _slot));
                        removed++;
                        again = i < table->Table.BucketCount;
                        break;
                    }
                    earliest = Math.Min(earliest, ExpirySummary.Units(expireAt));
                }
            } while (again);
        }
        // A removal may have shrunk the table and moved entries into this block, lowering its number meanwhile.
        uint inherited = ExpirySummary.Of(arena, table, block);
        ExpirySummary.Set(arena, table, block, Math.Min(earliest, inherited));
        return removed;
    }
}
