// Ways through a database that do not begin with a key: scans, random choice, the keys of a slot. Slots that are being
// imported are passed over until they are ours.
namespace Shoal.Store;

/// <summary>Walks one keyspace. Engine thread only.</summary>
public sealed unsafe class KeyspaceWalk
{
    private readonly Keyspace _keys;

    internal KeyspaceWalk(Keyspace keys) => _keys = keys;

    /// <summary>
    /// Slots being imported (cluster mode): their keys do not show in scans and random choice, and neither expire nor are
    /// evicted by this node, until the slots' ownership flips. Lookups and snapshot cuts see them. Null = none.
    /// </summary>
    public SlotFilter? Hidden { get; set; }

    /// <summary>Number of keys outside <see cref="Hidden"/> slots.</summary>
    public long VisibleCount
    {
        get
        {
            if (Hidden is null || _keys.TableCount == 1) return _keys.Count;
            long count = 0;
            for (int slot = 0; slot < _keys.TableCount; slot++)
                if (!Hidden.Contains(slot)) count += _keys.TableAt(slot)->Table.Count;
            return count;
        }
    }

    /// <summary>Visits the next bucket of a scan; returns the next cursor, 0 at the end. Due keys are visited as well.</summary>
    public ulong ScanStep<TVisitor>(ulong cursor, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor, allows ref struct
    {
        if (_keys.TableCount == 1) return TableScan.Step(_keys.Arena, &_keys.TableAt(0)->Table, cursor, ref visitor);
        // Cluster mode: the low 14 bits of the cursor are the slot.
        int slot = (int)cursor & (_keys.TableCount - 1);
        ulong next = IsHidden(slot) ? 0 : TableScan.Step(_keys.Arena, &_keys.TableAt(slot)->Table, cursor >> 14, ref visitor);
        while (next == 0)
        {
            if (++slot == _keys.TableCount) return 0;
            if (_keys.TableAt(slot)->Table.Count > 0 && !IsHidden(slot)) break;
        }
        return next << 14 | (uint)slot;
    }

    /// <summary>A key chosen with equal chances, due ones excluded as far as a few tries go; false when none.</summary>
    public bool RandomEntry(out EntryRef entry)
    {
        entry = default;
        for (int tries = 0; tries < 100; tries++)
        {
            int slot = RandomSlot();
            if (slot < 0) break;
            TablePosition at = TableScan.Random(_keys.Arena, &_keys.TableAt(slot)->Table, ref _keys.Owner.Random);
            entry = new EntryRef(at, slot);
            if (!IsDue(at.Entry) || _keys.Owner.ExpiryMode == ExpiryMode.Ignore) return true;
            if (_keys.Owner.ExpiryMode == ExpiryMode.Remove) _keys.RemoveExpired(_keys.TableAt(slot), entry);
        }
        return entry.Exists && _keys.Owner.ExpiryMode != ExpiryMode.Remove;
    }

    /// <summary>True when the entry's time has come, whatever the expiry mode.</summary>
    public bool IsDue(byte* entry)
    {
        long at = Entry.ExpireAt(entry);
        return at >= 0 && at < _keys.Owner.NowMs;
    }

    /// <summary>Visits up to <paramref name="max"/> keys of a slot; returns how many.</summary>
    public int KeysInSlot(int slot, int max, KeyVisitor visitor)
    {
        int visited = 0;
        foreach (TablePosition at in new TableEntries(_keys.Arena, &_keys.TableAt(slot)->Table))
        {
            if (visited == max) break;
            visitor(Entry.Key(at.Entry));
            visited++;
        }
        return visited;
    }

    /// <summary>A visible slot with chances in proportion to its keys; -1 when there is no key.</summary>
    internal int RandomSlot()
    {
        if (_keys.Count == 0) return -1;
        if (_keys.TableCount == 1) return 0;
        // Adding up 16,384 counts takes 20 us; rejection on random slots is quick when keys are spread, so try it first.
        long fair = Math.Min(_keys.Count / _keys.TableCount * 4 + 4, int.MaxValue);
        for (int tries = 0; tries < 64; tries++)
        {
            int slot = (int)_keys.Owner.Random.Below((uint)_keys.TableCount);
            if (_keys.Owner.Random.Below((uint)fair) < _keys.TableAt(slot)->Table.Count && !IsHidden(slot)) return slot;
        }
        long visible = VisibleCount;
        if (visible == 0) return -1;
        long target = (long)(_keys.Owner.Random.Next() % (ulong)visible);
        for (int slot = 0; slot < _keys.TableCount; slot++)
            if (!IsHidden(slot) && (target -= _keys.TableAt(slot)->Table.Count) < 0) return slot;
        return -1;
    }

    internal bool IsHidden(int slot) => Hidden is not null && Hidden.Contains(slot);
}

/// <summary>Takes a key; the span is valid during the call only.</summary>
public delegate void KeyVisitor(ReadOnlySpan<byte> key);
