// Union, intersection and difference of sets. The result is gathered in a set of its own (a scratch table in the arena)
// before the destination is touched, since the destination may be one of the sources.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SetAlgebraCommands
{
    private enum Operation { Union, Intersection, Difference }

    public static void Register(CommandTable t)
    {
        t.Add("sunion", -2, ReadOnly, Keys.All(), "set", (ref CommandContext c) => Answer(ref c, Operation.Union));
        t.Add("sinter", -2, ReadOnly, Keys.All(), "set", (ref CommandContext c) => Answer(ref c, Operation.Intersection));
        t.Add("sdiff", -2, ReadOnly, Keys.All(), "set", (ref CommandContext c) => Answer(ref c, Operation.Difference));
        t.Add("sunionstore", -3, Write | DenyOom, Keys.All(), "set", (ref CommandContext c) => Keep(ref c, Operation.Union));
        t.Add("sinterstore", -3, Write | DenyOom, Keys.All(), "set", (ref CommandContext c) => Keep(ref c, Operation.Intersection));
        t.Add("sdiffstore", -3, Write | DenyOom, Keys.All(), "set", (ref CommandContext c) => Keep(ref c, Operation.Difference));
        t.Add("sintercard", -3, ReadOnly, Keys.Counted(1), "set", SInterCard);
    }

    private static void Answer(ref CommandContext c, Operation operation)
    {
        if (!AreSets(ref c, 1, c.ArgCount)) return;
        if (operation == Operation.Intersection)
        {
            int mark = c.Reply.DeferArray();
            long count = Intersect(ref c, 1, c.ArgCount, long.MaxValue, null, write: true);
            c.Reply.EndSet(mark, (int)count);
            return;
        }
        using var result = new ScratchTable(c.Keys.Arena);
        Gather(ref c, operation, 1, result);
        c.Reply.Set((int)result.Count);
        foreach (var member in result.Members) c.Reply.Bulk(member);
    }

    private static void Keep(ref CommandContext c, Operation operation)
    {
        if (!AreSets(ref c, 2, c.ArgCount)) return;
        using var result = new ScratchTable(c.Keys.Arena);
        if (operation == Operation.Intersection) Intersect(ref c, 2, c.ArgCount, long.MaxValue, result, write: false);
        else Gather(ref c, operation, 2, result);
        bool replaced = c.Keys.Remove(c[1], c.Slot);
        var created = c.Keys.Events.HoldCreated(replaced);
        EntryRef target = default;
        foreach (var member in result.Members) SetCommands.AddOne(ref c, ref target, c[1], member);
        c.Keys.Events.Created = created;
        if (result.Count > 0)
        {
            c.Changed(c[1]);
            c.Notify(KeyEventClass.Set, NameOf(operation), c[1]);
        }
        else if (replaced) c.Removed(c[1]);
        c.Reply.Integer(result.Count);
    }

    private static ReadOnlySpan<byte> NameOf(Operation operation) => operation switch
    {
        Operation.Union => "sunionstore"u8,
        Operation.Intersection => "sinterstore"u8,
        _ => "sdiffstore"u8,
    };

    private static void SInterCard(ref CommandContext c)
    {
        if (!IntegerText.TryParse(c[1], out long keys) || keys <= 0)
        {
            c.Reply.Error(ErrorReplies.NumKeys);
            return;
        }
        if (keys > c.ArgCount - 2)
        {
            c.Reply.Error("ERR Number of keys can't be greater than number of args");
            return;
        }
        if (!TryLimit(ref c, 2 + (int)keys, out long limit) || !AreSets(ref c, 2, 2 + (int)keys)) return;
        c.Reply.Integer(Intersect(ref c, 2, 2 + (int)keys, limit == 0 ? long.MaxValue : limit, null, write: false));
    }

    /// <summary>Reads the optional "LIMIT n" that ends SINTERCARD and ZINTERCARD; 0 = none.</summary>
    internal static bool TryLimit(ref CommandContext c, int at, out long limit)
    {
        limit = 0;
        for (; at < c.ArgCount; at += 2)
        {
            if (!c[at].Is("LIMIT"u8) || at + 1 == c.ArgCount)
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
            if (IntegerText.TryParse(c[at + 1], out limit) && limit >= 0) continue;
            c.Reply.Error("ERR LIMIT can't be negative");
            return false;
        }
        return true;
    }

    // Every key is checked, even behind an absent one. This is the lookup that counts as hit or miss; later ones only peek.
    private static bool AreSets(ref CommandContext c, int first, int end)
    {
        for (int i = first; i < end; i++)
            if (!c.TryFind(i, ValueType.Set, out _)) return false;
        return true;
    }

    // Walks the smallest set and asks the others.
    private static long Intersect(ref CommandContext c, int first, int end, long limit, ScratchTable? into, bool write)
    {
        int smallest = 0;
        long size = long.MaxValue;
        for (int i = first; i < end; i++)
        {
            var e = c.Keys.Peek(c[i], c.Slot);
            if (!e.Exists) return 0;
            if (SetValue.Count(e) >= size) continue;
            size = SetValue.Count(e);
            smallest = i;
        }
        long found = 0;
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        var others = new EntryRef[end - first];
        for (int i = first; i < end; i++) others[i - first] = c.Keys.Peek(c[i], c.Slot);
        foreach (var member in SetValue.Enumerate(c.Keys, others[smallest - first]))
        {
            var text = member.Text(scratch);
            bool inAll = true;
            for (int i = 0; inAll && i < others.Length; i++)
                inAll = i == smallest - first || SetValue.Contains(c.Keys, others[i], text);
            if (!inAll) continue;
            into?.Add(text);
            if (write) c.Reply.Bulk(text);
            if (++found >= limit) break;
        }
        return found;
    }

    private static void Gather(ref CommandContext c, Operation operation, int first, ScratchTable into)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int i = first; i < c.ArgCount; i++)
        {
            var e = c.Keys.Peek(c[i], c.Slot);
            if (!e.Exists)
            {
                if (i == first && operation == Operation.Difference) return;
                continue;
            }
            foreach (var member in SetValue.Enumerate(c.Keys, e))
            {
                if (operation == Operation.Union || i == first) into.Add(member.Text(scratch));
                else into.Remove(member.Text(scratch));
            }
            if (operation == Operation.Difference && into.Count == 0) return;
        }
    }
}
