// A set of hash slots as the store needs it: 16,384 bits, no text form.
namespace Shoal.Store;

/// <summary>Which slots a snapshot cut covers.</summary>
public sealed class SlotFilter
{
    private readonly ulong[] _bits = new ulong[Databases.SlotCount / 64];

    public void Add(int slot) => _bits[slot >> 6] |= 1UL << slot;

    public void AddRange(int first, int last)
    {
        for (int slot = first; slot <= last; slot++) Add(slot);
    }

    public bool IsEmpty => !_bits.AsSpan().ContainsAnyExcept(0UL);

    public void Remove(int slot) => _bits[slot >> 6] &= ~(1UL << slot);

    public bool Contains(int slot) => (_bits[slot >> 6] >> slot & 1) != 0;
}
