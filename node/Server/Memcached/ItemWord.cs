// What an item carries beside its value, in the client word of its entry, and the CAS unique made from it.
//
//   bits 0-31    flags, as the client gave them
//   bit  32      fetched since it was stored (meta flag h)
//   bit  33      stale: invalidated, but still served (meta flag X)
//   bit  34      somebody was told to recache it (meta flags W, Z)
//   bits 35-63   version: one more with each store, never 0
//
// A CAS unique is the version with a hash of the value below it: it grows with every store of this protocol, and a write by
// a RESP command, which knows no versions, shows in the hash.
namespace Shoal.Server.Memcached;

/// <summary>The client word of an item.</summary>
internal readonly record struct ItemWord(ulong Bits)
{
    private const ulong FetchedBit = 1UL << 32, StaleBit = 1UL << 33, WonBit = 1UL << 34;
    private const int VersionShift = 35;

    public uint Flags => (uint)Bits;

    public bool Fetched => (Bits & FetchedBit) != 0;

    public bool Stale => (Bits & StaleBit) != 0;

    public bool Won => (Bits & WonBit) != 0;

    public ItemWord AsFetched() => new(Bits | FetchedBit);

    public ItemWord AsStale() => new((Bits | StaleBit) & ~WonBit);

    public ItemWord AsWon() => new(Bits | WonBit);

    /// <summary>The word of a fresh store; <paramref name="version"/> comes from one counter of the node.</summary>
    public static ItemWord Stored(uint flags, ulong version) => new(flags | (version % ((1UL << 29) - 1) + 1) << VersionShift);

    /// <summary>The word after a change that keeps flags and marks.</summary>
    public ItemWord Changed(ulong version) => new((Bits & ((1UL << VersionShift) - 1)) | Stored(0, version).Bits);

    /// <summary>The CAS unique of an item with this word whose value has this hash; never 0.</summary>
    public ulong Unique(ulong valueHash) => (Bits >> VersionShift << 32) | (uint)(valueHash >> 32) | 1;
}
