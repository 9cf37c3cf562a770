// Elections. A replica whose primary is failed asks the primaries for votes after a delay that lets the verdict spread and gives the
// replica with the most data the first chance; each primary votes once per epoch and once per failed primary in twice the node
// timeout; a majority of primaries wins. Votes and the epochs they rest on are durable before they leave the node.
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Rules;

internal static class Election
{
    /// <summary>Called every heartbeat tick and whenever a vote arrives.</summary>
    public static void Advance(ClusterModel m)
    {
        var e = m.Election;
        bool manual = m.Manual.EndMs > 0 && m.Manual.CanStart;
        if (!m.Myself.IsReplica || m.Myself.Primary is not { } primary || primary.Slots.IsEmpty || (!primary.IsFailed && !manual)
            || (m.Settings.ReplicaNoFailover && !manual))
        {
            e.LoggedReason = null;
            return;
        }
        if (!manual && Unfit(m) is { } reason)
        {
            LogOnce(m, reason);
            return;
        }
        long now = m.NowMs, timeout = Math.Max(2L * m.Settings.NodeTimeoutMs, 2000), age = now - e.AuthTimeMs;
        if (age > 2 * timeout)
        {
            Schedule(m, manual);
            return;
        }
        if (!e.Requested && !manual && Rank(m) is var rank && rank > e.Rank)
        {
            e.AuthTimeMs += (rank - e.Rank) * 1000L;
            e.Rank = rank;
        }
        if (now < e.AuthTimeMs) return;
        if (age > timeout)
        {
            LogOnce(m, "the election ran out of time");
            return;
        }
        if (!e.Requested) RequestVotes(m, manual);
        else if (e.Votes >= m.Size / 2 + 1) Win(m);
    }

    /// <summary>A primary's vote for us.</summary>
    public static void Count(ClusterModel m, ClusterNode voter, ulong epoch)
    {
        if (!voter.IsPrimary || voter.Slots.IsEmpty || epoch < m.Election.Epoch || !m.Election.Requested || !m.Election.Voters.Add(voter.Id)) return;
        m.Election.Votes++;
        Advance(m);
    }

    /// <summary>A replica asks for our vote.</summary>
    public static void Vote(ClusterModel m, ClusterNode candidate, BusMessage request)
    {
        if (!m.Myself.IsPrimary || m.Myself.Slots.IsEmpty || m.IsSealed) return;
        if (Refusal(m, candidate, request) is { } refusal)
        {
            m.Host.Log($"no vote for {candidate}: {refusal}");
            return;
        }
        candidate.Primary!.VotedMs = m.NowMs;
        m.LastVoteEpoch = request.CurrentEpoch;
        m.Changed();
        m.SaveNow();
        m.Host.Log($"voted for {candidate} in epoch {m.CurrentEpoch}");
        if (candidate.Link is { } link) Gossip.Send(m, link, Gossip.Header(m, BusMessageType.FailoverAuthAck));
    }

    /// <summary>Why a vote is refused, or null. Pure: decides and changes nothing.</summary>
    public static string? Refusal(ClusterModel m, ClusterNode candidate, BusMessage request)
    {
        bool forced = (request.MessageFlags & BusMessageFlags.ForceAck) != 0;
        if (request.CurrentEpoch < m.CurrentEpoch) return $"its epoch {request.CurrentEpoch} is behind {m.CurrentEpoch}";
        if (m.LastVoteEpoch == m.CurrentEpoch) return $"already voted in epoch {m.CurrentEpoch}";
        if (!candidate.IsReplica || candidate.Primary is not { } primary) return "it is not a replica of a known primary";
        if (!primary.IsFailed && !forced) return "its primary is up";
        if (m.NowMs - primary.VotedMs < 2L * m.Settings.NodeTimeoutMs) return "voted for that shard a moment ago";
        foreach (int slot in request.Slots)
            if (m.Owner(slot) is { } owner && owner.ConfigEpoch > request.ConfigEpoch)
                return $"slot {slot} has a newer owner (epoch {owner.ConfigEpoch} over {request.ConfigEpoch})";
        return null;
    }

    /// <summary>How many replicas of the same primary hold more data: 0 goes first.</summary>
    public static int Rank(ClusterModel m)
    {
        if (m.Myself.Primary is not { } primary) return 0;
        long mine = m.Host.Replica.Offset;
        return m.ReplicasOf(primary).Count(r => r != m.Myself && !r.Has(BusNodeFlags.NoFailover) && r.Offset > mine);
    }

    /// <summary>Takes the primary's slots and role in the current config epoch; durable, then told to everybody.</summary>
    public static void ReplacePrimary(ClusterModel m)
    {
        if (m.Myself.Primary is not { } old) return;
        var slots = old.Slots;
        m.MakePrimary(m.Myself);
        m.AssignSlots(slots, m.Myself);
        m.HoldsData = true;
        m.Election.Requested = false;
        ManualFailover.Reset(m);
        m.SaveNow();
        ClusterHealth.Weigh(m);
        Gossip.BroadcastPong(m);
    }

    private static string? Unfit(ClusterModel m)
    {
        var facts = m.Host.Replica;
        if (!facts.HoldsShard) return "this replica never got its shard's data";
        if (m.Settings.ReplicaValidityFactor == 0) return null;
        long age = Math.Max(0, facts.DataAgeMs - m.Settings.NodeTimeoutMs);
        long limit = m.Settings.ReplicaPingPeriodMs + (long)m.Settings.NodeTimeoutMs * m.Settings.ReplicaValidityFactor;
        return age > limit ? $"its data is {age} ms old, over {limit}" : null;
    }

    private static void Schedule(ClusterModel m, bool manual)
    {
        var e = m.Election;
        e.Votes = 0;
        e.Voters.Clear();
        e.Requested = false;
        e.Rank = manual ? 0 : Rank(m);
        e.AuthTimeMs = manual ? m.NowMs : m.NowMs + 500 + m.Host.Random(500) + e.Rank * 1000L;
        m.Host.Log($"standing for election in {e.AuthTimeMs - m.NowMs} ms, rank {e.Rank}, offset {m.Host.Replica.Offset}");
        Gossip.BroadcastPong(m, shardOnly: true);
        if (manual) Advance(m);
    }

    private static void RequestVotes(ClusterModel m, bool manual)
    {
        var e = m.Election;
        m.CurrentEpoch++;
        e.Epoch = m.CurrentEpoch;
        e.Requested = true;
        e.LoggedReason = null;
        m.Changed();
        m.SaveNow();
        m.Host.Log($"asking for votes in epoch {e.Epoch}");
        var request = Gossip.Header(m, BusMessageType.FailoverAuthRequest);
        Gossip.Broadcast(m, manual ? request with { MessageFlags = request.MessageFlags | BusMessageFlags.ForceAck } : request);
    }

    private static void Win(ClusterModel m)
    {
        m.Host.Log($"won the election of epoch {m.Election.Epoch}: this node is primary now");
        if (m.Myself.ConfigEpoch < m.Election.Epoch) m.Myself.ConfigEpoch = m.Election.Epoch;
        ReplacePrimary(m);
    }

    private static void LogOnce(ClusterModel m, string reason)
    {
        if (m.Election.LoggedReason == reason) return;
        m.Election.LoggedReason = reason;
        m.Host.Log($"cannot stand for election: {reason}");
    }
}
