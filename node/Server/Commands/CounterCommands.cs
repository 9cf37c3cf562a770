// Strings as numbers. An integer that is stored as one is changed in place: no allocation, no parsing.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>The counters' rows and handlers.</summary>
public static class CounterCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("incr", 2, Write | DenyOom | Fast, Keys.One(1), "string", (ref CommandContext c) => Add(ref c, 1));
        t.Add("decr", 2, Write | DenyOom | Fast, Keys.One(1), "string", (ref CommandContext c) => Add(ref c, -1));
        t.Add("incrby", 3, Write | DenyOom | Fast, Keys.One(1), "string", IncrBy);
        t.Add("decrby", 3, Write | DenyOom | Fast, Keys.One(1), "string", DecrBy);
        t.Add("incrbyfloat", 3, Write | DenyOom | Fast, Keys.One(1), "string", IncrByFloat);
    }

    private static void IncrBy(ref CommandContext c)
    {
        if (c.TryInteger(2, out long change)) Add(ref c, change);
    }

    private static void DecrBy(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long change)) return;
        if (change == long.MinValue) c.Reply.Error(ErrorReplies.DecrementOverflow);
        else Add(ref c, -change);
    }

    private static unsafe void Add(ref CommandContext c, long change)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        long value = 0;
        bool binary = entry.Exists && entry.Encoding == Encoding.Int;
        if (binary) value = *(long*)entry.ValuePointer;
        else if (entry.Exists && !IntegerText.TryParse(entry.Value, out value))
        {
            c.Reply.Error(ErrorReplies.NotInteger);
            return;
        }
        long sum = unchecked(value + change);
        if (change < 0 ? sum > value : sum < value)
        {
            c.Reply.Error(ErrorReplies.IncrementOverflow);
            return;
        }
        if (binary) *(long*)entry.ValuePointer = sum;
        else c.Keys.SetInteger(c[1], c.Slot, sum);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.String, "incrby"u8, c[1]);
        c.Reply.Integer(sum);
    }

    private static void IncrByFloat(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return;
        LongDouble value = LongDouble.Zero;
        if (entry.Exists && !LongDouble.TryParse(entry.Text(stackalloc byte[20]), out value)
            || !LongDouble.TryParse(c[2], out LongDouble change))
        {
            c.Reply.Error(ErrorReplies.NotFloat);
            return;
        }
        LongDouble sum = value + change;
        if (!sum.IsFinite)
        {
            c.Reply.Error(ErrorReplies.IncrementNaN);
            return;
        }
        byte[] text = sum.ToText();
        c.Keys.SetText(c[1], c.Slot, text, -2);
        c.Changed();
        c.Notify(KeyEventClass.String, "incrbyfloat"u8, c[1]);
        c.Propagate("SET"u8, c[1], text, "KEEPTTL"u8);
        c.Reply.Bulk(text);
    }
}
