// The elements SORT works on, copied out of the keyspace (looking up patterns may remove what has expired), with their
// weights. Texts lie in native memory; the managed heap only sees one rented array of positions.
using System.Buffers;
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Gathers elements and puts them in order. One use.</summary>
internal sealed class SortOrder : IDisposable
{
    private readonly NativeBuffer _texts = new(1024);
    private Item[] _items = ArrayPool<Item>.Shared.Rent(64);

    private struct Item
    {
        public int At, Length;
        public int WeightAt, WeightLength;   // length -1: there is no weight
        public double Score;
    }

    public int Count { get; private set; }

    public ReadOnlySpan<byte> TextOf(int i) => _texts.Written.Slice(_items[i].At, _items[i].Length);

    /// <summary>Copies the elements in the order the value has them; <paramref name="backwards"/>: a list or a sorted set from its end.</summary>
    public void Gather(Keyspace keys, in EntryRef source, bool backwards)
    {
        switch (source.Type)
        {
            case ValueType.List:
                foreach (var place in ListValue.EnumerateFrom(keys, source, backwards ? ListValue.Count(source) - 1 : 0, backwards)) Add(place.Element);
                break;
            case ValueType.Set:
                foreach (var member in SetValue.Enumerate(keys, source)) Add(member);
                break;
            default:
                long count = SortedSetValue.Count(source);
                foreach (var item in SortedSetValue.EnumerateFrom(keys, source, backwards ? count - 1 : 0, backwards)) Add(item.Member);
                break;
        }
    }

    /// <summary>Element <paramref name="i"/> sorts by <paramref name="weight"/>; without one it comes first (0 as a number).</summary>
    public void WeighBy(int i, ReadOnlySpan<byte> weight, bool found)
    {
        _items[i].WeightAt = _texts.Length;
        _items[i].WeightLength = found ? weight.Length : -1;
        if (found) _texts.Append(weight);
    }

    /// <summary>Reads the number element <paramref name="i"/> sorts by; false when it is none.</summary>
    public bool TryParseWeight(int i, bool byElement)
    {
        ref var item = ref _items[i];
        item.Score = 0;
        if (!byElement && item.WeightLength < 0) return true;
        var text = byElement ? TextOf(i) : WeightOf(item);
        return text.IsEmpty || ScoreText.TryParse(text, out item.Score);
    }

    /// <summary>Sorts by text or by number. Equal numbers go by the element's text, so that the order is never up to chance.</summary>
    public void Sort(bool alpha, bool weighed, bool descending)
    {
        var items = _items.AsSpan(0, Count);
        int sign = descending ? -1 : 1;
        if (!alpha) items.Sort((a, b) => sign * (a.Score.CompareTo(b.Score) is not 0 and var order ? order : Compare(a, b)));
        else if (!weighed) items.Sort((a, b) => sign * Compare(a, b));
        else items.Sort((a, b) => sign * (CompareWeights(a, b) is not 0 and var order ? order : Compare(a, b)));
    }

    public void Dispose()
    {
        _texts.Dispose();
        ArrayPool<Item>.Shared.Return(_items);
    }

    private int Compare(in Item a, in Item b) => _texts.Written.Slice(a.At, a.Length).SequenceCompareTo(_texts.Written.Slice(b.At, b.Length));

    private int CompareWeights(in Item a, in Item b)
    {
        if (a.WeightLength < 0 || b.WeightLength < 0) return (a.WeightLength < 0 ? 0 : 1) - (b.WeightLength < 0 ? 0 : 1);
        return WeightOf(a).SequenceCompareTo(WeightOf(b));
    }

    private ReadOnlySpan<byte> WeightOf(in Item item) => _texts.Written.Slice(item.WeightAt, item.WeightLength);

    private void Add(scoped Element element)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        var text = element.Text(scratch);
        if (Count == _items.Length)
        {
            var larger = ArrayPool<Item>.Shared.Rent(Count * 2);
            _items.AsSpan(0, Count).CopyTo(larger);
            ArrayPool<Item>.Shared.Return(_items);
            _items = larger;
        }
        _items[Count++] = new Item { At = _texts.Length, Length = text.Length };
        _texts.Append(text);
    }
}
