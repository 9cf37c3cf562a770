// The one way a load stops: with the byte offset, so that an operator knows where to look.
namespace Shoal.Server.Persistence.Snapshots;

/// <summary>A snapshot or append-only file cannot be read on; <see cref="Offset"/> is where.</summary>
public sealed class SnapshotCorruptException(string reason, long offset) : Exception($"{reason} at offset {offset}")
{
    public string Reason { get; } = reason;

    public long Offset { get; } = offset;
}
