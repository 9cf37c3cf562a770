// The set family: rows, and the handlers of one set. Union, intersection and difference are in SetAlgebraCommands.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SetCommands
{
    // Members journalled per SREM when SPOP took many.
    private const int PopBatch = 1024;

    public static void Register(CommandTable t)
    {
        t.Add("sadd", -3, Write | DenyOom | Fast, Keys.One(1), "set", SAdd);
        t.Add("srem", -3, Write | Fast, Keys.One(1), "set", SRem);
        t.Add("sismember", 3, ReadOnly | Fast, Keys.One(1), "set", SIsMember);
        t.Add("smismember", -3, ReadOnly | Fast, Keys.One(1), "set", SMIsMember);
        t.Add("scard", 2, ReadOnly | Fast, Keys.One(1), "set", SCard);
        t.Add("smembers", 2, ReadOnly, Keys.One(1), "set", SMembers);
        t.Add("spop", -2, Write | Fast, Keys.One(1), "set", SPop);
        t.Add("srandmember", -2, ReadOnly, Keys.One(1), "set", SRandMember);
        t.Add("smove", 4, Write | Fast, Keys.Two, "set", SMove);
        t.Add("sscan", -3, ReadOnly, Keys.One(1), "set", (ref CommandContext c) => CollectionScan.Run(ref c, ValueType.Set));
        SetAlgebraCommands.Register(t);
    }

    private static void SAdd(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Set, out var e)) return;
        int added = 0;
        for (int i = 2; i < c.ArgCount; i++)
            if (AddOne(ref c, ref e, c[1], c[i])) added++;
        c.Changed(c[1], added);
        if (added > 0) c.Notify(KeyEventClass.Set, "sadd"u8, c[1]);
        c.Reply.Integer(added);
    }

    /// <summary>Adds to a set that may not exist yet.</summary>
    internal static bool AddOne(ref CommandContext c, ref EntryRef e, ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> member)
    {
        if (e.Exists) return SetValue.Add(c.Keys, ref e, member);
        e = SetValue.Create(c.Keys, key, c.Slot, member);
        return true;
    }

    private static void SRem(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Set, out var e)) return;
        int removed = 0;
        if (e.Exists)
        {
            long left = SetValue.Count(e);
            for (int i = 2; i < c.ArgCount && left > 0; i++)
            {
                if (!SetValue.Remove(c.Keys, ref e, c[i])) continue;
                removed++;
                left--;
            }
            c.Shrunk(c[1], left, removed, KeyEventClass.Set, "srem"u8);
        }
        c.Reply.Integer(removed);
    }

    private static void SIsMember(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.Set, out var e)) c.Reply.Integer(e.Exists && SetValue.Contains(c.Keys, e, c[2]) ? 1 : 0);
    }

    private static void SMIsMember(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Set, out var e)) return;
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++) c.Reply.Integer(e.Exists && SetValue.Contains(c.Keys, e, c[i]) ? 1 : 0);
    }

    private static void SCard(ref CommandContext c)
    {
        if (c.TryFind(1, ValueType.Set, out var e)) c.Reply.Integer(e.Exists ? SetValue.Count(e) : 0);
    }

    private static void SMembers(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.Set, out var e)) return;
        c.Reply.Set(e.Exists ? (int)SetValue.Count(e) : 0);
        if (!e.Exists) return;
        foreach (var member in SetValue.Enumerate(c.Keys, e)) c.Reply.Element(member);
    }

    private static void SPop(ref CommandContext c)
    {
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        long count = 1;
        if (c.ArgCount == 3 && !c.TryPositiveCount(2, out count)) return;
        if (!c.TryFindForWrite(1, ValueType.Set, out var e)) return;
        if (c.ArgCount == 3) PopSeveral(ref c, ref e, count);
        else if (!e.Exists) c.Reply.Null();
        else PopOne(ref c, ref e);
    }

    private static void PopOne(ref CommandContext c, ref EntryRef e)
    {
        var member = SetValue.Random(c.Keys, e, ref c.Keys.Random);
        int length = member.TextLength;
        Span<byte> aside = length <= 1024 ? stackalloc byte[1024] : new byte[length];
        member.Text(stackalloc byte[IntegerText.MaxLength]).CopyTo(aside);
        aside = aside[..length];
        SetValue.Remove(c.Keys, ref e, aside);
        c.Shrunk(c[1], SetValue.Count(e), 1, KeyEventClass.Set, "spop"u8);
        c.Propagate("SREM"u8, c[1], aside);
        c.Reply.Bulk(aside);
    }

    private static void PopSeveral(ref CommandContext c, ref EntryRef e, long count)
    {
        if (!e.Exists || count == 0)
        {
            c.Reply.Set(0);
            return;
        }
        long size = SetValue.Count(e);
        if (count >= size)
        {
            c.Reply.Set((int)size);
            foreach (var member in SetValue.Enumerate(c.Keys, e)) c.Reply.Element(member);
            c.Shrunk(c[1], 0, (int)size, KeyEventClass.Set, "spop"u8);
            c.Propagate("DEL"u8, c[1]);
            return;
        }
        // The members chosen are set aside in a list of their own, since the set moves while they leave it.
        var chosen = new List<byte[]>((int)count);
        var draw = new Draw(size, count);
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        foreach (var member in SetValue.Enumerate(c.Keys, e))
        {
            if (draw.Takes(ref c.Keys.Random)) chosen.Add(member.Text(scratch).ToArray());
            if (draw.Wanted == 0) break;
        }
        c.Reply.Set(chosen.Count);
        for (int from = 0; from < chosen.Count; from += PopBatch)
        {
            int batch = Math.Min(PopBatch, chosen.Count - from);
            var form = c.Propagate(2 + batch).Arg("SREM"u8).Arg(c[1]);
            for (int i = from; i < from + batch; i++)
            {
                SetValue.Remove(c.Keys, ref e, chosen[i]);
                c.Reply.Bulk(chosen[i]);
                form.Arg(chosen[i]);
            }
            form.End();
        }
        c.Changed(c[1], chosen.Count);
        c.Notify(KeyEventClass.Set, "spop"u8, c[1]);
    }

    private static void SRandMember(ref CommandContext c)
    {
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        long count = 0;
        if (c.ArgCount == 3 && !c.TryChoiceCount(2, false, out count)) return;
        if (!c.TryFind(1, ValueType.Set, out var e)) return;
        if (c.ArgCount == 2)
        {
            if (e.Exists) c.Reply.Element(SetValue.Random(c.Keys, e, ref c.Keys.Random));
            else c.Reply.Null();
        }
        else if (!e.Exists || count == 0) c.Reply.EmptyArray();
        else if (count < 0)
        {
            c.Reply.Array((int)Math.Min(-count, int.MaxValue));
            for (; count < 0 && !c.Reply.Overflowed; count++) c.Reply.Element(SetValue.Random(c.Keys, e, ref c.Keys.Random));
        }
        else WriteDistinct(ref c, e, Math.Min(count, SetValue.Count(e)));
    }

    private static void WriteDistinct(ref CommandContext c, in EntryRef e, long count)
    {
        c.Reply.Array((int)count);
        var draw = new Draw(SetValue.Count(e), count);
        foreach (var member in SetValue.Enumerate(c.Keys, e))
        {
            if (draw.Takes(ref c.Keys.Random)) c.Reply.Element(member);
            if (draw.Wanted == 0) break;
        }
    }

    private static void SMove(ref CommandContext c)
    {
        if (!c.TryFindFirstOfTwo(1, 2, ValueType.Set, out var source)) return;
        if (!source.Exists)
        {
            c.Reply.Zero();
            return;
        }
        if (!c.IsTypeOrAbsent(c.Keys.Peek(c[2], c.Slot), ValueType.Set)) return;
        if (c[1].SequenceEqual(c[2]))
        {
            c.Reply.Integer(SetValue.Contains(c.Keys, source, c[3]) ? 1 : 0);
            return;
        }
        if (!SetValue.Remove(c.Keys, ref source, c[3]))
        {
            c.Reply.Zero();
            return;
        }
        c.Shrunk(c[1], SetValue.Count(source), 1, KeyEventClass.Set, "srem"u8);
        var target = c.Keys.FindForWrite(c[2], c.Slot);
        if (AddOne(ref c, ref target, c[2], c[3]))
        {
            c.Changed(c[2]);
            c.Notify(KeyEventClass.Set, "sadd"u8, c[2]);
        }
        c.Reply.One();
    }
}
