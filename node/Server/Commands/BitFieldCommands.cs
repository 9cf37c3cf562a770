// BITFIELD: integers of any width at any bit of a string. The whole request is read before anything changes, so that a
// mistake in its last operation leaves the string as it was.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

internal static class BitFieldCommands
{
    private enum Kind : byte { Get, Set, Increment }

    private enum Overflow : byte { Wrap, Saturate, Fail }

    /// <summary>One operation; offset in bits.</summary>
    private record struct Operation(Kind Kind, Overflow Overflow, bool Signed, int Bits, long Offset, long Number);

    public static void Register(CommandTable t)
    {
        t.Add("bitfield", -2, Write | DenyOom, Keys.One(1), "bitmap", (ref CommandContext c) => BitField(ref c, onlyReads: false));
        t.Add("bitfield_ro", -2, ReadOnly | Fast, Keys.One(1), "bitmap", (ref CommandContext c) => BitField(ref c, onlyReads: true));
    }

    private static void BitField(ref CommandContext c, bool onlyReads)
    {
        int count = 0;
        long highest = -1;
        var overflow = Overflow.Wrap;
        for (int i = 2; i < c.ArgCount; count++)
        {
            if (!TryNext(ref c, ref i, ref overflow, out var operation, out bool isOperation)) return;
            if (!isOperation) count--;
            else if (operation.Kind != Kind.Get) highest = Math.Max(highest, operation.Offset + operation.Bits - 1);
        }
        EntryRef entry;
        bool grown = false;
        if (highest < 0)
        {
            entry = c.Keys.Find(c[1], c.Slot);
            if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        }
        else if (onlyReads)
        {
            c.Reply.Error("ERR BITFIELD_RO only supports the GET subcommand");
            return;
        }
        else if (!BitCommands.TryGrow(ref c, (int)(highest >> 3) + 1, out entry, out grown)) return;

        c.Reply.Array(count);
        overflow = Overflow.Wrap;
        int changes = 0;
        for (int i = 2; i < c.ArgCount;)
        {
            TryNext(ref c, ref i, ref overflow, out var operation, out bool isOperation);
            if (isOperation && Run(ref c, entry, operation) && operation.Kind != Kind.Get) changes++;
        }
        if (changes == 0 && !grown) return;
        c.Changed(c[1], Math.Max(changes, 1));
        c.Notify(KeyEventClass.String, "setbit"u8, c[1]);
    }

    /// <summary>Reads one operation, or OVERFLOW, which is none; false when an error was written.</summary>
    private static bool TryNext(ref CommandContext c, ref int i, ref Overflow overflow, out Operation operation, out bool isOperation)
    {
        operation = default;
        isOperation = false;
        int rest = c.ArgCount - i - 1;
        if (c[i].Is("OVERFLOW"u8) && rest >= 1)
        {
            var word = c[i + 1];
            i += 2;
            if (word.Is("WRAP"u8)) overflow = Overflow.Wrap;
            else if (word.Is("SAT"u8)) overflow = Overflow.Saturate;
            else if (word.Is("FAIL"u8)) overflow = Overflow.Fail;
            else
            {
                c.Reply.Error("ERR Invalid OVERFLOW type specified");
                return false;
            }
            return true;
        }
        Kind kind;
        if (c[i].Is("GET"u8) && rest >= 2) kind = Kind.Get;
        else if (c[i].Is("SET"u8) && rest >= 3) kind = Kind.Set;
        else if (c[i].Is("INCRBY"u8) && rest >= 3) kind = Kind.Increment;
        else
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return false;
        }
        if (!TryType(ref c, i + 1, out bool signed, out int bits) || !BitCommands.TryOffset(ref c, i + 2, bits, out long offset)) return false;
        long number = 0;
        if (kind != Kind.Get && !c.TryInteger(i + 3, out number)) return false;
        i += kind == Kind.Get ? 3 : 4;
        operation = new Operation(kind, overflow, signed, bits, offset, number);
        isOperation = true;
        return true;
    }

    private static bool TryType(ref CommandContext c, int at, out bool signed, out int bits)
    {
        var text = c[at];
        bits = 0;
        signed = text.Length > 0 && text[0] == 'i';
        if (text.Length > 0 && (signed || text[0] == 'u') && IntegerText.TryParse(text[1..], out long width)
            && width >= 1 && width <= (signed ? 64 : 63))
        {
            bits = (int)width;
            return true;
        }
        c.Reply.Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
        return false;
    }

    /// <summary>Runs one operation and writes its reply; true when it wrote another value than was there.</summary>
    private static bool Run(ref CommandContext c, in EntryRef entry, in Operation o)
    {
        Span<byte> digits = stackalloc byte[20];
        if (o.Kind == Kind.Get)
        {
            var text = entry.Exists ? entry.Text(digits) : default;
            c.Reply.Integer(Extend(BitText.Read(text, o.Offset, o.Bits), o));
            return false;
        }
        var bytes = entry.Value;
        long old = Extend(BitText.Read(bytes, o.Offset, o.Bits), o);
        bool fits = o.Kind == Kind.Increment ? Add(o, old, o.Number, out long next) : Add(o, o.Number, 0, out next);
        if (!fits && o.Overflow == Overflow.Fail)
        {
            c.Reply.Null();
            return false;
        }
        BitText.Write(bytes, o.Offset, o.Bits, (ulong)next);
        c.Reply.Integer(o.Kind == Kind.Increment ? next : old);
        return old != next;
    }

    /// <summary>A number of that width as 64 bits, its sign carried on.</summary>
    private static long Extend(ulong raw, in Operation o) => o.Signed ? (long)(raw << (64 - o.Bits)) >> (64 - o.Bits) : (long)raw;

    /// <summary>
    /// <paramref name="value"/> + <paramref name="by"/> in the operation's type: false when it does not fit, and then wrapped
    /// or saturated. A number to be SET in an unsigned field counts as unsigned, so a negative one is too large.
    /// </summary>
    private static bool Add(in Operation o, long value, long by, out long result)
    {
        Int128 max = o.Signed ? (Int128.One << (o.Bits - 1)) - 1 : (Int128.One << o.Bits) - 1;
        Int128 min = o.Signed ? -max - 1 : 0;
        Int128 sum = (o.Signed ? value : (Int128)(ulong)value) + by;
        if (sum >= min && sum <= max)
        {
            result = (long)sum;
            return true;
        }
        if (o.Overflow == Overflow.Saturate)
        {
            // Redis's distance to the maximum wraps in 64 bits: SET of a number far below the minimum saturates upwards.
            bool above = sum > max || (o.Signed && o.Bits != 64 && by > unchecked((long)max - value));
            result = (long)(above ? max : min);
        }
        else result = Extend((ulong)(sum & ulong.MaxValue) & (ulong.MaxValue >> (64 - o.Bits)), o);
        return false;
    }
}
