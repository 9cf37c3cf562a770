// Where an encoded snapshot goes: a file, or a replica's socket. The target owns the checksum, because a file's is computed
// on its own thread.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Takes a snapshot's bytes chunk by chunk. Called on the engine thread.</summary>
public interface ISnapshotTarget
{
    /// <summary>So much is waiting that the walker should pause (entries about to change still arrive).</summary>
    bool IsFull { get; }

    /// <summary>Takes over a full chunk; the target disposes it.</summary>
    void Take(NativeBuffer chunk);

    /// <summary>All entries were delivered, the last chunk ends in the end opcode: add the checksum and finish.</summary>
    void Complete();

    /// <summary>The snapshot was given up.</summary>
    void Abandon();
}
