// Bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. A bitmap is a string that grows with zeros to the bit that is written.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

public static class BitCommands
{
    private const string BadBit = "ERR bit is not an integer or out of range";

    /// <summary>What a string's length can be at all, with room for the integer at its last offset.</summary>
    private const long LongestString = int.MaxValue - 64;

    public static void Register(CommandTable t)
    {
        t.Add("setbit", 4, Write | DenyOom, Keys.One(1), "bitmap", SetBit);
        t.Add("getbit", 3, ReadOnly | Fast, Keys.One(1), "bitmap", GetBit);
        t.Add("bitcount", -2, ReadOnly, Keys.One(1), "bitmap", BitCount);
        t.Add("bitpos", -3, ReadOnly, Keys.One(1), "bitmap", BitPos);
        t.Add("bitop", -4, Write | DenyOom, Keys.All(2), "bitmap", BitOp);
        BitFieldCommands.Register(t);
    }

    /// <summary>
    /// Reads a bit offset; with <paramref name="bits"/> &gt; 0 also "#n", the n-th integer of that width. False when an error
    /// was written.
    /// </summary>
    internal static bool TryOffset(ref CommandContext c, int at, int bits, out long offset)
    {
        var text = c[at];
        bool counted = bits > 0 && text.Length > 0 && text[0] == '#';
        if (IntegerText.TryParse(counted ? text[1..] : text, out offset))
        {
            if (counted) offset = unchecked(offset * bits);
            if (offset >= 0 && offset >> 3 < Math.Min(c.IsReplay ? long.MaxValue : c.Node.Limits.MaxBulkLength, LongestString)) return true;
        }
        c.Reply.Error("ERR bit offset is not an integer or out of range");
        return false;
    }

    /// <summary>Finds a string of at least <paramref name="length"/> bytes to change, growing or creating it; <paramref name="grown"/> says whether it had to.</summary>
    internal static bool TryGrow(ref CommandContext c, int length, out EntryRef entry, out bool grown)
    {
        entry = c.Keys.FindForWrite(c[1], c.Slot);
        grown = !entry.Exists;
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return false;
        if (!entry.Exists) entry = c.Keys.Create(c[1], c.Slot, Store.ValueType.String, Encoding.Raw, 0);
        int before = StringRangeCommands.AsBytes(ref c, ref entry);
        grown |= before < length;
        c.Keys.SetEncoding(ref entry, Encoding.Raw, Math.Max(before, length));
        if (before < length) entry.Value[before..].Clear();
        return true;
    }

    private static void SetBit(ref CommandContext c)
    {
        if (!TryOffset(ref c, 2, 0, out long offset)) return;
        if (!c.TryInteger(3, out long bit, BadBit)) return;
        if (bit is not (0 or 1))
        {
            c.Reply.Error(BadBit);
            return;
        }
        if (!TryGrow(ref c, (int)(offset >> 3) + 1, out var entry, out bool grown)) return;
        ref byte b = ref entry.Value[(int)(offset >> 3)];
        int mask = 0x80 >> (int)(offset & 7);
        bool old = (b & mask) != 0;
        if (grown || old != (bit == 1))
        {
            b = (byte)(bit == 1 ? b | mask : b & ~mask);
            c.Changed(c[1]);
            c.Notify(KeyEventClass.String, "setbit"u8, c[1]);
        }
        c.Reply.Integer(old ? 1 : 0);
    }

    private static void GetBit(ref CommandContext c)
    {
        if (!TryOffset(ref c, 2, 0, out long offset)) return;
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        var text = entry.Exists ? entry.Text(stackalloc byte[20]) : default;
        long at = offset >> 3;
        c.Reply.Integer(at < text.Length && (text[(int)at] & (0x80 >> (int)(offset & 7))) != 0 ? 1 : 0);
    }

    /// <summary>Reads the unit that may follow a range at argument <paramref name="at"/>; false with a syntax error written.</summary>
    private static bool TryUnit(ref CommandContext c, int at, out bool bits)
    {
        bits = false;
        if (c.ArgCount <= at) return true;
        bits = c[at].Is("BIT"u8);
        if (bits || c[at].Is("BYTE"u8)) return true;
        c.Reply.Error(ErrorReplies.Syntax);
        return false;
    }

