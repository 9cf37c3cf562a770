// Where a snapshot cut delivers entries.
namespace Shoal.Store;

/// <summary>Receives each entry of a cut exactly once, as it was at the moment of the cut.</summary>
public interface ISnapshotSink
{
    /// <summary>
    /// One entry, on the engine thread. Serialise it now: it changes right after. Must not change the keyspace.
    /// <paramref name="db"/> is the database number at the cut; <paramref name="slot"/> is 0 outside cluster mode.
    /// </summary>
    void Entry(int db, int slot, in EntryRef entry);
}
