// SORT and SORT_RO: the rows, the options, and what becomes of the sorted elements. Ordering them is SortOrder's.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Sorting of lists, sets and sorted sets, by themselves or by other keys.</summary>
public static class SortCommands
{
    /// <summary>What the request asks for; positions are of arguments, 0 = not given.</summary>
    private struct Plan
    {
        public int By, Store;
        public long Offset, Count;
        public bool Descending, Alpha, Unsorted;
        public List<int>? Gets;
    }

    public static void Register(CommandTable t)
    {
        t.Add("sort", -2, Write | DenyOom | MovableKeys, new KeyRange(1, 1, 1, 0, StoreKey), "set sortedset list dangerous",
            (ref CommandContext c) => Sort(ref c, mayStore: true));
        t.Add("sort_ro", -2, ReadOnly | MovableKeys, Keys.One(1), "set sortedset list dangerous", (ref CommandContext c) => Sort(ref c, mayStore: false));
    }

    /// <summary>The source, then the key behind the last STORE.</summary>
    private static int StoreKey(in Request request, int after)
    {
        if (after == 0) return 1;
        int found = 0;
        for (int i = 2; i < request.Count; i++)
        {
            if (request[i].Is("LIMIT"u8)) i += 2;
            else if (request[i].Is("GET"u8) || request[i].Is("BY"u8)) i++;
            else if (request[i].Is("STORE"u8) && i + 1 < request.Count) found = ++i;
        }
        return after == 1 ? found : 0;
    }

    private static void Sort(ref CommandContext c, bool mayStore)
    {
        var plan = new Plan { Count = -1 };
        if (!TryRead(ref c, ref plan, mayStore)) return;
        var source = c.Keys.Find(c[1], c.Slot);
        if (source.Exists && source.Type is not (ValueType.List or ValueType.Set or ValueType.SortedSet))
        {
            c.Reply.Error(ErrorReplies.WrongType);
            return;
        }
        // A set has no order of its own: what is stored, or decided by a script, must not depend on chance.
        if (plan.Unsorted && source.Exists && source.Type == ValueType.Set && (plan.Store > 0 || c.IsScript))
        {
            plan.Unsorted = false;
            plan.Alpha = true;
            plan.By = 0;
        }
        using var order = new SortOrder();
        if (source.Exists) order.Gather(c.Keys, source, backwards: plan.Unsorted && plan.Descending);
        if (!plan.Unsorted && !TryOrder(ref c, order, plan)) return;
        long start = Math.Min(Math.Max(plan.Offset, 0), order.Count);
        long end = plan.Count < 0 ? order.Count : Math.Min(order.Count, start + plan.Count);
        if (plan.Store > 0) Store(ref c, order, plan, start, end);
        else Reply(ref c, order, plan, start, end);
    }

    private static bool TryRead(ref CommandContext c, ref Plan plan, bool mayStore)
    {
        for (int i = 2; i < c.ArgCount; i++)
        {
            int left = c.ArgCount - i - 1;
            if (c[i].Is("ASC"u8)) plan.Descending = false;
            else if (c[i].Is("DESC"u8)) plan.Descending = true;
            else if (c[i].Is("ALPHA"u8)) plan.Alpha = true;
            else if (c[i].Is("LIMIT"u8) && left >= 2)
            {
                if (!c.TryInteger(i + 1, out plan.Offset) || !c.TryInteger(i + 2, out plan.Count)) return false;
                i += 2;
            }
            else if (mayStore && c[i].Is("STORE"u8) && left >= 1) plan.Store = ++i;
            else if (c[i].Is("BY"u8) && left >= 1)
            {
                plan.By = ++i;
                // A pattern without a star names the same key for every element: the order stays what it is.
                plan.Unsorted = !c[i].Contains((byte)'*');
                if (!plan.Unsorted && !MayLookUp(ref c, "BY")) return false;
            }
            else if (c[i].Is("GET"u8) && left >= 1)
            {
                (plan.Gets ??= []).Add(++i);
                if (!c[i].SequenceEqual("#"u8) && !MayLookUp(ref c, "GET")) return false;
            }
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        return true;
    }

    /// <summary>Patterns reach keys the request does not name: not where slots or permissions are by key.</summary>
    private static bool MayLookUp(ref CommandContext c, string option)
    {
        if (c.Node.Cluster.Enabled) c.Reply.Error($"ERR {option} option of SORT denied in cluster mode.");
        else if (!c.IsReplay && !c.Session.User.AllowsEveryKey(c.Command, c.Request)) c.Reply.Error($"ERR {option} option of SORT denied due to insufficient ACL permissions.");
        else return true;
        return false;
    }

    private static bool TryOrder(ref CommandContext c, SortOrder order, in Plan plan)
    {
        for (int i = 0; i < order.Count; i++)
        {
            if (plan.By > 0)
            {
                bool found = SortPattern.TryResolve(ref c, c[plan.By], order.TextOf(i), out var weight);
                order.WeighBy(i, weight, found);
            }
            if (plan.Alpha || order.TryParseWeight(i, byElement: plan.By == 0)) continue;
            c.Reply.Error("ERR One or more scores can't be converted into double");
            return false;
        }
        order.Sort(plan.Alpha, plan.By > 0, plan.Descending);
        return true;
    }

    private static void Reply(ref CommandContext c, SortOrder order, in Plan plan, long start, long end)
    {
        c.Reply.Array((int)(end - start) * Math.Max(plan.Gets?.Count ?? 1, 1));
        for (long i = start; i < end; i++)
        {
            if (plan.Gets is null) c.Reply.Bulk(order.TextOf((int)i));
            for (int g = 0; g < (plan.Gets?.Count ?? 0); g++)
            {
                if (SortPattern.TryResolve(ref c, c[plan.Gets![g]], order.TextOf((int)i), out var value)) c.Reply.Bulk(value);
                else c.Reply.Null();
            }
        }
    }

    private static void Store(ref CommandContext c, SortOrder order, in Plan plan, long start, long end)
    {
        // Looked up before the destination changes: a pattern may name it.
        using var values = new NativeBuffer();
        var lengths = new List<int>();
        for (long i = start; i < end; i++)
        {
            for (int g = 0; g < (plan.Gets?.Count ?? 1); g++)
            {
                ReadOnlySpan<byte> value = order.TextOf((int)i);
                if (plan.Gets is not null && !SortPattern.TryResolve(ref c, c[plan.Gets[g]], order.TextOf((int)i), out value)) value = default;
                values.Append(value);
                lengths.Add(value.Length);
            }
        }
        var key = c[plan.Store];
        bool replaced = c.Keys.Remove(key, c.Slot);
        var created = c.Keys.Events.HoldCreated(replaced);
        EntryRef list = default;
        int at = 0;
        foreach (int length in lengths)
        {
            ListCommands.PushOne(ref c, ref list, key, values.Written.Slice(at, length), head: false);
            at += length;
        }
        c.Keys.Events.Created = created;
        if (lengths.Count > 0)
        {
            c.Changed(key);
            c.Notify(KeyEventClass.List, "sortstore"u8, key);
        }
        else if (replaced) c.Removed(key);
        c.Reply.Integer(lengths.Count);
    }
}
