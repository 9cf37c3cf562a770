// The hash family: rows and handlers.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class HashCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("hset", -4, Write | DenyOom | Fast, Keys.One(1), "hash", HSet);
        t.Add("hmset", -4, Write | DenyOom | Fast, Keys.One(1), "hash", HMSet);
        t.Add("hsetnx", 4, Write | DenyOom | Fast, Keys.One(1), "hash", HSetNx);
        t.Add("hget", 3, ReadOnly | Fast, Keys.One(1), "hash", HGet);
        t.Add("hmget", -3, ReadOnly | Fast, Keys.One(1), "hash", HMGet);
        t.Add("hgetall", 2, ReadOnly, Keys.One(1), "hash", HGetAll);
        t.Add("hkeys", 2, ReadOnly, Keys.One(1), "hash", HKeys);
        t.Add("hvals", 2, ReadOnly, Keys.One(1), "hash", HVals);
        t.Add("hlen", 2, ReadOnly | Fast, Keys.One(1), "hash", HLen);
        t.Add("hexists", 3, ReadOnly | Fast, Keys.One(1), "hash", HExists);
        t.Add("hdel", -3, Write | Fast, Keys.One(1), "hash", HDel);
        t.Add("hstrlen", 3, ReadOnly | Fast, Keys.One(1), "hash", HStrLen);
        t.Add("hincrby", 4, Write | DenyOom | Fast, Keys.One(1), "hash", HIncrBy);
        t.Add("hincrbyfloat", 4, Write | DenyOom | Fast, Keys.One(1), "hash", HIncrByFloat);
        t.Add("hrandfield", -2, ReadOnly, Keys.One(1), "hash", HRandField);
        t.Add("hscan", -3, ReadOnly, Keys.One(1), "hash", HScan);
    }

    private static void HSet(ref CommandContext c)
    {
        if (SetAll(ref c, out int added)) c.Reply.Integer(added);
    }

    private static void HMSet(ref CommandContext c)
    {
        if (SetAll(ref c, out _)) c.Reply.Ok();
    }

    private static bool SetAll(ref CommandContext c, out int added)
    {
        added = 0;
        if (c.ArgCount % 2 != 0)
        {
            c.WrongArity();
            return false;
        }
        if (!c.TryFindForWrite(1, ValueType.Hash, out var e)) return false;
        for (int i = 2; i < c.ArgCount; i += 2)
            if (Put(ref c, ref e, c[i], c[i + 1])) added++;
        c.Changed(c[1], c.ArgCount / 2 - 1);
        c.Notify(KeyEventClass.Hash, "hset"u8, c[1]);
        return true;
    }

    private static bool Put(ref CommandContext c, ref EntryRef e, ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value)
    {
        if (e.Exists) return HashValue.Set(c.Keys, ref e, field, value);
        e = HashValue.Create(c.Keys, c[1], c.Slot, field, value);
        return true;
    }

    private static void HSetNx(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Hash, out var e)) return;
        if (e.Exists && HashValue.Contains(c.Keys, e, c[2]))
        {
            c.Reply.Zero();
            return;
        }
        Put(ref c, ref e, c[2], c[3]);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Hash, "hset"u8, c[1]);
        c.Reply.One();
    }

    private static void HGet(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        if (e.Exists && HashValue.TryGet(c.Keys, e, c[2], out var value)) c.Reply.Element(value);
        else c.Reply.Null();
    }

    private static void HMGet(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (e.Exists && HashValue.TryGet(c.Keys, e, c[i], out var value)) c.Reply.Element(value);
            else c.Reply.Null();
        }
    }

    private static void HGetAll(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        c.Reply.Map(e.Exists ? (int)HashValue.Count(e) : 0);
        if (!e.Exists) return;
        foreach (var here in HashValue.Enumerate(c.Keys, e))
        {
            c.Reply.Element(here.Field);
            c.Reply.Element(here.Value);
        }
    }

    private static void HKeys(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        c.Reply.Array(e.Exists ? (int)HashValue.Count(e) : 0);
        if (!e.Exists) return;
        foreach (var here in HashValue.Enumerate(c.Keys, e)) c.Reply.Element(here.Field);
    }

    private static void HVals(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        c.Reply.Array(e.Exists ? (int)HashValue.Count(e) : 0);
        if (!e.Exists) return;
        foreach (var here in HashValue.Enumerate(c.Keys, e)) c.Reply.Element(here.Value);
    }

    private static void HLen(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.Hash, out var e)) c.Reply.Integer(e.Exists ? HashValue.Count(e) : 0);
    }

    private static void HExists(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.Hash, out var e)) c.Reply.Integer(e.Exists && HashValue.Contains(c.Keys, e, c[2]) ? 1 : 0);
    }

    private static void HDel(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Hash, out var e)) return;
        int removed = 0;
        if (e.Exists)
        {
            long left = HashValue.Count(e);
            for (int i = 2; i < c.ArgCount && left > 0; i++)
            {
                if (!HashValue.Remove(c.Keys, ref e, c[i])) continue;
                removed++;
                left--;
            }
            c.Shrunk(c[1], left, removed, KeyEventClass.Hash, "hdel"u8);
        }
        c.Reply.Integer(removed);
    }

    private static void HStrLen(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        c.Reply.Integer(e.Exists && HashValue.TryGet(c.Keys, e, c[2], out var value) ? value.TextLength : 0);
    }

    private static void HIncrBy(ref CommandContext c)
    {
        if (!c.TryInteger(3, out long change) || !c.TryFindForWrite(1, ValueType.Hash, out var e)) return;
        long value = 0;
        if (e.Exists && HashValue.TryGet(c.Keys, e, c[2], out var old))
        {
            value = old.Number;
            if (!old.IsNumber && !IntegerText.TryParse(old.RawText, out value))
            {
                c.Reply.Error(ErrorReplies.HashNotInteger);
                return;
            }
        }
        long sum = unchecked(value + change);
        if (change < 0 ? sum > value : sum < value)
        {
            c.Reply.Error(ErrorReplies.IncrementOverflow);
            return;
        }
        Put(ref c, ref e, c[2], IntegerText.Write(sum, stackalloc byte[IntegerText.MaxLength]));
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Hash, "hincrby"u8, c[1]);
        c.Reply.Integer(sum);
    }

    private static void HIncrByFloat(ref CommandContext c)
    {
        if (!LongDouble.TryParse(c[3], out var change))
        {
            c.Reply.Error(ErrorReplies.NotFloat);
            return;
        }
        if (!change.IsFinite)
        {
            c.Reply.Error("ERR value is NaN or Infinity");
            return;
        }
        if (!c.TryFindForWrite(1, ValueType.Hash, out var e)) return;
        var value = LongDouble.Zero;
        if (e.Exists && HashValue.TryGet(c.Keys, e, c[2], out var old)
            && !LongDouble.TryParse(old.Text(stackalloc byte[IntegerText.MaxLength]), out value))
        {
            c.Reply.Error(ErrorReplies.HashNotFloat);
            return;
        }
        var sum = value + change;
        if (!sum.IsFinite)
        {
            c.Reply.Error(ErrorReplies.IncrementNaN);
            return;
        }
        byte[] text = sum.ToText();
        Put(ref c, ref e, c[2], text);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Hash, "hincrbyfloat"u8, c[1]);
        c.Propagate("HSET"u8, c[1], c[2], text);
        c.Reply.Bulk(text);
    }

    private static void HRandField(ref CommandContext c)
    {
        bool withValues = c.ArgCount == 4 && c[3].Is("WITHVALUES"u8);
        long count = 0;
        if (c.ArgCount > 2)
        {
            if (!c.TryChoiceCount(2, c.ArgCount > 3, out count)) return;
            if (c.ArgCount > 4 || (c.ArgCount == 4 && !withValues))
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        if (!c.TryFind(1, ValueType.Hash, out var e)) return;
        if (c.ArgCount == 2)
        {
            if (!e.Exists) { c.Reply.Null(); return; }
            HashValue.Random(c.Keys, e, ref c.Keys.Random, out var only, out _);
            c.Reply.Element(only);
            return;
        }
        if (!e.Exists || count == 0) c.Reply.EmptyArray();
        else if (count < 0) WriteWithRepeats(ref c, e, -count, withValues);
        else WriteDistinct(ref c, e, Math.Min(count, HashValue.Count(e)), withValues);
    }

    private static void WriteWithRepeats(ref CommandContext c, in EntryRef e, long count, bool withValues)
    {
        WriteChoiceHead(c.Reply, count, withValues);
        for (; count > 0 && !c.Reply.Overflowed; count--)
        {
            HashValue.Random(c.Keys, e, ref c.Keys.Random, out var field, out var value);
            WriteChoice(c.Reply, field, value, withValues);
        }
    }

    private static void WriteDistinct(ref CommandContext c, in EntryRef e, long count, bool withValues)
    {
        WriteChoiceHead(c.Reply, count, withValues);
        var draw = new Draw(HashValue.Count(e), count);
        foreach (var here in HashValue.Enumerate(c.Keys, e))
            if (draw.Takes(ref c.Keys.Random)) WriteChoice(c.Reply, here.Field, here.Value, withValues);
    }

    private static void WriteChoiceHead(ReplyWriter reply, long count, bool withValues) =>
        reply.Array((int)(withValues && reply.Resp == 2 ? count * 2 : count));

    private static void WriteChoice(ReplyWriter reply, scoped Element field, scoped Element value, bool withValues)
    {
        if (withValues && reply.Resp == 3) reply.Array(2);
        reply.Element(field);
        if (withValues) reply.Element(value);
    }

    private static void HScan(ref CommandContext c) => CollectionScan.Run(ref c, ValueType.Hash);
}
