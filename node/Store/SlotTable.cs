// One table of a keyspace with what is counted per slot: in cluster mode there are 16,384 of them, else one per database.
using System.Runtime.InteropServices;

namespace Shoal.Store;

[StructLayout(LayoutKind.Sequential, Pack = 4, Size = SizeInBytes)]
internal struct SlotTable
{
    public const int SizeInBytes = 64;

    public TableHeader Table;

    /// <summary>Earliest expiry per block of 64 buckets; see <see cref="ExpirySummary"/>.</summary>
    public long Summary;

    public int SummaryCapacity;
    public uint Earliest;

    /// <summary>Entries with an expiry.</summary>
    public long ExpireCount;

    /// <summary>Arena bytes attributed to this slot.</summary>
    public long Bytes;
}
