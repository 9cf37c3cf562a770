// FAILOVER outside cluster mode: the primary stops taking writes, waits until a replica has everything, follows it, and asks
// it in the same PSYNC to become primary. No write is lost: the roles change only when the offsets are equal (or FORCE).
//
//   None -> WaitingForSync   writes held, acknowledgements asked for
//        -> InProgress       a replica is level: this node follows it and sends PSYNC id offset FAILOVER
//        -> None             it answered; or back to primary when it refused, or on ABORT
using Microsoft.Extensions.Logging;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Replication;

/// <summary>How far a failover is; INFO's master_failover_state.</summary>
internal enum FailoverStage
{
    None,
    WaitingForSync,
    InProgress,
}

/// <summary>What FAILOVER asked for: a target or (null) whoever is level first; timeout in ms, 0 = none.</summary>
internal readonly record struct FailoverOrder(string? Host, int Port, bool Force, long TimeoutMs);

/// <summary>Runs one failover at a time. Engine thread.</summary>
internal sealed class CoordinatedFailover(NodeServices node, ReplicationHub hub, ILogger log)
{
    private FailoverOrder _order;
    private long _untilMs;
    private IDisposable? _timer;

    public FailoverStage Stage { get; private set; }

    /// <summary>As INFO prints it.</summary>
    public string StageName => Stage switch
    {
        FailoverStage.WaitingForSync => "waiting-for-sync",
        FailoverStage.InProgress => "failover-in-progress",
        _ => "no-failover",
    };

    /// <summary>Starts; the order has been checked against the links.</summary>
    public string? Begin(FailoverOrder order)
    {
        _order = order;
        _untilMs = order.TimeoutMs > 0 ? node.NowMs + order.TimeoutMs : long.MaxValue;
        Stage = FailoverStage.WaitingForSync;
        PauseGate.HoldWrites(node, true);
        hub.Links.Quiet = true;
        hub.Links.RequestAcks();
        log.LogInformation("FAILOVER requested to {Target}", order.Host is null ? "any replica" : $"{order.Host}:{order.Port}");
        _timer = node.Engine.Every(TimeSpan.FromMilliseconds(50), Check);
        return null;
    }

    /// <summary>FAILOVER ABORT; the error, or null.</summary>
    public string? Abort()
    {
        if (Stage == FailoverStage.None) return "ERR No failover in progress.";
        log.LogInformation("Failover aborted");
        bool demoted = Stage == FailoverStage.InProgress;
        End();
        if (demoted) hub.BecomePrimary();
        return null;
    }

    /// <summary>An acknowledgement came, or time has passed.</summary>
    public void Check()
    {
        if (Stage != FailoverStage.WaitingForSync) return;
        var target = hub.Links.All.FirstOrDefault(l => IsCandidate(l) && l.AckOffset == node.Journal.EndOffset);
        if (target is not null) HandOver(target.Address, target.Identity.Port);
        else if (node.NowMs >= _untilMs && _order is { Force: true, Host: { } host })
        {
            log.LogWarning("Failover to {Host}:{Port}: time is over, forced", host, _order.Port);
            HandOver(host, _order.Port);
        }
        else if (node.NowMs >= _untilMs)
        {
            log.LogWarning("Failover given up: no replica caught up in time");
            End();
        }
    }

    /// <summary>The new primary answered our PSYNC: <paramref name="refusal"/>, or null when it took over.</summary>
    public void Answered(string? refusal)
    {
        if (Stage != FailoverStage.InProgress) return;
        End();
        if (refusal is null) return;
        log.LogWarning("Failover target refused: {Answer}", refusal);
        hub.BecomePrimary();
    }

    private bool IsCandidate(ReplicaLink link) =>
        link.SpeaksPsync && link.Stage == ReplicaStage.Online
        && (_order.Host is null || (link.Address == _order.Host && link.Identity.Port == _order.Port));

    private void HandOver(string host, int port)
    {
        Stage = FailoverStage.InProgress;
        hub.BecomeReplicaOf(host, port);
    }

    private void End()
    {
        Stage = FailoverStage.None;
        _timer?.Dispose();
        hub.Links.Quiet = false;
        PauseGate.HoldWrites(node, false);
    }
}
