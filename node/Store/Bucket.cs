// One cache line of the hash table:
//
//   offset size  what
//   0      50    ten references, 5 bytes each: arena offset / 8 (40 bits = 8 TiB)
//   50     4     bits 0-9 occupied slots, bit 10 "slot 9 is a link to a child bucket", bits 11-31 snapshot epoch
//   54     10    ten tags: the top byte of each entry's hash
//
// A lookup compares all ten tags with one vector instruction and then looks only at entries whose tag agrees (1 in 256
// others does by chance).
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Shoal.Store;

internal static unsafe class Bucket
{
    public const int Bytes = 64;
    public const int Slots = 10;
    public const uint OccupiedMask = 0x3FF;
    public const uint ChildFlag = 0x400;
    public const int EpochShift = 11;
    public const uint MaxEpoch = (1u << 21) - 1;
    private const int ReferenceBytes = 5;
    private const int MetaOffset = 50;
    private const int TagOffset = 54;
    private const ulong ReferenceMask = (1UL << 40) - 1;

    public static ref uint Meta(byte* bucket) => ref Unsafe.AsRef<uint>(bucket + MetaOffset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Occupied(byte* bucket) => *(uint*)(bucket + MetaOffset) & OccupiedMask;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasChild(byte* bucket) => (*(uint*)(bucket + MetaOffset) & ChildFlag) != 0;

    public static uint Epoch(byte* bucket) => *(uint*)(bucket + MetaOffset) >> EpochShift;

    public static void SetEpoch(byte* bucket, uint epoch)
    {
        ref uint meta = ref Meta(bucket);
        meta = meta & (OccupiedMask | ChildFlag) | epoch << EpochShift;
    }

    /// <summary>Occupied slots whose tag agrees, as a bit mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Match(byte* bucket, byte tag)
    {
        // The last 16 bytes: 2 of slot 9, 4 of meta, then the tags, hence the shift.
        Vector128<byte> tail = Vector128.LoadAligned(bucket + 48);
        return Vector128.Equals(tail, Vector128.Create(tag)).ExtractMostSignificantBits() >> 6 & Occupied(bucket);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* SlotPointer(byte* bucket, int slot) => bucket + slot * ReferenceBytes;

    /// <summary>The arena offset a slot refers to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Read(byte* slotPointer) => (long)((*(ulong*)slotPointer & ReferenceMask) << 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* slotPointer, long offset)
    {
        ulong reference = (ulong)offset >> 3;
        *(uint*)slotPointer = (uint)reference;
        slotPointer[4] = (byte)(reference >> 32);
    }

    public static byte Tag(byte* bucket, int slot) => bucket[TagOffset + slot];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill(byte* bucket, int slot, byte tag, long offset)
    {
        bucket[TagOffset + slot] = tag;
        Write(SlotPointer(bucket, slot), offset);
        Meta(bucket) |= 1u << slot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Child(Arena arena, byte* bucket) => arena.At(Read(SlotPointer(bucket, Slots - 1)));

    public static void Clear(byte* bucket, uint epoch)
    {
        Vector512<byte> zero = Vector512<byte>.Zero;
        zero.Store(bucket);
        SetEpoch(bucket, epoch);
    }
}
