// What a received message changes. One entry point, in the order the protocol needs: sign of life, epochs, address, role, claims,
// then the body. Messages of strangers only ever start a handshake.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class Inbox
{
    public static void Receive(ClusterModel m, IBusLink link, BusMessage message)
    {
        if ((int)message.Type < m.Received.Length) m.Received[(int)message.Type]++;
        var sender = SenderOf(m, link, message);
        if (sender == m.Myself) return; // a link to ourselves, by a wrong MEET
        if (sender is not null)
        {
            sender.HeardMs = m.NowMs;
            if ((message.MessageFlags & BusMessageFlags.Extensions) != 0) sender.Set(BusNodeFlags.Extensions);
            if (!sender.InHandshake) TakeEpochs(m, sender, message);
        }
        if (message.IsHeartbeat) Heard(m, link, message, sender);
        else if (sender is not null && !sender.InHandshake) Handle(m, message, sender);
    }

    private static ClusterNode? SenderOf(ClusterModel m, IBusLink link, BusMessage message)
    {
        if (link.Node is { InHandshake: false } known) return known;
        var sender = m.Find(message.Sender);
        if (sender is not null && sender != m.Myself && link.Inbound && link.Node is null)
        {
            if (sender.Inbound is { } older && older != link)
            {
                older.Node = null;
                older.Close();
            }
            sender.Inbound = link;
            link.Node = sender;
        }
        return sender;
    }

    private static void TakeEpochs(ClusterModel m, ClusterNode sender, BusMessage message)
    {
        if (message.CurrentEpoch > m.CurrentEpoch)
        {
            m.CurrentEpoch = message.CurrentEpoch;
            m.Changed(health: false);
        }
        if (sender.IsPrimary && message.PrimaryId is null && message.ConfigEpoch > sender.ConfigEpoch)
        {
            sender.ConfigEpoch = message.ConfigEpoch;
            m.Changed(health: false);
        }
        sender.Offset = message.Offset;
        ManualFailover.HearOffset(m, sender, message);
    }

    private static void Heard(ClusterModel m, IBusLink link, BusMessage message, ClusterNode? sender)
    {
        if (message.Type is BusMessageType.Ping or BusMessageType.Meet)
        {
            if ((message.Type == BusMessageType.Meet || m.Myself.Ip.Length == 0) && m.Settings.AnnounceIp.Length == 0
                && link.LocalIp.Length > 0 && link.LocalIp != m.Myself.Ip)
            {
                m.Myself.Ip = link.LocalIp;
                m.Host.Log($"my own address is {link.LocalIp}");
                m.Changed();
            }
            if (sender is null && message.Type == BusMessageType.Meet) Greet(m, link, message);
            Gossip.SendPing(m, link, BusMessageType.Pong);
        }
        if (!link.Inbound && link.Node is { } peer && !CompleteHandshake(m, link, message, peer, ref sender)) return;
        if (sender is null || sender.InHandshake) return;
        if (message.Type is BusMessageType.Ping or BusMessageType.Meet) Gossip.HealAddress(m, sender, message, link);
        if (((message.Flags ^ sender.Flags) & BusNodeFlags.NoFailover) != 0)
        {
            sender.Flags = (sender.Flags & ~BusNodeFlags.NoFailover) | (message.Flags & BusNodeFlags.NoFailover);
            m.Changed(health: false);
        }
        if (!link.Inbound && message.Type == BusMessageType.Pong)
        {
            sender.PongReceivedMs = m.NowMs;
            sender.PingSentMs = 0;
            FailureDetector.Answered(m, sender);
        }
        TakeRole(m, sender, message);
        TakeClaim(m, sender, message);
        SlotClaims.ResolveCollision(m, sender);
        Gossip.Learn(m, message, sender);
        if (m.Find(sender.Id) == sender) Gossip.LearnExtensions(m, message, sender);
    }

    /// <summary>A stranger's MEET: answer with a handshake of our own, towards the address it gives.</summary>
    private static void Greet(ClusterModel m, IBusLink link, BusMessage message)
    {
        if (message.Sender == m.Myself.Id || m.IsForgotten(message.Sender)) m.Forgotten.Remove(message.Sender);
        string ip = message.Ip.Length > 0 ? message.Ip : link.RemoteIp;
        if (m.Nodes.Values.Any(n => n.InHandshake && n.Ip == ip && n.BusPort == message.BusPort)) return;
        m.Add(new ClusterNode(m.Host.NewNodeId(), BusNodeFlags.Handshake, m.NowMs) { Ip = ip, Port = message.Port, BusPort = message.BusPort });
        m.Host.Log($"met by {ip}:{message.Port}");
    }

    /// <summary>Checks who really answers on a link we opened. False: the link was closed.</summary>
    private static bool CompleteHandshake(ClusterModel m, IBusLink link, BusMessage message, ClusterNode peer, ref ClusterNode? sender)
    {
        if (peer.InHandshake)
        {
            if (m.Find(message.Sender) is { } known)
            {
                // We met a node we know, at a new address: that is how a restarted pod is healed by CLUSTER MEET.
                if (known != m.Myself) Gossip.HealAddress(m, known, message with { Ip = message.Ip.Length > 0 ? message.Ip : peer.Ip }, link);
                m.Remove(peer);
                return false;
            }
            m.Rename(peer, message.Sender);
            peer.Clear(BusNodeFlags.Handshake);
            peer.Set(message.Flags & (BusNodeFlags.Primary | BusNodeFlags.Replica));
            if (message.PrimaryId is null) peer.ConfigEpoch = message.ConfigEpoch;
            m.Host.Log($"met {peer}");
            sender = peer;
            sender.HeardMs = m.NowMs;
            if ((message.MessageFlags & BusMessageFlags.Extensions) != 0) sender.Set(BusNodeFlags.Extensions);
            if (message.CurrentEpoch > m.CurrentEpoch) m.CurrentEpoch = message.CurrentEpoch;
            return true;
        }
        if (peer.Id == message.Sender) return true;
        m.Host.Log($"{message.Sender[..8]} answers at the address of {peer}: that address is void");
        peer.Set(BusNodeFlags.NoAddress);
        peer.Ip = "";
        peer.Port = 0;
        peer.BusPort = 0;
        peer.Link = null;
        link.Close();
        m.Changed();
        return false;
    }

    private static void TakeRole(ClusterModel m, ClusterNode sender, BusMessage message)
    {
        if (message.PrimaryId is null)
        {
            m.MakePrimary(sender);
            if (message.ConfigEpoch > sender.ConfigEpoch) sender.ConfigEpoch = message.ConfigEpoch;
            return;
        }
        var primary = m.Find(message.PrimaryId);
        if (sender.IsPrimary)
        {
            // A primary turned replica: its slots are its new primary's when that is of the same shard (its claim
            // travelled faster than the winner's own), else nobody's.
            bool sameShard = primary is not null && (primary.FormerPrimary == sender || primary.Primary == sender
                || (primary.ShardId.Length == 40 && primary.ShardId == sender.ShardId));
            if (sameShard && primary != m.Myself && message.ConfigEpoch >= sender.ConfigEpoch)
            {
                var slots = sender.Slots;
                m.MakePrimary(primary!);
                if (message.ConfigEpoch > primary!.ConfigEpoch) primary.ConfigEpoch = message.ConfigEpoch;
                m.AssignSlots(slots, primary);
            }
            else m.AssignSlots(sender.Slots, null);
            sender.Clear(BusNodeFlags.Primary | BusNodeFlags.MigrateTo);
            sender.Set(BusNodeFlags.Replica);
            m.Changed();
        }
        else if (!sender.IsReplica) sender.Set(BusNodeFlags.Replica);
        if (primary is null || sender.Primary == primary) return;
        sender.Primary = primary;
        if (primary.ShardId.Length == 40) sender.ShardId = primary.ShardId;
        m.Changed();
    }

    private static void TakeClaim(ClusterModel m, ClusterNode sender, BusMessage message)
    {
        if (sender.ShardPrimary is not { } owner || owner.Slots.Equals(message.Slots)) return;
        if (sender.IsPrimary) SlotClaims.Apply(m, sender, message.ConfigEpoch, message.Slots);
        SlotClaims.CorrectStaleClaim(m, sender, message);
    }

    private static void Handle(ClusterModel m, BusMessage message, ClusterNode sender)
    {
        switch (message.Type)
        {
            case BusMessageType.Fail:
                if (m.Find(message.FailedNode ?? "") is { } failing && !failing.IsMyself && !failing.IsFailed)
                {
                    m.Host.Log($"{sender} says {failing} is failed");
                    FailureDetector.Accept(m, failing);
                }
                break;
            case BusMessageType.FailoverAuthRequest: Election.Vote(m, sender, message); break;
            case BusMessageType.FailoverAuthAck: Election.Count(m, sender, message.CurrentEpoch); break;
            case BusMessageType.MfStart: ManualFailover.Asked(m, sender); break;
            case BusMessageType.Update when message.Update is { } claim: SlotClaims.TakeUpdate(m, claim); break;
            case BusMessageType.Publish or BusMessageType.PublishShard: m.Host.Deliver(message); break;
        }
    }
}
