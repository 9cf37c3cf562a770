// Deletes keys of slots that went to another node, a few per turn so that no client feels it. Replicas hear of it as UNLINK like of
// any other deletion. While a slot is being purged it cannot be imported again.
using Shoal.Protocol.Slots;
using Shoal.Server.Hosting;

namespace Shoal.Server.Cluster;

internal sealed class SlotPurge(NodeServices node)
{
    private const int KeysPerTurn = 512;
    private readonly Queue<int> _slots = new();
    private readonly List<byte[]> _batch = [];
    private SlotSet _pending = SlotSet.Empty;

    /// <summary>Slots not purged yet.</summary>
    public SlotSet Pending => _pending;

    public void Add(SlotSet slots)
    {
        foreach (int slot in slots.Except(_pending)) _slots.Enqueue(slot);
        _pending = _pending.Union(slots);
        if (_slots.Count > 0) node.Engine.Hurry();
    }

    /// <summary>Stops: the data is about to be replaced.</summary>
    public void Clear()
    {
        _slots.Clear();
        _pending = SlotSet.Empty;
    }

    /// <summary>Takes the slots off the list: they are owned again.</summary>
    public void Cancel(SlotSet slots)
    {
        if (!_pending.Overlaps(slots)) return;
        _pending = _pending.Except(slots);
        var rest = _slots.Where(s => _pending.Contains(s)).ToArray();
        _slots.Clear();
        foreach (int slot in rest) _slots.Enqueue(slot);
    }

    /// <summary>Deletes whatever the slots hold, now.</summary>
    public void FinishNow(SlotSet slots)
    {
        Cancel(slots);
        foreach (int slot in slots)
            while (node.Databases[0].CountInSlot(slot) > 0 && RemoveSome(slot, KeysPerTurn) > 0) { }
    }

    /// <summary>One slice; called every turn.</summary>
    public void Step()
    {
        int left = KeysPerTurn;
        while (left > 0 && _slots.TryPeek(out int slot))
        {
            int removed = RemoveSome(slot, left);
            left -= removed;
            if (node.Databases[0].CountInSlot(slot) > 0 && removed > 0) continue;
            _slots.Dequeue();
            _pending = _slots.Count == 0 ? SlotSet.Empty : _pending.Without(slot);
        }
        if (_slots.Count > 0) node.Engine.Hurry();
    }

    private int RemoveSome(int slot, int max)
    {
        var keys = node.Databases[0];
        _batch.Clear();
        keys.Walk.KeysInSlot(slot, max, key => _batch.Add(key.ToArray()));
        if (_batch.Count == 0) return 0;
        var journal = node.Journal;
        journal.Begin(_batch.Count + 1);
        journal.Arg("UNLINK"u8);
        foreach (byte[] key in _batch) journal.Arg(key);
        journal.End(0, -1);
        foreach (byte[] key in _batch) keys.Remove(key, slot);
        return _batch.Count;
    }
}
