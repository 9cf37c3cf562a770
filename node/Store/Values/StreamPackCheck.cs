// Why: packs come from files and from RESTORE, and everything else walks them without a single check. Nothing gets past
// this door whose counts, flags and lengths do not agree.

namespace Shoal.Store.Values;

/// <summary>Validates the bytes of a stream's pack.</summary>
public static unsafe class StreamPackCheck
{
    /// <summary>True for a well-formed packed list holding a master entry and whole entries whose numbers agree.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes)
    {
        if (!PackedListCheck.IsValid(bytes, out _)) return false;
        fixed (byte* list = bytes)
        {
            var walk = new Walk { List = list, At = PackedList.HeaderBytes };
            if (!walk.Count(out long valid) || !walk.Count(out long deleted) || !walk.Count(out long master)) return false;
            if (!walk.Skip(master) || !walk.Number(out long zero) || zero != 0) return false;
            long live = 0, dead = 0;
            while (!StreamPack.IsEnd(list, walk.At))
            {
                if (!Entry(ref walk, master, out bool isDeleted)) return false;
                if (isDeleted) dead++;
                else live++;
            }
            return live == valid && dead == deleted;
        }
    }

    private static bool Entry(ref Walk walk, long master, out bool deleted)
    {
        deleted = false;
        if (!walk.Number(out long flags) || flags is < 0 or > 3 || !walk.Number(out _) || !walk.Number(out _)) return false;
        deleted = (flags & StreamPack.Deleted) != 0;
        long elements = master, before = 3;
        if ((flags & StreamPack.SameFields) == 0)
        {
            if (!walk.Count(out long fields)) return false;
            elements = fields * 2;
            before = 4;
        }
        return walk.Skip(elements) && walk.Number(out long count) && count == elements + before;
    }

    private struct Walk
    {
        public byte* List;
        public int At;

        public bool Number(out long value)
        {
            value = 0;
            if (StreamPack.IsEnd(List, At)) return false;
            var element = PackedList.Read(List, At);
            value = element.Number;
            At = StreamPack.After(List, At);
            return element.IsNumber;
        }

        public bool Count(out long value) => Number(out value) && value is >= 0 and <= int.MaxValue / 2;

        public bool Skip(long elements)
        {
            for (; elements > 0; elements--)
            {
                if (StreamPack.IsEnd(List, At)) return false;
                At = StreamPack.After(List, At);
            }
            return true;
        }
    }
}
