// Numbers the store keeps for INFO.
namespace Shoal.Store;

/// <summary>Counts since start; written on the engine thread.</summary>
public sealed class StoreCounters
{
    public long Hits { get; set; }

    public long Misses { get; set; }

    public long Expired { get; set; }

    public long Evicted { get; set; }
}
