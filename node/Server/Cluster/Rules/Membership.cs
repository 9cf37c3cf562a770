// Leaving: CLUSTER RESET turns a member back into a lone, empty primary.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class Membership
{
    /// <summary>Forgets everybody and every slot; <paramref name="hard"/> also takes a new identity and starts the epochs over.</summary>
    public static void Reset(ClusterModel m, bool hard)
    {
        ManualFailover.Reset(m);
        m.AssignSlots(SlotSet.All, null);
        m.Importing.Clear();
        m.Migrating.Clear();
        foreach (var node in m.Nodes.Values.Where(n => n != m.Myself).ToArray()) m.Remove(node);
        m.Forgotten.Clear();
        m.MakePrimary(m.Myself);
        m.Myself.FormerPrimary = null;
        m.IsSealed = false;
        if (hard)
        {
            m.Rename(m.Myself, m.Host.NewNodeId());
            m.Myself.ShardId = m.Host.NewNodeId();
            m.CurrentEpoch = 0;
            m.LastVoteEpoch = 0;
            m.Myself.ConfigEpoch = 0;
        }
        m.Changed();
    }
}
