// What counts against maxmemory.
namespace Shoal.Store;

/// <summary>Memory limit and use of the data set, in bytes. Exact: the arena counts every block.</summary>
public sealed class MemoryAccount
{
    private readonly Arena _arena;

    internal MemoryAccount(Arena arena) => _arena = arena;

    /// <summary>maxmemory; 0 = no limit.</summary>
    public long MaxMemory { get; set; }

    /// <summary>Bytes used by data now.</summary>
    public long UsedBytes => _arena.UsedBytes;

    /// <summary>Highest <see cref="UsedBytes"/> seen at a turn's start.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Bytes to free to be within the limit; 0 or less = within.</summary>
    public long Excess => MaxMemory == 0 ? 0 : UsedBytes - MaxMemory;

    internal void NotePeak() => PeakBytes = Math.Max(PeakBytes, UsedBytes);
}
