// One input of sorted set algebra: a sorted set, a plain set (every score 1), or an absent key (nothing).
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

internal readonly struct ScoredInput(Keyspace keys, EntryRef e, double weight)
{
    private readonly Keyspace _keys = keys;
    private readonly EntryRef _entry = e;
    private readonly double _weight = weight;

    private bool IsSet => _entry.Type == ValueType.Set;

    public long Count => !_entry.Exists ? 0 : IsSet ? SetValue.Count(_entry) : SortedSetValue.Count(_entry);

    /// <summary>A score times the weight; 0 where that is no number (infinity times 0).</summary>
    public double Weighted(double score)
    {
        double weighted = score * _weight;
        return double.IsNaN(weighted) ? 0 : weighted;
    }

    public bool TryGetScore(ReadOnlySpan<byte> member, out double score)
    {
        score = 1;
        if (!_entry.Exists) return false;
        return IsSet ? SetValue.Contains(_keys, _entry, member) : SortedSetValue.TryGetScore(_keys, _entry, member, out score);
    }

    public InputWalk Walk() => new(_keys, _entry);

    internal ref struct InputWalk
    {
        private readonly bool _any, _isSet;
        private SetCursor _set;
        private SortedSetCursor _sorted;

        internal InputWalk(Keyspace keys, scoped in EntryRef e)
        {
            _any = e.Exists;
            if (!_any) return;
            _isSet = e.Type == ValueType.Set;
            if (_isSet) _set = SetValue.Enumerate(keys, e);
            else _sorted = SortedSetValue.Enumerate(keys, e);
        }

        public readonly Element Member => _isSet ? _set.Current : _sorted.Member;

        public readonly double Score => _isSet ? 1 : _sorted.Score;

        public bool MoveNext() => _any && (_isSet ? _set.MoveNext() : _sorted.MoveNext());
    }
}
