// CLUSTER's sub-commands about slots: assignment, the classic open-slot states, counting and listing keys, statistics.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Commands;

namespace Shoal.Server.Cluster;

internal static class SlotCommands
{
    public static void Register(Command cluster)
    {
        const CommandFlags Read = CommandFlags.Loading | CommandFlags.Stale;
        const CommandFlags Admin = CommandFlags.Admin | CommandFlags.Stale | CommandFlags.NoScript;
        cluster.With("addslots", -3, Admin, Keys.None, (ref c) => Assign(ref c, ranges: false, add: true))
            .With("addslotsrange", -4, Admin, Keys.None, (ref c) => Assign(ref c, ranges: true, add: true))
            .With("delslots", -3, Admin, Keys.None, (ref c) => Assign(ref c, ranges: false, add: false))
            .With("delslotsrange", -4, Admin, Keys.None, (ref c) => Assign(ref c, ranges: true, add: false))
            .With("flushslots", 2, Admin, Keys.None, FlushSlots)
            .With("setslot", -4, Admin, Keys.None, SetSlot)
            .With("countkeysinslot", 3, Read, Keys.None, CountKeysInSlot)
            .With("getkeysinslot", 4, Read, Keys.None, GetKeysInSlot)
            .With("slot-stats", -4, Read, Keys.None, SlotStats);
    }

    /// <summary>Reads pairs of slots from argument <paramref name="from"/> to <paramref name="to"/>; null and an error text when they are none.</summary>
    public static SlotSet? ReadRanges(in CommandContext c, int from, int to, out string? error)
    {
        error = null;
        var ranges = new List<SlotRange>();
        for (int i = from; i + 1 < to; i += 2)
        {
            if (!TrySlot(c[i], out int start) || !TrySlot(c[i + 1], out int end))
            {
                error = "ERR Invalid or out of range slot";
                return null;
            }
            if (start > end)
            {
                error = $"ERR start slot number {start} is greater than end slot number {end}";
                return null;
            }
            var range = new SlotRange(start, end);
            var earlier = ranges.FirstOrDefault(r => r.Overlaps(range), new SlotRange(-1, -1));
            if (earlier.Start >= 0)
            {
                error = $"ERR Slot {Math.Max(earlier.Start, start)} specified multiple times";
                return null;
            }
            ranges.Add(range);
        }
        return SlotSet.Of(ranges);
    }

