// The ten ticks a second of the bus thread: keep links up, ping whoever was not heard for a while, suspect whoever does not answer,
// drive elections and hand-overs.
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class Heartbeat
{
    public const int TickMs = 100;

    public static void Tick(ClusterModel m, long iteration)
    {
        foreach (var node in m.Nodes.Values.ToArray()) KeepLink(m, node);
        if (iteration % 10 == 0) PingOldest(m);
        foreach (var node in m.Nodes.Values.ToArray()) Watch(m, node);
        foreach (string id in m.Forgotten.Where(f => f.Value <= m.NowMs).Select(f => f.Key).ToArray()) m.Forgotten.Remove(id);
        ManualFailover.Advance(m);
        Election.Advance(m);
        if (m.NeedsHealth || !m.IsOk) ClusterHealth.Weigh(m);
    }

    /// <summary>A link we opened is connected: introduce ourselves.</summary>
    public static void LinkUp(ClusterModel m, IBusLink link)
    {
        if (link.Node is not { } node) return;
        // The ping-sent time of an older, lost ping is kept: reconnecting must not hide that it never answered.
        long oldPing = node.PingSentMs;
        Gossip.SendPing(m, link, node.Has(BusNodeFlags.Meet) ? BusMessageType.Meet : BusMessageType.Ping);
        if (oldPing != 0) node.PingSentMs = oldPing;
        node.Clear(BusNodeFlags.Meet);
        m.IsDirty = true;
    }

    /// <summary>A link is gone, whoever closed it.</summary>
    public static void LinkDown(ClusterModel m, IBusLink link)
    {
        if (link.Node is not { } node) return;
        if (node.Link == link) node.Link = null;
        if (node.Inbound == link) node.Inbound = null;
        link.Node = null;
        m.IsDirty = true;
    }

    private static void KeepLink(ClusterModel m, ClusterNode node)
    {
        if (node.IsMyself || !node.HasAddress) return;
        if (node.InHandshake && m.NowMs - node.CreatedMs > Math.Max(m.Settings.NodeTimeoutMs, 1000))
        {
            m.Remove(node);
            return;
        }
        CloseOverLimit(m, node.Link);
        CloseOverLimit(m, node.Inbound);
        if (node.Link is not null) return;
        node.Link = m.Host.Connect(node);
        // A connect that hangs or fails counts as a ping without an answer, else a dead host would never be suspected.
        if (node.PingSentMs == 0) node.PingSentMs = m.NowMs;
    }

    private static void CloseOverLimit(ClusterModel m, IBusLink? link)
    {
        if (link is null || m.Settings.LinkSendBufferLimit <= 0 || link.QueuedBytes <= m.Settings.LinkSendBufferLimit) return;
        m.LinkLimitExceeded++;
        var node = link.Node;
        link.Close();
        if (node?.Link == link) node.Link = null;
        if (node?.Inbound == link) node.Inbound = null;
    }

    private static void PingOldest(ClusterModel m)
    {
        var idle = m.Nodes.Values.Where(n => n.Link is { IsUp: true } && n.PingSentMs == 0 && !n.IsMyself && !n.InHandshake).ToList();
        if (idle.Count == 0) return;
        var oldest = idle[m.Host.Random(idle.Count)];
        for (int i = 0; i < 4; i++)
        {
            var other = idle[m.Host.Random(idle.Count)];
            if (other.PongReceivedMs < oldest.PongReceivedMs) oldest = other;
        }
        Gossip.SendPing(m, oldest.Link!, BusMessageType.Ping);
    }

    private static void Watch(ClusterModel m, ClusterNode node)
    {
        if (node.IsMyself || !node.HasAddress || node.InHandshake) return;
        long now = m.NowMs, timeout = m.Settings.NodeTimeoutMs;
        long pingDelay = now - node.PingSentMs, silence = now - node.HeardMs;
        if (node.Link is { } link && now - link.CreatedMs > timeout && node.PingSentMs != 0 && pingDelay > timeout / 2 && silence > timeout / 2)
        {
            link.Close(); // maybe only this connection is broken: try a fresh one before the node is suspected
            if (node.Link == link) node.Link = null;
        }
        if (node.Link is { IsUp: true } up && node.PingSentMs == 0 && now - node.PongReceivedMs > timeout / 2)
        {
            Gossip.SendPing(m, up, BusMessageType.Ping);
            return;
        }
        if (node.PingSentMs == 0) return;
        if (Math.Min(pingDelay, silence) > timeout) FailureDetector.Suspect(m, node);
    }
}
