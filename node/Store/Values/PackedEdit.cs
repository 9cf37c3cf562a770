// Why: every change of a packed list is one splice: some bytes at a position leave, some arrive. The splice itself needs
// room that only the owner of the bytes can make, so the arithmetic is here and the room is the caller's business.

namespace Shoal.Store.Values;

/// <summary>In-place edits of a packed list whose memory is already large enough.</summary>
public static unsafe class PackedEdit
{
    /// <summary>
    /// Replaces <paramref name="oldBytes"/> bytes at <paramref name="at"/> by a gap of <paramref name="newBytes"/> and adjusts
    /// the header. The memory behind <paramref name="list"/> must hold TotalBytes + newBytes - oldBytes.
    /// The gap must be filled with whole elements before the list is read again.
    /// </summary>
    public static void Splice(byte* list, int at, int oldBytes, int newBytes, int countDelta)
    {
        int total = PackedList.TotalBytes(list);
        if (countDelta < 0) PackedList.AddCount(list, countDelta);
        if (oldBytes != newBytes)
        {
            long tail = total - at - oldBytes;
            Buffer.MemoryCopy(list + at + oldBytes, list + at + newBytes, tail, tail);
            PackedList.SetTotalBytes(list, total + newBytes - oldBytes);
        }
        if (countDelta > 0) PackedList.AddCount(list, countDelta);
    }

    /// <summary>Inserts a piece before position <paramref name="at"/> (the end position appends); room must be there.</summary>
    public static void Insert(byte* list, int at, in Piece piece)
    {
        Splice(list, at, 0, piece.Size, 1);
        piece.Write(list + at);
    }

    /// <summary>Appends a piece; room must be there.</summary>
    public static void Append(byte* list, in Piece piece) => Insert(list, PackedList.TotalBytes(list) - 1, piece);

    /// <summary>Replaces the element at <paramref name="at"/>; room for the difference must be there.</summary>
    public static void Replace(byte* list, int at, in Piece piece)
    {
        Splice(list, at, PackedList.ElementBytes(list + at), piece.Size, 0);
        piece.Write(list + at);
    }

    /// <summary>Bytes of <paramref name="count"/> elements from position <paramref name="at"/>; fewer when the list ends.</summary>
    public static int RunBytes(byte* list, int at, int count, out int found)
    {
        int from = at;
        for (found = 0; found < count && list[at] != 0xFF; found++) at += PackedList.ElementBytes(list + at);
        return at - from;
    }

    /// <summary>Removes <paramref name="count"/> elements from position <paramref name="at"/>.</summary>
    public static void Remove(byte* list, int at, int count)
    {
        int bytes = RunBytes(list, at, count, out int found);
        Splice(list, at, bytes, 0, -found);
    }
}
