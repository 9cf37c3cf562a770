// A few random bits without allocation or locks, seedable so that tests repeat. xorshift64* (Vigna 2014).
namespace Shoal.Store;

/// <summary>Small pseudo-random generator; not for secrets.</summary>
public struct SmallRandom
{
    private ulong _state;

    public SmallRandom(ulong seed) => _state = seed == 0 ? 0x9E3779B97F4A7C15 : seed;

    public ulong Next()
    {
        ulong x = _state;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        _state = x;
        return x * 0x2545F4914F6CDD1D;
    }

    /// <summary>Uniform in 0 .. bound-1; bound must not be 0.</summary>
    public uint Below(uint bound) => (uint)((Next() >> 32) * bound >> 32);
}