    private static void BitCount(ref CommandContext c)
    {
        long start = 0, end = -1;
        bool bits = false;
        if (c.ArgCount is 4 or 5)
        {
            if (!c.TryInteger(2, out start) || !c.TryInteger(3, out end) || !TryUnit(ref c, 4, out bits)) return;
        }
        else if (c.ArgCount != 2)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        var text = entry.Exists ? entry.Text(stackalloc byte[20]) : default;
        if (start < 0 && end < 0 && start > end) c.Reply.Zero();
        else c.Reply.Integer(TryBits(ref start, ref end, text.Length, bits) ? BitText.Count(text, start, end) : 0);
    }

    /// <summary>Turns a range of bytes or bits, negative from the end, into bits inside; false when it is empty.</summary>
    private static bool TryBits(ref long start, ref long end, long length, bool bits)
    {
        long total = bits ? length * 8 : length;
        if (start < 0) start = Math.Max(start + total, 0);
        if (end < 0) end = Math.Max(end + total, 0);
        if (end >= total) end = total - 1;
        if (start > end) return false;
        if (bits) return true;
        start *= 8;
        end = end * 8 + 7;
        return true;
    }

    private static void BitPos(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long bit)) return;
        if (bit is not (0 or 1))
        {
            c.Reply.Error("ERR The bit argument must be 1 or 0.");
            return;
        }
        long start = 0, end = -1;
        if (c.ArgCount > 6)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (c.ArgCount >= 4 && !c.TryInteger(3, out start)) return;
        if (!TryUnit(ref c, 5, out bool bits)) return;
        if (c.ArgCount >= 5 && !c.TryInteger(4, out end)) return;
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        if (!entry.Exists)
        {
            c.Reply.Integer(bit == 1 ? -1 : 0);
            return;
        }
        var text = entry.Text(stackalloc byte[20]);
        if (!TryBits(ref start, ref end, text.Length, bits))
        {
            c.Reply.Integer(-1);
            return;
        }
        long at = BitText.Find(text, bit == 1, start, end);
        // Behind a string whose end was not named zeros go on.
        if (at < 0 && bit == 0 && c.ArgCount < 5) at = text.Length * 8L;
        c.Reply.Integer(at);
    }

    private static void BitOp(ref CommandContext c)
    {
        BitOperation operation;
        if (c[1].Is("AND"u8)) operation = BitOperation.And;
        else if (c[1].Is("OR"u8)) operation = BitOperation.Or;
        else if (c[1].Is("XOR"u8)) operation = BitOperation.Xor;
        else if (c[1].Is("NOT"u8)) operation = BitOperation.Not;
        else
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (operation == BitOperation.Not && c.ArgCount != 4)
        {
            c.Reply.Error("ERR BITOP NOT must be called with a single source key.");
            return;
        }
        Span<byte> digits = stackalloc byte[20];
        int length = 0;
        for (int i = 3; i < c.ArgCount; i++)
        {
            EntryRef source = c.Keys.Find(c[i], c.Slot);
            if (!StringCommands.IsStringOrAbsent(ref c, source)) return;
            if (source.Exists) length = Math.Max(length, source.Text(digits).Length);
        }
        if (length == 0)
        {
            if (c.Keys.Remove(c[2], c.Slot)) c.Removed(c[2]);
            c.Reply.Zero();
            return;
        }
        using var result = new NativeBuffer(length);
        var bytes = result.Extend(length);
        for (int i = 3; i < c.ArgCount; i++)
        {
            // Looked up again: an earlier lookup of a due key may have moved what refers to the others.
            EntryRef source = c.Keys.Peek(c[i], c.Slot);
            var text = source.Exists ? source.Text(digits) : default;
            if (i > 3) BitText.Combine(operation, bytes, text);
            else
            {
                text.CopyTo(bytes);
                bytes[text.Length..].Clear();
            }
        }
        if (operation == BitOperation.Not) BitText.Invert(bytes);
        EntryRef target = c.Keys.SetText(c[2], c.Slot, bytes, -1);
        c.Keys.SetEncoding(ref target, Encoding.Raw, length);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[2]);
        c.Reply.Integer(length);
    }
}
