// A set of slots as an immutable bitmap of 16384 bits, in the bit order of the cluster bus (slot n = bit n%8 of byte n/8),
// so a bus header's bitmap is copied in and out without translation.
using System.Collections;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Shoal.Protocol.Slots;

/// <summary>An immutable set of slots. Enumerates its slots in ascending order.</summary>
public sealed class SlotSet : IEquatable<SlotSet>, IEnumerable<int>
{
    /// <summary>Size of the bitmap on the wire, in bytes.</summary>
    public const int ByteCount = HashSlot.Count / 8;

    private const int Words = HashSlot.Count / 64;
    private readonly ulong[] _words;

    private SlotSet(ulong[] words)
    {
        _words = words;
        int count = 0;
        foreach (ulong w in words) count += BitOperations.PopCount(w);
        Count = count;
    }

    /// <summary>No slot.</summary>
    public static SlotSet Empty { get; } = new(new ulong[Words]);

    /// <summary>All 16384 slots.</summary>
    public static SlotSet All { get; } = Of(new SlotRange(0, HashSlot.Count - 1));

    /// <summary>Number of slots in the set.</summary>
    public int Count { get; }

    /// <summary>True when the set holds no slot.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>True when the slot is in the set.</summary>
    public bool Contains(int slot) => (uint)slot < HashSlot.Count && (_words[slot >> 6] & (1UL << (slot & 63))) != 0;

    /// <summary>The set of the slots of all ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A range is out of bounds.</exception>
    public static SlotSet Of(params IEnumerable<SlotRange> ranges)
    {
        var words = new ulong[Words];
        foreach (var range in ranges)
        {
            if (!range.IsValid) throw new ArgumentOutOfRangeException(nameof(ranges), range, "slots run from 0 to 16383");
            for (int s = range.Start; s <= range.End; s++) words[s >> 6] |= 1UL << (s & 63);
        }
        return new SlotSet(words);
    }

    /// <summary>The set of the given slots.</summary>
    public static SlotSet OfSlots(IEnumerable<int> slots) => Of(slots.Select(s => new SlotRange(s, s)));

    /// <summary>The set in a bus bitmap of 2048 bytes.</summary>
    public static SlotSet FromBitmap(ReadOnlySpan<byte> bitmap)
    {
        if (bitmap.Length != ByteCount) throw new ArgumentException("a slot bitmap has 2048 bytes", nameof(bitmap));
        var words = new ulong[Words];
        bitmap.CopyTo(MemoryMarshal.AsBytes(words.AsSpan()));
        return new SlotSet(words);
    }

    /// <summary>Writes the 2048-byte bus bitmap.</summary>
    public void CopyTo(Span<byte> bitmap) => MemoryMarshal.AsBytes(_words.AsSpan()).CopyTo(bitmap);

    /// <summary>Slots in either set.</summary>
    public SlotSet Union(SlotSet other) => Combine(other, static (a, b) => a | b);

    /// <summary>Slots in this set and not in the other.</summary>
    public SlotSet Except(SlotSet other) => Combine(other, static (a, b) => a & ~b);

    /// <summary>Slots in both sets.</summary>
    public SlotSet Intersect(SlotSet other) => Combine(other, static (a, b) => a & b);

    /// <summary>The set with one more slot.</summary>
    public SlotSet With(int slot) => Union(Of(new SlotRange(slot, slot)));

    /// <summary>The set without one slot.</summary>
    public SlotSet Without(int slot) => Except(Of(new SlotRange(slot, slot)));

    /// <summary>True when the sets share a slot.</summary>
    public bool Overlaps(SlotSet other)
    {
        for (int i = 0; i < Words; i++)
            if ((_words[i] & other._words[i]) != 0) return true;
        return false;
    }

    /// <summary>The set as the fewest contiguous ranges, ascending.</summary>
    public IReadOnlyList<SlotRange> Ranges()
    {
        var ranges = new List<SlotRange>();
        int start = -1;
        for (int s = 0; s <= HashSlot.Count; s++)
        {
            bool held = s < HashSlot.Count && Contains(s);
            if (held && start < 0) start = s;
            if (held || start < 0) continue;
            ranges.Add(new SlotRange(start, s - 1));
            start = -1;
        }
        return ranges;
    }

    /// <summary>The ranges, separated by spaces: "0-99 200".</summary>
    public override string ToString() => string.Join(' ', Ranges());

    /// <inheritdoc/>
    public bool Equals(SlotSet? other) => other is not null && _words.AsSpan().SequenceEqual(other._words);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SlotSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (ulong w in _words) hash.Add(w);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator()
    {
        for (int i = 0; i < Words; i++)
            for (ulong left = _words[i]; left != 0; left &= left - 1)
                yield return (i << 6) + BitOperations.TrailingZeroCount(left);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private SlotSet Combine(SlotSet other, Func<ulong, ulong, ulong> rule)
    {
        var words = new ulong[Words];
        for (int i = 0; i < Words; i++) words[i] = rule(_words[i], other._words[i]);
        return new SlotSet(words);
    }
}
