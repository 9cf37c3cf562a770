// Why: XADD and XTRIM cut the beginning of a stream off. Whole packs go at once; inside the first that stays, entries are
// only marked (and left alone altogether when the caller asked for "about").

namespace Shoal.Store.Values;

/// <summary>How far to cut.</summary>
/// <param name="ByLength">Down to <paramref name="MaxLength"/> entries; otherwise entries below <paramref name="MinId"/>.</param>
/// <param name="MaxLength">Entries that may stay.</param>
/// <param name="MinId">Lowest ID that may stay.</param>
/// <param name="Approximate">Whole packs only.</param>
/// <param name="Limit">Entries one call may take out, 0 = all.</param>
public readonly record struct TrimRule(bool ByLength, long MaxLength, StreamId MinId, bool Approximate, long Limit);

/// <summary>Cutting the beginning off.</summary>
public static unsafe class StreamTrim
{
    /// <summary>Takes entries out by a rule; returns how many.</summary>
    public static long Run(Keyspace keys, in EntryRef e, in TrimRule rule)
    {
        var arena = keys.Arena;
        var s = StreamHeader.In(e);
        long removed = 0;
        for (var at = IdTree.First(arena, s->Packs); !at.IsNone; at = IdTree.First(arena, s->Packs))
        {
            if (rule.ByLength && s->Length <= rule.MaxLength) break;
            long pack = IdTree.ValueAt(arena, at);
            byte* list = StreamHeader.List(arena, pack);
            long entries = StreamPack.Valid(list);
            if (rule.Limit > 0 && removed + entries > rule.Limit) break;
            var master = IdTree.IdAt(arena, at);
            bool whole = rule.ByLength ? s->Length - entries >= rule.MaxLength : LastOf(list, master) < rule.MinId;
            if (!whole)
            {
                if (!rule.Approximate) removed += Inside(arena, s, at, rule);
                break;
            }
            StreamValue.DropPack(arena, s, master, pack);
            s->Length -= entries;
            removed += entries;
        }
        if (removed > 0) StreamValue.SettleFirst(keys, e);
        return removed;
    }

    // Deleted or not: a pack goes whole only when nothing in it could stay.
    private static StreamId LastOf(byte* list, StreamId master)
    {
        StreamPack.MasterFields(list, out long masterFields);
        int last = StreamPack.EntryBefore(list, PackedList.TotalBytes(list) - 1, StreamPack.FirstEntry(list));
        if (last < 0) return StreamId.Zero;
        StreamPack.Head(list, last, master, masterFields, out _, out var id, out _);
        return id;
    }

    private static long Inside(Arena arena, StreamHeader* s, IdPosition at, in TrimRule rule)
    {
        byte* list = StreamHeader.List(arena, IdTree.ValueAt(arena, at));
        var master = IdTree.IdAt(arena, at);
        long valid = StreamPack.Valid(list), all = StreamPack.All(list), removed = 0;
        StreamPack.MasterFields(list, out long masterFields);
        for (int entry = StreamPack.FirstEntry(list); !StreamPack.IsEnd(list, entry);)
        {
            int body = StreamPack.Head(list, entry, master, masterFields, out long flags, out var id, out long fields);
            if (rule.ByLength ? s->Length <= rule.MaxLength : id >= rule.MinId) break;
            // A flag is one byte whatever its value: nothing moves.
            if ((flags & StreamPack.Deleted) == 0)
            {
                StreamHeader.SetNumber(arena, s, at, entry, flags | StreamPack.Deleted);
                removed++;
                s->Length--;
            }
            entry = StreamPack.EntryEnd(list, body, flags, fields);
        }
        if (removed > 0) StreamValue.SetCounts(arena, s, at, valid - removed, all - valid + removed);
        return removed;
    }
}
