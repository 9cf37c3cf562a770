// A fair choice of k out of n elements in one walk: each is taken with the chance (still wanted) / (still to come). Knuth's
// selection sampling; no memory, no set of what was taken.
using Shoal.Store;

namespace Shoal.Server.Commands;

internal struct Draw(long elements, long wanted)
{
    private long _left = elements;
    private long _wanted = wanted;

    /// <summary>Elements still to be taken.</summary>
    public readonly long Wanted => _wanted;

    /// <summary>Whether the next element of the walk is taken.</summary>
    public bool Takes(ref SmallRandom random)
    {
        long left = _left--;
        if (_wanted <= 0) return false;
        if (_wanted < left && random.Below((uint)Math.Min(left, uint.MaxValue)) >= (ulong)_wanted) return false;
        _wanted--;
        return true;
    }
}
