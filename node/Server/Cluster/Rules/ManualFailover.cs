// CLUSTER FAILOVER: a coordinated change of primary that loses no write. The replica asks (MFSTART); the primary's reactor stops
// client writes and says its final offset; the replica waits until it has applied up to there and then wins a forced election.
// FORCE skips the primary (it is down), TAKEOVER skips the election too (an administrator decides without a majority).
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal enum FailoverKind
{
    Coordinated,
    Force,
    Takeover,
}

internal static class ManualFailover
{
    public const int TimeoutMs = 5000;

    /// <summary>Starts on the replica. Returns an error text, or null.</summary>
    public static string? Start(ClusterModel m, FailoverKind kind)
    {
        if (!m.Myself.IsReplica) return "ERR You should send CLUSTER FAILOVER to a replica";
        if (m.Myself.Primary is not { } primary) return "ERR I'm a replica but my master is unknown to me";
        if ((primary.IsFailed || primary.Link is not { IsUp: true }) && kind == FailoverKind.Coordinated)
            return "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
        Reset(m);
        m.Manual.EndMs = m.NowMs + TimeoutMs;
        m.Election.AuthTimeMs = 0; // a manual failover is scheduled at once
        switch (kind)
        {
            case FailoverKind.Takeover:
                m.Host.Log("taking over the primary's slots: told to");
                SlotClaims.BumpEpoch(m);
                Election.ReplacePrimary(m);
                break;
            case FailoverKind.Force:
                m.Manual.CanStart = true;
                Election.Advance(m);
                break;
            default:
                Gossip.Send(m, primary.Link!, Gossip.Header(m, BusMessageType.MfStart));
                break;
        }
        return null;
    }

    /// <summary>On the primary: a replica asks for the hand-over.</summary>
    public static void Asked(ClusterModel m, ClusterNode replica)
    {
        if (replica.Primary != m.Myself || !m.Myself.IsPrimary) return;
        Reset(m);
        m.Manual.EndMs = m.NowMs + TimeoutMs;
        m.Manual.Replica = replica;
        m.Host.Log($"hand-over asked for by {replica}: stopping writes");
        // Twice the time the replica has: should it win at the last moment, no write slips in before we learn of it.
        m.Host.PauseWrites(m.NowMs + 2 * TimeoutMs);
    }

    /// <summary>On the primary: the reactor stopped writes; the offset is final.</summary>
    public static void WritesPaused(ClusterModel m, long offset)
    {
        if (m.Manual.EndMs == 0 || m.Manual.Replica is not { } replica) return;
        m.Manual.PausedOffset = offset;
        if (replica.Link is { } link) Gossip.SendPing(m, link, BusMessageType.Ping);
    }

    /// <summary>On the replica: a heartbeat of the paused primary brings its final offset.</summary>
    public static void HearOffset(ClusterModel m, ClusterNode sender, BusMessage message)
    {
        if (m.Manual.EndMs == 0 || m.Myself.Primary != sender || m.Manual.PrimaryOffset >= 0) return;
        if ((message.MessageFlags & BusMessageFlags.Paused) == 0) return;
        m.Manual.PrimaryOffset = message.Offset;
        m.Host.Log($"primary stopped writes at offset {message.Offset}");
        Advance(m);
    }

    /// <summary>Every tick: gives up in time; starts the vote once everything is applied.</summary>
    public static void Advance(ClusterModel m)
    {
        if (m.Manual.EndMs == 0) return;
        if (m.Manual.EndMs < m.NowMs)
        {
            m.Host.Log("hand-over timed out");
            Reset(m);
            return;
        }
        if (m.Myself.IsPrimary)
        {
            if (m.Manual.Replica?.Link is { } link && m.Manual.PausedOffset >= 0) Gossip.SendPing(m, link, BusMessageType.Ping);
            return;
        }
        if (!m.Manual.CanStart && m.Manual.PrimaryOffset >= 0 && m.Host.Replica.Offset >= m.Manual.PrimaryOffset)
        {
            m.Manual.CanStart = true;
            m.Host.Log("everything the primary wrote is applied here: asking for votes");
        }
        if (m.Manual.CanStart) Election.Advance(m);
    }

    public static void Reset(ClusterModel m)
    {
        if (m.Manual.EndMs > 0 && m.Manual.Replica is not null) m.Host.ResumeWrites();
        m.Manual.EndMs = 0;
        m.Manual.CanStart = false;
        m.Manual.Replica = null;
        m.Manual.PrimaryOffset = -1;
        m.Manual.PausedOffset = -1;
    }
}
