// Pieces of strings: APPEND, STRLEN, GETRANGE, SETRANGE, LCS.
using System.Runtime.InteropServices;
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers for pieces of strings; registered by <see cref="StringCommands"/>.</summary>
internal static unsafe class StringRangeCommands
{
    /// <summary>proto-max-bulk-len's default, the longest string there may be.</summary>
    private const long LongestString = 512L << 20;

    public static void Register(CommandTable t)
    {
        t.Add("append", 3, Write | DenyOom | Fast, Keys.One(1), "string", Append);
        t.Add("strlen", 2, ReadOnly | Fast, Keys.One(1), "string", StrLen);
        t.Add("getrange", 4, ReadOnly, Keys.One(1), "string", GetRange);
        t.Add("substr", 4, ReadOnly, Keys.One(1), "string", GetRange);
        t.Add("setrange", 4, Write | DenyOom, Keys.One(1), "string", SetRange);
        t.Add("lcs", -3, ReadOnly, Keys.Two, "string", Lcs);
    }

    private static void Append(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        ReadOnlySpan<byte> tail = c[2];
        if (!entry.Exists)
        {
            entry = c.Keys.SetString(c[1], c.Slot, tail);
            c.Changed();
            c.Notify(KeyEventClass.String, "append"u8, c[1]);
            c.Reply.Integer(tail.Length);
            return;
        }
        int before = AsBytes(ref c, ref entry);
        if ((long)before + tail.Length > LongestString)
        {
            c.Reply.Error(ErrorReplies.StringTooLong);
            return;
        }
        c.Keys.SetEncoding(ref entry, Encoding.Raw, before + tail.Length);
        tail.CopyTo(entry.Value[before..]);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.String, "append"u8, c[1]);
        c.Reply.Integer(before + tail.Length);
    }

    /// <summary>Turns an integer into its text so that bytes of it can change; returns the length of the text.</summary>
    internal static int AsBytes(ref CommandContext c, ref EntryRef entry)
    {
        if (entry.Encoding != Encoding.Int) return entry.ValueLength;
        Span<byte> digits = stackalloc byte[20];
        ReadOnlySpan<byte> text = entry.Text(digits);
        c.Keys.SetEncoding(ref entry, Encoding.Raw, text.Length);
        text.CopyTo(entry.Value);
        return text.Length;
    }

    private static void StrLen(ref CommandContext c)
    {
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        c.Reply.Integer(entry.Exists ? entry.Text(stackalloc byte[20]).Length : 0);
    }

    private static void GetRange(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long start) || !c.TryInteger(3, out long end)) return;
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        Span<byte> digits = stackalloc byte[20];
        ReadOnlySpan<byte> text = entry.Exists ? entry.Text(digits) : default;
        if (start < 0 && end < 0 && start > end) text = default;
        if (start < 0) start = Math.Max(start + text.Length, 0);
        if (end < 0) end = Math.Max(end + text.Length, 0);
        end = Math.Min(end, text.Length - 1);
        if (text.IsEmpty || start > end) c.Reply.EmptyBulk();
        else c.Reply.Bulk(text[(int)start..(int)(end + 1)]);
    }

    private static void SetRange(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long offset)) return;
        if (offset < 0)
        {
            c.Reply.Error(ErrorReplies.OffsetOutOfRange);
            return;
        }
        ReadOnlySpan<byte> piece = c[3];
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        if (piece.IsEmpty)
        {
            c.Reply.Integer(entry.Exists ? entry.Text(stackalloc byte[20]).Length : 0);
            return;
        }
        if (offset > LongestString - piece.Length)
        {
            c.Reply.Error(ErrorReplies.StringTooLong);
            return;
        }
        if (!entry.Exists) entry = c.Keys.Create(c[1], c.Slot, Store.ValueType.String, Encoding.Raw, 0);
        int before = AsBytes(ref c, ref entry);
        int length = Math.Max(before, (int)offset + piece.Length);
        c.Keys.SetEncoding(ref entry, Encoding.Raw, length);
        Span<byte> value = entry.Value;
        if (offset > before) value[before..(int)offset].Clear();
        piece.CopyTo(value[(int)offset..]);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.String, "setrange"u8, c[1]);
        c.Reply.Integer(length);
    }

    private static void Lcs(ref CommandContext c)
    {
        EntryRef first = c.Keys.Find(c[1], c.Slot), second = c.Keys.Find(c[2], c.Slot);
        // The second lookup may have dropped a due key and moved references: look at the first again.
        first = c.Keys.Peek(c[1], c.Slot);
        if (first.Exists && first.Type != Store.ValueType.String || second.Exists && second.Type != Store.ValueType.String)
        {
            c.Reply.Error(ErrorReplies.LcsNotStrings);
            return;
        }
        bool length = false, ranges = false, lengths = false;
        long shortest = 0;
        for (int i = 3; i < c.ArgCount; i++)
        {
            if (c[i].Is("IDX"u8)) ranges = true;
            else if (c[i].Is("LEN"u8)) length = true;
            else if (c[i].Is("WITHMATCHLEN"u8)) lengths = true;
            else if (c[i].Is("MINMATCHLEN"u8) && i + 1 < c.ArgCount)
            {
                if (!c.TryInteger(++i, out shortest)) return;
                shortest = Math.Max(shortest, 0);
            }
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        if (length && ranges)
        {
            c.Reply.Error(ErrorReplies.LcsLenAndIdx);
            return;
        }
        Span<byte> firstDigits = stackalloc byte[20], secondDigits = stackalloc byte[20];
        ReadOnlySpan<byte> a = first.Exists ? first.Text(firstDigits) : default;
        ReadOnlySpan<byte> b = second.Exists ? second.Text(secondDigits) : default;
        if ((a.Length + 1L) * (b.Length + 1L) * sizeof(uint) > LongestString)
        {
            c.Reply.Error(ErrorReplies.LcsTooLong);
            return;
        }
        uint* lcs = FillLengths(a, b);
        int total = (int)lcs[(long)a.Length * (b.Length + 1) + b.Length];
        if (length) c.Reply.Integer(total);
        else if (ranges) WriteRanges(ref c, a, b, lcs, shortest, lengths, total);
        else WriteText(ref c, a, b, lcs, total);
        NativeMemory.Free(lcs);
    }

    /// <summary>lcs[i][j] = length of the longest common subsequence of the first i and j bytes (dynamic programming).</summary>
    private static uint* FillLengths(scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b)
    {
        int width = b.Length + 1;
        uint* lcs = (uint*)NativeMemory.AllocZeroed((nuint)(a.Length + 1) * (nuint)width * sizeof(uint));
        for (int i = 1; i <= a.Length; i++)
        {
            uint* row = lcs + (long)i * width, above = row - width;
            for (int j = 1; j <= b.Length; j++)
                row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : Math.Max(above[j], row[j - 1]);
        }
        return lcs;
    }

    private static void WriteText(ref CommandContext c, scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b, uint* lcs, int total)
    {
        byte* text = (byte*)NativeMemory.Alloc((nuint)total + 1);
        int at = total, width = b.Length + 1;
        for (int i = a.Length, j = b.Length; i > 0 && j > 0;)
        {
            if (a[i - 1] == b[j - 1])
            {
                text[--at] = a[i - 1];
                i--;
                j--;
            }
            else if (lcs[(long)(i - 1) * width + j] > lcs[(long)i * width + j - 1]) i--;
            else j--;
        }
        c.Reply.Bulk(new ReadOnlySpan<byte>(text, total));
        NativeMemory.Free(text);
    }

    private static void WriteRanges(ref CommandContext c, scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b, uint* lcs,
        long shortest, bool lengths, int total)
    {
        c.Reply.Map(2);
        c.Reply.Bulk("matches"u8);
        int mark = c.Reply.DeferArray(), count = 0, width = b.Length + 1;
        int run = 0;
        // Walks back through the table; a run of equal bytes is one match, reported from the end of the strings.
        for (int i = a.Length, j = b.Length; i > 0 && j > 0;)
        {
            if (a[i - 1] == b[j - 1])
            {
                run++;
                i--;
                j--;
                if (i > 0 && j > 0 && a[i - 1] == b[j - 1]) continue;
                if (run >= shortest)
                {
                    WriteMatch(ref c, i, j, run, lengths);
                    count++;
                }
                run = 0;
            }
            else if (lcs[(long)(i - 1) * width + j] > lcs[(long)i * width + j - 1]) i--;
            else j--;
        }
        c.Reply.EndArray(mark, count);
        c.Reply.Bulk("len"u8);
        c.Reply.Integer(total);
    }

    private static void WriteMatch(ref CommandContext c, int i, int j, int run, bool lengths)
    {
        c.Reply.Array(lengths ? 3 : 2);
        c.Reply.Array(2);
        c.Reply.Integer(i);
        c.Reply.Integer(i + run - 1);
        c.Reply.Array(2);
        c.Reply.Integer(j);
        c.Reply.Integer(j + run - 1);
        if (lengths) c.Reply.Integer(run);
    }
}
