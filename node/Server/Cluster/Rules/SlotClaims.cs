// Who owns a slot when claims differ: the greater config epoch wins. Also what a loser does (follow the winner, delete keys it
// no longer owns), how epochs collide and resolve, and how a node with an outdated claim is told (UPDATE).
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class SlotClaims
{
    /// <summary>Takes in a primary's claim to a set of slots.</summary>
    public static void Apply(ClusterModel m, ClusterNode claimant, ulong epoch, SlotSet claimed)
    {
        if (claimant == m.Myself) return;
        var myShard = m.Myself.IsPrimary ? m.Myself : m.Myself.Primary;
        m.NotClaimedByOwner = m.NotClaimedByOwner.Except(claimed.Intersect(claimant.Slots)).Union(claimant.Slots.Except(claimed));
        var won = new List<int>();
        foreach (int slot in claimed.Except(claimant.Slots))
        {
            // While we import a slot by hand its owner is settled by SETSLOT alone.
            if (m.Importing.ContainsKey(slot)) continue;
            var owner = m.Owner(slot);
            if (owner is null || owner.ConfigEpoch < epoch || (owner != m.Myself && m.NotClaimedByOwner.Contains(slot))) won.Add(slot);
        }
        if (won.Count == 0)
        {
            FollowGrandPrimary(m);
            return;
        }
        var slots = SlotSet.OfSlots(won);
        bool fromMyShard = myShard is not null && myShard.Slots.Overlaps(slots);
        var lost = m.Myself.Slots.Intersect(slots);
        foreach (int slot in lost) m.Migrating.Remove(slot);
        m.AssignSlots(slots, claimant);
        // Follow a winner that was a replica of this shard (a failover). When the last slots went to another shard (scale-in) the
        // node stays as it is, and whoever drained it decides what becomes of it, unless replica migration was asked for.
        bool failover = claimant.FormerPrimary == myShard || (claimant.ShardId.Length == 40 && claimant.ShardId == m.Myself.ShardId);
        if (fromMyShard && myShard!.Slots.IsEmpty && (failover || m.Settings.AllowReplicaMigration))
        {
            m.Host.Log($"{claimant} took the last slots of this shard: following it");
            m.FollowPrimary(claimant);
            Gossip.BroadcastPong(m);
        }
        else
        {
            FollowGrandPrimary(m);
            if (!lost.IsEmpty && m.Myself.IsPrimary) m.Host.DropSlots(lost);
        }
    }

    private static void FollowGrandPrimary(ClusterModel m)
    {
        if (m.Myself.Primary is { Primary: { } grand } && grand != m.Myself)
        {
            m.Host.Log($"my primary became a replica: following {grand}");
            m.FollowPrimary(grand);
        }
    }

    /// <summary>Tells a sender whose header claims slots that a newer owner holds.</summary>
    public static void CorrectStaleClaim(ClusterModel m, ClusterNode sender, BusMessage message)
    {
        if (sender.Link is null) return;
        foreach (int slot in message.Slots)
        {
            var owner = m.Owner(slot);
            if (owner is null || owner == sender || owner.ConfigEpoch <= message.ConfigEpoch || m.NotClaimedByOwner.Contains(slot)) continue;
            Gossip.Send(m, sender.Link, Gossip.Header(m, BusMessageType.Update) with { Update = new SlotClaim(owner.Id, owner.ConfigEpoch, owner.Slots) });
            return;
        }
    }

    /// <summary>Somebody tells us of an owner newer than the one we know.</summary>
    public static void TakeUpdate(ClusterModel m, SlotClaim claim)
    {
        if (m.Find(claim.NodeId) is not { } node || node == m.Myself || node.ConfigEpoch >= claim.ConfigEpoch) return;
        if (node.IsReplica) m.MakePrimary(node);
        node.ConfigEpoch = claim.ConfigEpoch;
        m.Changed();
        Apply(m, node, claim.ConfigEpoch, claim.Slots);
    }

    /// <summary>Two primaries with one config epoch: the one with the smaller id takes a new one.</summary>
    public static void ResolveCollision(ClusterModel m, ClusterNode sender)
    {
        if (!m.Myself.IsPrimary || !sender.IsPrimary || sender.ConfigEpoch != m.Myself.ConfigEpoch) return;
        if (string.CompareOrdinal(sender.Id, m.Myself.Id) <= 0) return;
        m.CurrentEpoch++;
        m.Myself.ConfigEpoch = m.CurrentEpoch;
        m.Changed();
        m.SaveNow();
        m.Host.Log($"config epoch collided with {sender}: mine is now {m.Myself.ConfigEpoch}");
    }

    /// <summary>Takes a config epoch greater than all known, without asking anybody. Durable when it returns. False: was greatest already.</summary>
    public static bool BumpEpoch(ClusterModel m)
    {
        ulong max = m.MaxEpoch();
        if (m.Myself.ConfigEpoch != 0 && m.Myself.ConfigEpoch == max && m.Nodes.Values.All(n => n == m.Myself || n.ConfigEpoch < max)) return false;
        m.CurrentEpoch = max + 1;
        m.Myself.ConfigEpoch = m.CurrentEpoch;
        m.Changed();
        m.SaveNow();
        return true;
    }
}
