// The off-heap descriptor of one hash table: small enough to sit in the value of an entry.
using System.Runtime.InteropServices;

namespace Shoal.Store;

/// <summary>Descriptor of a <see cref="Table"/>; all zero = empty. Move it as bytes, never copy one and use both.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = SizeInBytes)]
public struct TableHeader
{
    public const int SizeInBytes = 32;

    internal long EntryCount;
    internal long Directory;
    internal uint BucketCount;
    internal uint ChildCount;
    internal int DirectoryCapacity;
    internal uint Mask;

    /// <summary>Entries in the table.</summary>
    public readonly long Count => EntryCount;
}
