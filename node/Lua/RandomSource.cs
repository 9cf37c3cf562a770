// The generator of Redis scripts: the 48-bit linear congruential one of POSIX lrand48 with its standard constants, so that a script
// draws the same numbers on every node and on real Redis.
namespace Shoal.Lua;

/// <summary>Deterministic random numbers.</summary>
internal sealed class RandomSource
{
    /// <summary>The largest number <see cref="Next"/> gives.</summary>
    public const int Max = int.MaxValue;

    private const ulong Multiplier = 0x5DEECE66D, Increment = 0xB, Mask = (1UL << 48) - 1, LowSeed = 0x330E;

    private ulong _state = 0x1234ABCD330E;   // where the sequence starts before any seed

    public void Seed(int seed) => _state = ((ulong)(uint)seed << 16) | LowSeed;

    public int Next()
    {
        _state = (_state * Multiplier + Increment) & Mask;
        return (int)(_state >> 17);
    }
}
