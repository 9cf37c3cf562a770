// How an arena is set up; separate so that tests and the host choose without touching the allocator.
namespace Shoal.Store;

/// <summary>Set-up of an <see cref="Arena"/>.</summary>
public sealed record ArenaOptions
{
    /// <summary>Address space to reserve, in bytes. Halved until the host grants it.</summary>
    public long ReserveBytes { get; init; } = 1L << 40;

    /// <summary>Guard words behind every cell and poison on free: finds overruns and use after free, at some cost.</summary>
    public bool Checked { get; init; }

    /// <summary>Ask for transparent huge pages. We never fork, so they are pure gain on large data sets.</summary>
    public bool HugePages { get; init; } = true;
}
