// Observe, plan, act, report: the whole of a pass. Nothing is kept between passes but the time of the last progress report,
// which only paces writes.
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Reconciling;

namespace Shoal.Operator.Clusters;

/// <summary>Reconciles CacheClusters.</summary>
public sealed class ClusterReconciler(Observer observer, Executor executor, IKubernetes kubernetes, EventRecorder events, TimeProvider clock, ILogger log) : IReconciler
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<NamespacedName, long> reported = new();
    private readonly ConcurrentDictionary<NamespacedName, string> logged = new();

    /// <inheritdoc/>
    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (await observer.ObserveAsync(key, ct).ConfigureAwait(false) is not { } seen)
        {
            reported.TryRemove(key, out _);
            logged.TryRemove(key, out _);
            return Outcome.Done;
        }

        var step = Planner.Next(seen);
        var result = await executor.RunAsync(seen, step, ct).ConfigureAwait(false);
        Note(key, step, result);
        await ReportAsync(key, seen, StatusReport.From(seen, step, result), ct).ConfigureAwait(false);
        return result.HasFailed ? Outcome.RetryBecause($"{step.Why}: {result.Error}") : Outcome.After(step.LookAgain);
    }

    private void Note(NamespacedName key, Step step, StepResult result)
    {
        if (result.Error is { } error)
        {
            Log.Failed(log, key.ToString(), step.GetType().Name, error);
        }
        else if (logged.GetValueOrDefault(key) != step.Why)
        {
            Log.Step(log, key.ToString(), step.GetType().Name, step.Why);
        }

        logged[key] = step.Why;
    }

    private async Task ReportAsync(NamespacedName key, Observation seen, CacheClusterStatus status, CancellationToken ct)
    {
        var old = seen.Cluster.Status;
        if (StatusReport.SaysTheSame(status, old))
        {
            return;
        }

        if (StatusReport.DiffersOnlyInProgress(status, old) && reported.TryGetValue(key, out var at) && clock.GetElapsedTime(at) < ProgressInterval)
        {
            return;
        }

        seen.Cluster.Status = status;
        await kubernetes.ReplaceStatusAsync(seen.Cluster, ct).ConfigureAwait(false);
        reported[key] = clock.GetTimestamp();
        Announce(seen.Cluster, status, old);
    }

    private void Announce(CacheCluster cluster, CacheClusterStatus status, CacheClusterStatus? old)
    {
        if (status.Phase != old?.Phase)
        {
            var bad = status.Phase is Phases.Degraded or Phases.Failed or Phases.WaitingForUser;
            (bad ? (Action<Kubernetes.Models.IKubernetesObject, string, string>)events.Warning : events.Normal)(cluster, status.Phase!, status.PhaseReason!);
        }

        if (status.Operation?.LastError is { } error && error != old?.Operation?.LastError)
        {
            events.Warning(cluster, "StepFailed", error);
        }

        if (Refusal(status) is { } refusal && refusal != Refusal(old))
        {
            events.Warning(cluster, "ResizeRefused", refusal);
        }
    }

    private static string? Refusal(CacheClusterStatus? status) =>
        status?.Conditions?.Find(c => c is { Type: Conditions.ResourcesApplied, Reason: "DataWouldNotFit" })?.Message;
}
