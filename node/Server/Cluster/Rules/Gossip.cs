// Heartbeats: what a node says in PING, PONG and MEET, and what it learns from the gossip about third nodes they carry.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class Gossip
{
    /// <summary>A header as this node presents itself now. A replica speaks for its primary's slots and config epoch.</summary>
    public static BusMessage Header(ClusterModel m, BusMessageType type)
    {
        var shard = m.Myself.IsReplica && m.Myself.Primary is { } primary ? primary : m.Myself;
        var flags = m.Manual.PausedOffset >= 0 && m.Myself.IsPrimary && m.Manual.EndMs > 0 ? BusMessageFlags.Paused : BusMessageFlags.None;
        return new BusMessage
        {
            Type = type, Sender = m.Myself.Id, CurrentEpoch = m.CurrentEpoch, ConfigEpoch = shard.ConfigEpoch,
            Offset = flags == BusMessageFlags.Paused ? m.Manual.PausedOffset : m.Host.Replica.Offset,
            Slots = shard.Slots, PrimaryId = m.Myself.IsReplica ? m.Myself.Primary?.Id : null, Ip = m.Settings.AnnounceIp,
            Port = m.Myself.Port, BusPort = m.Myself.BusPort,
            Flags = m.Myself.Flags & ~BusNodeFlags.Extensions, ClusterOk = m.IsOk, MessageFlags = flags,
        };
    }

    /// <summary>Sends a heartbeat with some gossip: a tenth of the nodes (at least three) and every suspect.</summary>
    public static void SendPing(ClusterModel m, IBusLink link, BusMessageType type)
    {
        if (m.IsSealed) return; // silence is what lets the others fail a primary that lost its data
        var peer = link.Node;
        if (!link.Inbound && type is BusMessageType.Ping or BusMessageType.Meet && peer is not null) peer.PingSentMs = m.NowMs;
        var candidates = m.Nodes.Values.Where(n => n != m.Myself && n != peer && !n.Has(BusNodeFlags.Handshake | BusNodeFlags.NoAddress)).ToList();
        var entries = new List<GossipEntry>();
        foreach (var suspect in candidates.Where(n => n.IsSuspect)) entries.Add(Entry(suspect));
        candidates.RemoveAll(n => n.IsSuspect || (n.Link is null && n.Slots.IsEmpty));
        int wanted = Math.Min(Math.Max(3, m.Nodes.Count / 10), candidates.Count);
        for (int i = 0; i < wanted; i++)
        {
            int pick = i + m.Host.Random(candidates.Count - i);
            (candidates[i], candidates[pick]) = (candidates[pick], candidates[i]);
            entries.Add(Entry(candidates[i]));
        }
        // A MEET goes to a stranger who may be an older Redis: extensions only once a peer has shown it reads them.
        bool extend = peer is not null && peer.Has(BusNodeFlags.Extensions);
        var message = Header(m, type) with
        {
            Gossip = entries,
            Hostname = extend ? m.Myself.Hostname : null,
            HumanName = extend ? m.Myself.HumanName : null,
            ShardId = extend ? m.Myself.ShardId : null,
            Forgotten = extend ? StillForgotten(m) : [],
        };
        // The flag says "I read extensions" even when none is sent; that is how two sides learn of each other.
        Send(m, link, message with { MessageFlags = message.MessageFlags | BusMessageFlags.Extensions });
    }

    public static void Send(ClusterModel m, IBusLink link, BusMessage message)
    {
        if (m.IsSealed) return;
        if ((int)message.Type < m.Sent.Length) m.Sent[(int)message.Type]++;
        link.Send(message);
    }

    /// <summary>Sends to every node we have a link to.</summary>
    public static void Broadcast(ClusterModel m, BusMessage message)
    {
        foreach (var node in m.Nodes.Values)
            if (node.Link is { } link && node != m.Myself && !node.InHandshake) Send(m, link, message);
    }

    /// <summary>Sends a published message to every node, or to those of this shard. It is encoded once.</summary>
    public static void BroadcastMessage(ClusterModel m, byte[] channel, byte[] payload, bool shardOnly)
    {
        if (m.IsSealed) return;
        var message = Header(m, shardOnly ? BusMessageType.PublishShard : BusMessageType.Publish) with { Channel = channel, Payload = payload };
        byte[]? encoded = null;
        foreach (var node in m.Nodes.Values)
        {
            if (node.Link is not { } link || node == m.Myself || node.InHandshake) continue;
            if (shardOnly && node.ShardPrimary != m.Myself.ShardPrimary) continue;
            m.Sent[(int)message.Type]++;
            link.Send(message, encoded ??= BusCodec.Encode(message));
        }
    }

    /// <summary>Tells everybody (or only this shard's replicas) our state at once instead of at the next heartbeat.</summary>
    public static void BroadcastPong(ClusterModel m, bool shardOnly = false)
    {
        foreach (var node in m.Nodes.Values.ToArray())
        {
            if (node.Link is null || node == m.Myself || node.InHandshake) continue;
            if (shardOnly && !(node.IsReplica && node.Primary is { } p && (p == m.Myself || p == m.Myself.Primary))) continue;
            SendPing(m, node.Link, BusMessageType.Pong);
        }
    }

    /// <summary>Takes in the gossip of a known sender, or of a stranger's MEET.</summary>
    public static void Learn(ClusterModel m, BusMessage message, ClusterNode? sender)
    {
        foreach (var entry in message.Gossip)
        {
            var node = m.Find(entry.NodeId);
            if (node == m.Myself) continue;
            if (node is not null) LearnKnown(m, entry, node, sender);
            else if (sender is not null && (entry.Flags & (BusNodeFlags.NoAddress | BusNodeFlags.Handshake)) == 0
                && entry.Ip.Length > 0 && !m.IsForgotten(entry.NodeId))
            {
                var kept = entry.Flags & (BusNodeFlags.Primary | BusNodeFlags.Replica | BusNodeFlags.NoFailover);
                m.Add(new ClusterNode(entry.NodeId, kept, m.NowMs) { Ip = entry.Ip, Port = entry.Port, BusPort = entry.BusPort, ShardId = "" });
            }
        }
    }

    private static void LearnKnown(ClusterModel m, GossipEntry entry, ClusterNode node, ClusterNode? sender)
    {
        bool reportedBad = (entry.Flags & (BusNodeFlags.PFail | BusNodeFlags.Fail)) != 0;
        if (sender is not null && sender.IsPrimary && sender != node)
        {
            if (reportedBad) FailureDetector.Report(m, node, sender);
            else FailureDetector.Withdraw(m, node, sender);
        }
        if (reportedBad) return;
        // Somebody else heard from it lately: no need to ping it ourselves, which keeps heartbeat traffic linear.
        long heard = entry.PongReceived * 1000L;
        if (node.PingSentMs == 0 && node.FailReports.Count == 0 && heard <= m.NowMs + 500 && heard > node.PongReceivedMs) node.PongReceivedMs = heard;
        if (!node.IsFailed && !node.IsSuspect || (entry.Flags & BusNodeFlags.NoAddress) != 0 || entry.Ip.Length == 0) return;
        if (node.Ip == entry.Ip && node.Port == entry.Port && node.BusPort == entry.BusPort) return;
        m.Host.Log($"address of {node} heals to {entry.Ip}:{entry.Port} by gossip");
        Move(m, node, entry.Ip, entry.Port, entry.BusPort);
    }

    /// <summary>Takes in hostname, shard id and forgotten nodes.</summary>
    public static void LearnExtensions(ClusterModel m, BusMessage message, ClusterNode sender)
    {
        if (sender.Hostname != NullIfEmpty(message.Hostname) || sender.HumanName != NullIfEmpty(message.HumanName))
        {
            sender.Hostname = NullIfEmpty(message.Hostname);
            sender.HumanName = NullIfEmpty(message.HumanName);
            m.Changed(health: false);
        }
        foreach (var forgotten in message.Forgotten)
        {
            if (m.Find(forgotten.NodeId) is not { } node || node == m.Myself || m.Myself.Primary == node || forgotten.TtlSeconds == 0) continue;
            m.Host.Log($"forgetting {node}: {sender} was told to");
            m.Forgotten[forgotten.NodeId] = m.NowMs + (long)Math.Min(forgotten.TtlSeconds, 3600) * 1000;
            m.Remove(node);
        }
        string? shard = message.ShardId ?? sender.ShardPrimary?.ShardId;
        if (shard is { Length: 40 } && sender.ShardId != shard)
        {
            sender.ShardId = shard;
            if (m.Myself.Primary == sender) m.Myself.ShardId = shard;
            m.Changed(health: false);
        }
    }

    /// <summary>Heals a known sender's address from what its own message says. True when it moved.</summary>
    public static bool HealAddress(ClusterModel m, ClusterNode sender, BusMessage message, IBusLink link)
    {
        if (link == sender.Link) return false; // we reached it there, so that address is right
        string ip = message.Ip.Length > 0 ? message.Ip : link.RemoteIp;
        if (sender.Ip == ip && sender.Port == message.Port && sender.BusPort == message.BusPort) return false;
        m.Host.Log($"address of {sender} heals to {ip}:{message.Port} by its own word");
        Move(m, sender, ip, message.Port, message.BusPort);
        return true;
    }

    private static void Move(ClusterModel m, ClusterNode node, string ip, int port, int busPort)
    {
        node.Link?.Close();
        node.Link = null;
        node.Ip = ip;
        node.Port = port;
        node.BusPort = busPort;
        node.Clear(BusNodeFlags.NoAddress);
        m.Changed();
    }

    private static GossipEntry Entry(ClusterNode node) => new(
        node.Id, (uint)(node.PingSentMs / 1000), (uint)(node.PongReceivedMs / 1000), node.Ip, node.Port, node.BusPort,
        node.Flags & ~(BusNodeFlags.Myself | BusNodeFlags.Extensions));

    private static List<ForgottenNode> StillForgotten(ClusterModel m) =>
        m.Forgotten.Where(f => f.Value > m.NowMs).Select(f => new ForgottenNode(f.Key, (ulong)((f.Value - m.NowMs + 999) / 1000))).ToList();

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
