// One snapshot in progress: the walker that visits what no write has delivered yet.
using System.Diagnostics;

namespace Shoal.Store;

/// <summary>A cut begun by <see cref="SnapshotCuts.Begin"/>. Step it every turn until <see cref="IsDone"/>; engine thread only.</summary>
public sealed unsafe class SnapshotCut
{
    private readonly SnapshotCuts _cuts;
    private readonly ISnapshotSink _sink;
    private readonly SlotFilter? _filter;
    private readonly Keyspace[] _order;
    private readonly int[] _numbers;
    private int _keyspace;
    private int _slot;
    private uint _bucket;

    internal SnapshotCut(SnapshotCuts cuts, ISnapshotSink sink, SlotFilter? filter, uint epoch, Keyspace[] order)
    {
        _cuts = cuts;
        _sink = sink;
        _filter = filter;
        Epoch = epoch;
        _order = order;
        _numbers = new int[order.Length];
        for (int db = 0; db < order.Length; db++) _numbers[order[db].Identity] = db;
    }

    /// <summary>All entries have been delivered.</summary>
    public bool IsDone { get; private set; }

    public bool IsCancelled { get; private set; }

    /// <summary>Entries delivered so far.</summary>
    public long Delivered { get; private set; }

    internal uint Epoch { get; }

    /// <summary>Walks on for about the given time; returns true when the cut is complete.</summary>
    public bool Step(long budgetMicroseconds)
    {
        if (IsDone || IsCancelled) return IsDone;
        long until = Stopwatch.GetTimestamp() + budgetMicroseconds * Stopwatch.Frequency / 1_000_000;
        int sinceClock = 0;
        while (NextTable(out SlotTable* table))
        {
            Keyspace keyspace = _order[_keyspace];
            while (_bucket < table->Table.BucketCount)
            {
                uint index = _bucket++;
                sinceClock += _cuts.Deliver(keyspace, _slot, table, index, Epoch) + 1;
                if (sinceClock < 64) continue;
                sinceClock = 0;
                if (Stopwatch.GetTimestamp() >= until) return false;
            }
            _bucket = 0;
            _slot++;
            if (sinceClock++ < 64) continue;
            sinceClock = 0;
            if (Stopwatch.GetTimestamp() >= until) return false;
        }
        IsDone = true;
        _cuts.End(this);
        return true;
    }

    /// <summary>Gives the cut up; the sink hears nothing more.</summary>
    public void Cancel()
    {
        if (IsDone || IsCancelled) return;
        IsCancelled = true;
        _cuts.End(this);
    }

    internal bool Covers(int slot) => _filter is null || _filter.Contains(slot);

    internal void Send(Keyspace keyspace, int slot, TablePosition at)
    {
        Delivered++;
        _sink.Entry(_numbers[keyspace.Identity], slot, new EntryRef(at, slot));
    }

    private bool NextTable(out SlotTable* table)
    {
        for (; _keyspace < _order.Length; _keyspace++, _slot = 0)
        {
            Keyspace keyspace = _order[_keyspace];
            for (; _slot < keyspace.TableCount; _slot++, _bucket = 0)
            {
                table = keyspace.TableAt(_slot);
                if (table->Table.BucketCount > 0 && Covers(_slot)) return true;
            }
        }
        table = null;
        return false;
    }
}