    private static bool TrySlot(ReadOnlySpan<byte> text, out int slot) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slot) && slot < HashSlot.Count;

    private static SlotSet? ReadSlots(in CommandContext c, out string? error)
    {
        error = null;
        var slots = new HashSet<int>();
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (!TrySlot(c[i], out int slot)) error = "ERR Invalid or out of range slot";
            else if (!slots.Add(slot)) error = $"ERR Slot {slot} specified multiple times";
            if (error is not null) return null;
        }
        return SlotSet.OfSlots(slots);
    }

    private static void Assign(ref CommandContext c, bool ranges, bool add)
    {
        if (ClusterCommands.PartOf(ref c) is null) return;
        if (ranges && c.ArgCount % 2 != 0)
        {
            c.WrongArity();
            return;
        }
        var slots = ranges ? ReadRanges(in c, 2, c.ArgCount, out string? error) : ReadSlots(in c, out error);
        if (slots is null)
        {
            c.Reply.Error(error!);
            return;
        }
        ClusterCommands.Change(ref c, m =>
        {
            foreach (int slot in slots)
            {
                if (add && m.Owner(slot) is not null) return $"ERR Slot {slot} is already busy";
                if (!add && m.Owner(slot) is null) return $"ERR Slot {slot} is already unassigned";
            }
            if (add && m.Myself.IsReplica) return "ERR a replica cannot own slots";
            foreach (int slot in slots)
            {
                if (add) m.Importing.Remove(slot);
                else m.Migrating.Remove(slot);
            }
            m.AssignSlots(slots, add ? m.Myself : null);
            return null;
        });
    }

    private static void FlushSlots(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is null) return;
        if (c.Databases.TotalKeys > 0)
        {
            c.Reply.Error("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
            return;
        }
        ClusterCommands.Change(ref c, m =>
        {
            m.AssignSlots(m.Myself.Slots, null);
            m.Migrating.Clear();
            return null;
        });
    }

    private static void SetSlot(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        if (part.Gate.View.Myself.IsReplica)
        {
            c.Reply.Error("ERR You can use SETSLOT only with masters.");
            return;
        }
        if (!TrySlot(c[2], out int slot))
        {
            c.Reply.Error("ERR Invalid or out of range slot");
            return;
        }
        string action = ClusterCommands.Text(c[3]).ToUpperInvariant();
        string id = c.ArgCount == 5 ? ClusterCommands.Text(c[4]) : "";
        bool known = action == "STABLE" ? c.ArgCount == 4 : action is "MIGRATING" or "IMPORTING" or "NODE" && c.ArgCount == 5;
        if (!known)
        {
            c.Reply.Error("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
            return;
        }
        if (part.Migrations.IsBusy(slot))
        {
            c.Reply.Error($"ERR slot {slot} is in an atomic migration");
            return;
        }
        // What is waiting to be deleted must not mix with what comes; other keys stay: a half-moved slot is being mended.
        if (action == "IMPORTING") part.Gate.Purge.FinishNow(part.Gate.Purge.Pending.Intersect(SlotSet.OfSlots([slot])));
        long keys = c.Databases[0].CountInSlot(slot);
        ClusterCommands.Change(ref c, m => action switch
        {
            "MIGRATING" => Migrating(m, slot, id),
            "IMPORTING" => Importing(m, slot, id),
            "STABLE" => Stable(m, slot),
            _ => Node(m, slot, id, keys),
        });
    }

    private static string? Migrating(ClusterModel m, int slot, string id)
    {
        if (m.Owner(slot) != m.Myself) return $"ERR I'm not the owner of hash slot {slot}";
        if (Peer(m, id, out var node) is { } error) return error;
        m.Migrating[slot] = node!.Id;
        m.Changed();
        return null;
    }

    private static string? Importing(ClusterModel m, int slot, string id)
    {
        if (m.Owner(slot) == m.Myself) return $"ERR I'm already the owner of hash slot {slot}";
        if (Peer(m, id, out var node) is { } error) return error;
        m.Importing[slot] = node!.Id;
        m.Changed();
        return null;
    }

    private static string? Stable(ClusterModel m, int slot)
    {
        m.Importing.Remove(slot);
        m.Migrating.Remove(slot);
        m.Changed();
        return null;
    }

    private static string? Node(ClusterModel m, int slot, string id, long keys)
    {
        if (m.Find(id) is not { } node) return $"ERR Unknown node {id}";
        if (node.IsReplica) return "ERR Target node is not a master";
        if (m.Owner(slot) == m.Myself && node != m.Myself && keys > 0)
            return $"ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot.";
        bool imported = node == m.Myself && m.Importing.Remove(slot);
        if (keys == 0) m.Migrating.Remove(slot);
        m.AssignSlots(SlotSet.OfSlots([slot]), node);
        if (imported)
        {
            // The new owner's claim must beat the old one's everywhere.
            SlotClaims.BumpEpoch(m);
            Gossip.BroadcastPong(m);
        }
        return null;
    }

    private static string? Peer(ClusterModel m, string id, out ClusterNode? node)
    {
        node = m.Find(id);
        if (node is null) return $"ERR I don't know about node {id}";
        if (node.IsReplica) return "ERR Target node is not a master";
        return node == m.Myself ? "ERR that is this node" : null;
    }

    private static void CountKeysInSlot(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is null) return;
        if (!TrySlot(c[2], out int slot)) c.Reply.Error("ERR Invalid slot");
        else c.Reply.Integer(c.Databases[0].CountInSlot(slot));
    }

    private static void GetKeysInSlot(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is null) return;
        if (!TrySlot(c[2], out int slot) || !int.TryParse(c[3], NumberStyles.None, CultureInfo.InvariantCulture, out int max))
        {
            c.Reply.Error("ERR Invalid slot or number of keys");
            return;
        }
        var keys = new List<byte[]>();
        c.Databases[0].Walk.KeysInSlot(slot, max, key => keys.Add(key.ToArray()));
        c.Reply.Array(keys.Count);
        foreach (byte[] key in keys) c.Reply.Bulk(key);
    }

    private static void SlotStats(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        string mode = ClusterCommands.Text(c[2]).ToUpperInvariant();
        if (mode == "SLOTSRANGE" && c.ArgCount == 5)
        {
            if (!TrySlot(c[3], out int start) || !TrySlot(c[4], out int end)) c.Reply.Error("ERR Invalid or out of range slot");
            else if (start > end) c.Reply.Error($"ERR Start slot number {start} is greater than end slot number {end}");
            else WriteStats(ref c, part.Gate.View.Myself.Slots.Where(s => s >= start && s <= end));
            return;
        }
        if (mode != "ORDERBY")
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        OrderedStats(ref c, part);
    }

    private static void OrderedStats(ref CommandContext c, ClusterPart part)
    {
        var keys = c.Databases[0];
        int limit = HashSlot.Count;
        bool ascending = false;
        for (int i = 4; i < c.ArgCount; i++)
        {
            string word = ClusterCommands.Text(c[i]).ToUpperInvariant();
            if (word is "ASC" or "DESC") ascending = word == "ASC";
            else if (word == "LIMIT" && i + 1 < c.ArgCount && int.TryParse(c[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is > 0 and <= HashSlot.Count) i++;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        Func<int, long>? metric = ClusterCommands.Text(c[3]).ToLowerInvariant() switch
        {
            "key-count" => keys.CountInSlot,
            "memory-bytes" => keys.BytesInSlot,
            _ => null,
        };
        if (metric is null)
        {
            c.Reply.Error("ERR Unrecognized sort metric for ORDERBY.");
            return;
        }
        var slots = part.Gate.View.Myself.Slots;
        WriteStats(ref c, (ascending ? slots.OrderBy(metric) : slots.OrderByDescending(metric)).ThenBy(s => s).Take(limit));
    }

    private static void WriteStats(ref CommandContext c, IEnumerable<int> slots)
    {
        var list = slots.ToArray();
        c.Reply.Array(list.Length);
        foreach (int slot in list)
        {
            c.Reply.Array(2);
            c.Reply.Integer(slot);
            c.Reply.Map(2);
            c.Reply.Bulk("key-count");
            c.Reply.Integer(c.Databases[0].CountInSlot(slot));
            c.Reply.Bulk("memory-bytes");
            c.Reply.Integer(c.Databases[0].BytesInSlot(slot));
        }
    }
}
