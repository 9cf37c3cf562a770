// Cell sizes of the arena's slab pages: every 8 bytes up to 256, then about six steps per doubling up to half a page,
// each chosen as 64 KB / n so that the tail of a page that fits no cell stays small.
namespace Shoal.Store;

internal static class SizeClasses
{
    public const int PageBytes = 64 * 1024;
    public const int Largest = PageBytes / 2;

    /// <summary>Class number by (bytes + 7) / 8; entry 0 is unused.</summary>
    private static readonly byte[] ClassOf = new byte[Largest / 8 + 1];

    /// <summary>Cell size in bytes by class number; class 0 is unused.</summary>
    private static readonly int[] Size = Build();

    public static int Count => Size.Length;

    public static ReadOnlySpan<byte> ClassByGranules => ClassOf;

    public static ReadOnlySpan<int> Sizes => Size;

    public static int RoundUp(int bytes) =>
        bytes <= 256 ? Math.Max(bytes + 7 & ~7, 8) : Size[ClassOf[bytes + 7 >> 3]];

    private static int[] Build()
    {
        var sizes = new List<int> { 0 };
        for (int s = 8; s <= 256; s += 8) sizes.Add(s);
        for (int step = 1; sizes[^1] < Largest; step++)
        {
            int cells = (int)Math.Round(256 * Math.Pow(2, -step / 6.0));
            int size = PageBytes / cells & ~7;
            if (size > sizes[^1]) sizes.Add(size);
        }
        for (int granules = 1, c = 1; granules < ClassOf.Length; granules++)
        {
            while (sizes[c] < granules * 8) c++;
            ClassOf[granules] = (byte)c;
        }
        return [.. sizes];
    }
}
