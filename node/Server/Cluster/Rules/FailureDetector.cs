// From one node's suspicion to the majority's verdict: PFAIL is local, FAIL is what a majority of primaries reported within
// twice the node timeout. FAIL is broadcast; it is taken back when the node answers again and nobody took its slots.
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class FailureDetector
{
    /// <summary>A primary says the node is not reachable for it.</summary>
    public static void Report(ClusterModel m, ClusterNode node, ClusterNode reporter)
    {
        node.FailReports[reporter] = m.NowMs;
        MarkFailedIfMajority(m, node);
    }

    /// <summary>A primary says the node is reachable.</summary>
    public static void Withdraw(ClusterModel m, ClusterNode node, ClusterNode reporter)
    {
        if (node.FailReports.Remove(reporter)) m.IsDirty = true;
    }

    /// <summary>Reports still valid.</summary>
    public static int Reports(ClusterModel m, ClusterNode node)
    {
        long oldest = m.NowMs - 2L * m.Settings.NodeTimeoutMs;
        foreach (var stale in node.FailReports.Where(r => r.Value < oldest || !r.Key.IsPrimary || r.Key.Slots.IsEmpty).Select(r => r.Key).ToArray())
            node.FailReports.Remove(stale);
        return node.FailReports.Count;
    }

    /// <summary>Suspects a node that let a ping go unanswered for the node timeout.</summary>
    public static void Suspect(ClusterModel m, ClusterNode node)
    {
        if (node.Has(BusNodeFlags.PFail | BusNodeFlags.Fail)) return;
        node.Set(BusNodeFlags.PFail);
        m.Host.Log($"{node} does not answer: suspected");
        m.IsDirty = true;
        m.NeedsHealth = true;
        MarkFailedIfMajority(m, node);
    }

    /// <summary>The node answered a ping of ours.</summary>
    public static void Answered(ClusterModel m, ClusterNode node)
    {
        if (node.IsSuspect)
        {
            node.Clear(BusNodeFlags.PFail);
            m.Host.Log($"{node} answers again");
            m.Changed();
        }
        if (!node.IsFailed) return;
        bool ownsSlots = node.IsPrimary && !node.Slots.IsEmpty;
        // A primary with slots stays failed for a while, so that its replica's election is not undone half-way.
        if (ownsSlots && m.NowMs - node.FailedSinceMs <= 2L * m.Settings.NodeTimeoutMs) return;
        node.Clear(BusNodeFlags.Fail);
        m.Host.Log($"{node} is reachable again: no longer failed");
        m.Changed();
    }

    /// <summary>Somebody counted a majority.</summary>
    public static void Accept(ClusterModel m, ClusterNode node)
    {
        if (node.IsMyself || node.IsFailed) return;
        node.Clear(BusNodeFlags.PFail);
        node.Set(BusNodeFlags.Fail);
        node.FailedSinceMs = m.NowMs;
        m.Changed();
    }

    private static void MarkFailedIfMajority(ClusterModel m, ClusterNode node)
    {
        if (!node.IsSuspect || node.IsFailed) return;
        int votes = Reports(m, node) + (m.Myself.IsPrimary && !m.Myself.Slots.IsEmpty ? 1 : 0);
        if (votes < m.Size / 2 + 1) return;
        m.Host.Log($"{node} is failed: {votes} of {m.Size} primaries cannot reach it");
        Accept(m, node);
        Gossip.Broadcast(m, Gossip.Header(m, BusMessageType.Fail) with { FailedNode = node.Id });
    }
}
