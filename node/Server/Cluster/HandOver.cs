// What a primary does before it ends: it asks its best replica to take over and waits, bounded, until it has. Redis has no bus message
// for "please fail over to yourself", so the request travels as CLUSTER FAILOVER on a client connection to the replica.
using Shoal.Server.Cluster.Migration;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;

namespace Shoal.Server.Cluster;

internal sealed class HandOver(NodeServices node, ClusterPart part)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(13);
    private const long AskAgainAfterMs = ManualFailover.TimeoutMs + 1000;
    private readonly TaskCompletionSource _handedOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MigrationLink? _link;
    private bool _running;
    private bool _askedAgain;
    private long _askedAt;

    /// <summary>The shutdown step. Never keeps the node from ending.</summary>
    public async Task<string?> RunAsync(ShutdownRequest request, CancellationToken cancel)
    {
        if (request.Now) return null;
        node.Engine.Post(Begin);
        try
        {
            await _handedOver.Task.WaitAsync(Patience, node.Time, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            part.Member.Log("no replica took over in time: shutting down as primary");
        }
        node.Engine.Post(() => _link?.Dispose());
        return null;
    }

    public void Learn(ClusterView view)
    {
        if (_running && (view.Myself.IsReplica || view.Myself.Slots.IsEmpty)) _handedOver.TrySetResult();
    }

    public void Tick()
    {
        Learn(part.Gate.View);
        if (!_running || _askedAgain || _handedOver.Task.IsCompleted || node.NowMs - _askedAt < AskAgainAfterMs) return;
        _askedAgain = true; // the first attempt has timed out by now on both sides
        Ask();
    }

    private void Begin()
    {
        var view = part.Gate.View;
        var replication = node.Part<ReplicationState>();
        bool attached = replication.Replicas.Any(r => r.Online);
        if (!view.Myself.IsPrimary || view.Myself.Slots.IsEmpty || !Candidates(view).Any() || !attached || view.IsSealed)
        {
            _handedOver.TrySetResult();
            return;
        }
        _running = true;
        Ask();
    }

    private void Ask()
    {
        var view = part.Gate.View;
        if (Candidates(view).MaxBy(r => r.Offset) is not { } best) return;
        part.Member.Log($"handing over to {best.Id} before the end");
        _askedAt = node.NowMs;
        _link?.Dispose();
        var link = _link = new MigrationLink(node, best.Ip, best.Port, part.Source, TimeSpan.FromSeconds(5));
        link.Ended = reason =>
        {
            if (reason is not null) part.Member.Log("hand-over request failed: " + reason);
        };
        string password = node.Config.Find("masterauth")?.Text is { Length: > 0 } auth ? auth : node.Config.Find("requirepass")?.Text ?? "";
        string user = node.Config.Find("masteruser")?.Text ?? "";
        if (password.Length > 0 && user.Length > 0) link.Ask(_ => { }, "AUTH", user, password);
        else if (password.Length > 0) link.Ask(_ => { }, "AUTH", password);
        link.Ask(reply =>
        {
            if (reply.IsError) part.Member.Log("hand-over refused: " + reply.Text);
        }, "CLUSTER", "FAILOVER");
        link.Start();
    }

    private static IEnumerable<NodeView> Candidates(ClusterView view) => view.ReplicasOf(view.Myself).Where(r =>
        r.IsLinked && !r.IsFailed && !r.IsSuspect && r.Ip.Length > 0 && (r.Flags & Bus.BusNodeFlags.NoFailover) == 0);
}
