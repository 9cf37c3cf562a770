// Snapshot without fork. A cut takes the next epoch number. Every bucket carries the epoch up to which it has been delivered;
// a bucket with an older one still shows what it held at the cut, because whoever is about to change a bucket first
// calls BeforeChange, which delivers it. The walker delivers the rest in slices. Several cuts may be under way: a
// bucket is delivered to each whose epoch is newer than the bucket's, in one go, and stamped.
//
//   bucket stamp 4, cuts with epochs 5 and 7 active:
//     a write comes first  -> delivered to 5 and 7, stamp 7; both walkers pass it by
//     walker 5 comes first -> delivered to 5, stamp 5; later a write or walker 7 delivers it to 7
//
// Buckets born after a cut carry its epoch and are passed by. A split or merge first delivers all buckets it touches, so
// that no entry can slip from an undelivered bucket to a delivered one.
namespace Shoal.Store;

/// <summary>The snapshot cuts of a node's databases. Engine thread only.</summary>
public sealed unsafe class SnapshotCuts
{
    private readonly Databases _databases;
    private readonly List<SnapshotCut> _active = [];

    internal SnapshotCuts(Databases databases) => _databases = databases;

    /// <summary>Cuts under way.</summary>
    public int ActiveCount => _active.Count;

    /// <summary>The newest cut's number; what new buckets are stamped with.</summary>
    internal uint Epoch { get; private set; }

    /// <summary>Read on every write: is there anything to deliver before a change?</summary>
    internal bool Any { get; private set; }

    /// <summary>Cuts all databases now. The entries follow through <see cref="SnapshotCut.Step"/> and ahead of writes.</summary>
    /// <param name="sink">Receives the entries.</param>
    /// <param name="filter">Slots to cover (cluster mode); null = all.</param>
    public SnapshotCut Begin(ISnapshotSink sink, SlotFilter? filter = null)
    {
        if (Epoch == Bucket.MaxEpoch) StartEpochsOver();
        var cut = new SnapshotCut(this, sink, filter, ++Epoch, _databases.InOrder());
        _active.Add(cut);
        Any = true;
        return cut;
    }

    internal void End(SnapshotCut cut)
    {
        _active.Remove(cut);
        Any = _active.Count > 0;
    }

    /// <summary>Must run before a bucket, its chain, or anything its entries refer to changes.</summary>
    internal void BeforeChange(Keyspace keyspace, int slot, SlotTable* table, uint bucket) =>
        Deliver(keyspace, slot, table, bucket, Epoch);

    /// <summary>Delivers a bucket to every cut up to an epoch that has not had it; returns how many entries that were.</summary>
    internal int Deliver(Keyspace keyspace, int slot, SlotTable* table, uint index, uint epoch)
    {
        byte* bucket = TableGeometry.BucketAt(keyspace.Arena, &table->Table, index);
        uint stamp = Bucket.Epoch(bucket);
        if (stamp >= epoch) return 0;
        Bucket.SetEpoch(bucket, epoch);
        Table.PrefetchChain(keyspace.Arena, bucket);
        int delivered = 0;
        foreach (SnapshotCut cut in _active)
        {
            if (cut.Epoch <= stamp || cut.Epoch > epoch || !cut.Covers(slot)) continue;
            foreach (TablePosition at in new TableEntries(keyspace.Arena, &table->Table, index, index + 1))
            {
                cut.Send(keyspace, slot, at);
                delivered++;
            }
        }
        return delivered;
    }

    /// <summary>A whole table is about to go.</summary>
    internal void BeforeClear(Keyspace keyspace, int slot, SlotTable* table)
    {
        for (uint i = 0; i < table->Table.BucketCount; i++) Deliver(keyspace, slot, table, i, Epoch);
    }

    // After two million cuts the 21 bits are used up: set every stamp back, which needs a moment without a cut.
    private void StartEpochsOver()
    {
        if (Any) throw new InvalidOperationException("Too many snapshot cuts at once.");
        foreach (Keyspace keyspace in _databases.InOrder())
        {
            for (int slot = 0; slot < keyspace.TableCount; slot++)
            {
                SlotTable* table = keyspace.TableAt(slot);
                for (uint i = 0; i < table->Table.BucketCount; i++)
                    Bucket.SetEpoch(TableGeometry.BucketAt(keyspace.Arena, &table->Table, i), 0);
            }
        }
        Epoch = 0;
    }
}
