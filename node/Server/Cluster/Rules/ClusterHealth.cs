// Whether this node may serve: every slot is owned by a live node (when full coverage is asked for) and a majority of primaries is
// reachable from here. A primary that was cut off waits a little before it serves again, so that a failover it missed reaches it.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class ClusterHealth
{
    /// <summary>A primary waits this long after start before it serves, to hear of a failover that happened meanwhile.</summary>
    public const int WritableDelayMs = 2000;

    public static void Weigh(ClusterModel m)
    {
        m.NeedsHealth = false;
        var primaries = m.Nodes.Values.Where(n => n.IsPrimary && !n.Slots.IsEmpty).ToArray();
        m.Size = primaries.Length;
        bool covered = !m.Settings.RequireFullCoverage || Covered(m);
        int reachable = primaries.Count(n => !n.IsFailed && !n.IsSuspect);
        bool minority = reachable < m.Size / 2 + 1;
        if (minority && m.Size > 0) m.MinoritySinceMs = m.NowMs; // an empty cluster has nobody to hear from
        bool ok = covered && !minority && !m.IsSealed && !m.Host.IsLoading;
        if (ok == m.IsOk) return;
        if (ok && m.Myself.IsPrimary)
        {
            // Alone in the cluster there is nobody to hear from.
            if (m.Nodes.Count > 1 && m.NowMs - m.StartedMs < WritableDelayMs) return;
            if (m.MinoritySinceMs > 0 && m.Size > 1 && m.NowMs - m.MinoritySinceMs < Math.Clamp(m.Settings.NodeTimeoutMs, 500, 5000)) return;
        }
        m.IsOk = ok;
        m.IsDirty = true;
        m.Host.Log(ok ? "cluster state: ok" : "cluster state: fail" + (minority ? ", a majority of primaries is out of reach" : ""));
    }

    private static bool Covered(ClusterModel m)
    {
        for (int slot = 0; slot < HashSlot.Count; slot++)
            if (m.Owner(slot) is not { IsFailed: false }) return false;
        return true;
    }
}
