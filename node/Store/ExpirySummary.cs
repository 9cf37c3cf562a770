// Finds due keys without a timer per key and without random sampling. Per block of 64 buckets (about 480 keys) one number: no
// key in it expires earlier than that. The expiry cycle reads this array (4 bytes per 480 keys, so 8 KB cover a million)
// and visits only blocks in which something is due. Setting an expiry lowers the number; raising or removing one leaves it
// too low, which costs one visit that sets it right.
//
// Unit: 256 ms since 2020-01-01, which lasts until 2054. Stored rounded up, so that a visited block really has a due key.
namespace Shoal.Store;

internal static unsafe class ExpirySummary
{
    public const uint None = uint.MaxValue;
    private const int BlockShift = 6;
    private const int UnitShift = 8;
    private const long BaseMs = 1_577_836_800_000;

    /// <summary>An expiry in units, rounded up.</summary>
    public static uint Units(long ms) => Now(ms + 255);

    /// <summary>The current time in units, rounded down: blocks at or below it hold due keys.</summary>
    public static uint Now(long ms) => (uint)Math.Clamp(ms - BaseMs >> UnitShift, 0, None - 1);

    public static void Lower(Arena arena, SlotTable* table, uint bucket, long expireAtMs)
    {
        uint units = Units(expireAtMs);
        uint block = bucket >> BlockShift;
        if (block >= table->SummaryCapacity) Grow(arena, table, block);
        uint* entry = (uint*)arena.At(table->Summary) + block;
        if (units < *entry) *entry = units;
        if (table->Earliest == 0 || units < table->Earliest) table->Earliest = Math.Max(units, 1);
    }

    /// <summary>Entries moved from one bucket to another: the target's block is no later than the source's.</summary>
    public static void Inherit(Arena arena, SlotTable* table, uint from, uint to)
    {
        if (table->ExpireCount == 0) return;
        uint source = from >> BlockShift, target = to >> BlockShift;
        if (source >= table->SummaryCapacity) return;
        uint units = ((uint*)arena.At(table->Summary))[source];
        if (units == None) return;
        if (target >= table->SummaryCapacity) Grow(arena, table, target);
        uint* entry = (uint*)arena.At(table->Summary) + target;
        if (units < *entry) *entry = units;
    }

    public static uint Blocks(SlotTable* table) => table->Table.BucketCount + 63 >> BlockShift;

    public static uint Of(Arena arena, SlotTable* table, uint block) =>
        block < table->SummaryCapacity ? ((uint*)arena.At(table->Summary))[block] : None;

    public static void Set(Arena arena, SlotTable* table, uint block, uint units)
    {
        if (block < table->SummaryCapacity) ((uint*)arena.At(table->Summary))[block] = units;
    }

    public static void Free(Arena arena, SlotTable* table)
    {
        if (table->Summary != 0) arena.Free(table->Summary, table->SummaryCapacity * 4L);
        table->Summary = 0;
        table->SummaryCapacity = 0;
        table->Earliest = 0;
    }

    private static void Grow(Arena arena, SlotTable* table, uint block)
    {
        int capacity = (int)Math.Max(2, Math.Max(block + 1, table->SummaryCapacity + table->SummaryCapacity / 4));
        long at = arena.Allocate(capacity * 4L);
        Span<uint> fresh = new((uint*)arena.At(at), capacity);
        fresh.Fill(None);
        if (table->Summary != 0)
        {
            new Span<uint>((uint*)arena.At(table->Summary), table->SummaryCapacity).CopyTo(fresh);
            arena.Free(table->Summary, table->SummaryCapacity * 4L);
        }
        table->Summary = at;
        table->SummaryCapacity = capacity;
    }
}
