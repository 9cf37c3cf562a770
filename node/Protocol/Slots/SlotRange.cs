// A contiguous run of slots, in the text form CLUSTER NODES and every slot command use: "7" or "0-5460".
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Shoal.Protocol.Slots;

/// <summary>Slots <paramref name="Start"/> to <paramref name="End"/>, both included.</summary>
public readonly record struct SlotRange(int Start, int End) : IComparable<SlotRange>
{
    /// <summary>How many slots the range holds.</summary>
    public int Count => End - Start + 1;

    /// <summary>True when both ends are slots and in order.</summary>
    public bool IsValid => Start >= 0 && End < HashSlot.Count && Start <= End;

    /// <summary>True when the slot lies in the range.</summary>
    public bool Contains(int slot) => slot >= Start && slot <= End;

    /// <summary>True when the two ranges share a slot.</summary>
    public bool Overlaps(SlotRange other) => Start <= other.End && other.Start <= End;

    /// <inheritdoc/>
    public int CompareTo(SlotRange other) => Start != other.Start ? Start.CompareTo(other.Start) : End.CompareTo(other.End);

    /// <summary>Reads "7" or "0-5460"; false when it is neither or out of bounds.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SlotRange range)
    {
        range = default;
        int dash = text.IndexOf('-');
        var first = dash < 0 ? text : text[..dash];
        var last = dash < 0 ? text : text[(dash + 1)..];
        if (!TrySlot(first, out int start) || !TrySlot(last, out int end) || start > end) return false;
        range = new SlotRange(start, end);
        return true;
    }

    /// <summary>Reads "7" or "0-5460".</summary>
    /// <exception cref="FormatException">The text is not a slot range.</exception>
    public static SlotRange Parse(string text) =>
        TryParse(text, out var range) ? range : throw new FormatException($"'{text}' is not a slot or slot range (0-16383)");

    /// <summary>"7" for one slot, "0-5460" for several.</summary>
    public override string ToString() => Start == End
        ? Start.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Start}-{End}");

    private static bool TrySlot(ReadOnlySpan<char> text, out int slot) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slot) && slot < HashSlot.Count;

    /// <summary>Ordering by start, then end.</summary>
    public static bool operator <(SlotRange a, SlotRange b) => a.CompareTo(b) < 0;
    /// <summary>Ordering by start, then end.</summary>
    public static bool operator >(SlotRange a, SlotRange b) => a.CompareTo(b) > 0;
    /// <summary>Ordering by start, then end.</summary>
    public static bool operator <=(SlotRange a, SlotRange b) => a.CompareTo(b) <= 0;
    /// <summary>Ordering by start, then end.</summary>
    public static bool operator >=(SlotRange a, SlotRange b) => a.CompareTo(b) >= 0;
}
