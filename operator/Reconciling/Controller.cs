// Informers feed the queue, workers take keys from it and reconcile, outcomes decide when to look again. Owned objects'
// events arrive under the owner's key, so a reconciler only ever thinks in keys of its own kind.

using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Reconciling;

/// <summary>Limits of a controller.</summary>
public sealed record ControllerOptions
{
    public static ControllerOptions Default { get; } = new();

    /// <summary>Keys reconciled at the same time.</summary>
    public int Workers { get; init; } = 2;

    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>Runs one reconciler over the keys its informers name.</summary>
public sealed class Controller : IDisposable
{
    private readonly List<IInformer> _sources = [];
    private readonly ControllerOptions _options;
    private readonly IReconciler _reconciler;
    private readonly ILogger _log;

    public Controller(string name, IReconciler reconciler, ControllerOptions options, TimeProvider clock, ILogger log)
    {
        (Name, _reconciler, _options, _log) = (name, reconciler, options, log);
        Queue = new WorkQueue(clock, options.MinBackoff, options.MaxBackoff);
    }

    public string Name { get; }

    /// <summary>For keys that come from elsewhere than an informer.</summary>
    public WorkQueue Queue { get; }

    /// <summary>Called after each pass with the key, the time it took and whether it failed. For metrics.</summary>
    public Action<NamespacedName, TimeSpan, bool>? Observed { get; set; }

    /// <summary>Every change of <typeparamref name="T"/> queues its own key, or the keys <paramref name="map"/> gives.</summary>
    public Controller Watches<T>(Informer<T> informer, Func<T, IEnumerable<NamespacedName>>? map = null)
        where T : class, IKubernetesObject
    {
        _sources.Add(informer);
        informer.Subscribe(change =>
        {
            if (map is null)
            {
                Queue.Add(NamespacedName.Of(change.Object));
                return;
            }

            // A relabelled or re-owned object concerns both the old and the new key.
            foreach (var side in new[] { change.Old, change.New })
            {
                foreach (var key in side is null ? [] : map(side))
                {
                    Queue.Add(key);
                }
            }
        });
        return this;
    }

    /// <summary>Every change of <typeparamref name="T"/> queues the key of its owner of the given kind, when it has one.</summary>
    public Controller Owns<T>(Informer<T> informer, ResourceType owner)
        where T : class, IKubernetesObject => Watches(informer, child => OwnerKeys(child, owner));

    /// <summary>Waits for the informers' first list, then works until cancelled. The informers are run by whoever made them.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var closing = ct.UnsafeRegister(static q => ((WorkQueue)q!).Close(), Queue);
        try
        {
            await Task.WhenAll(_sources.Select(s => s.WhenSyncedAsync(ct))).ConfigureAwait(false);
            await Task.WhenAll(Enumerable.Range(0, _options.Workers).Select(_ => Task.Run(() => WorkAsync(ct), CancellationToken.None))).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping is how this ends.
        }
    }

    public void Dispose() => Queue.Dispose();

    private static IEnumerable<NamespacedName> OwnerKeys(IKubernetesObject child, ResourceType owner)
    {
        foreach (var reference in child.Metadata.OwnerReferences ?? [])
        {
            if (reference.Kind == owner.Kind && GroupOf(reference.ApiVersion) == owner.Group)
            {
                yield return new NamespacedName(owner.Namespaced ? child.Metadata.Namespace ?? "" : "", reference.Name ?? "");
            }
        }
    }

    private static string GroupOf(string? apiVersion) =>
        apiVersion?.IndexOf('/', StringComparison.Ordinal) is int at and > 0 ? apiVersion[..at] : "";

    private async Task WorkAsync(CancellationToken ct)
    {
        while (await Queue.TakeAsync(CancellationToken.None).ConfigureAwait(false) is { } key)
        {
            var started = Stopwatch.GetTimestamp();
            var outcome = await RunOnceAsync(key, ct).ConfigureAwait(false);
            Observed?.Invoke(key, Stopwatch.GetElapsedTime(started), outcome.IsRetry);
            if (outcome.IsRetry)
            {
                Queue.AddAfterFailure(key);
            }
            else
            {
                Queue.Forget(key);
                if (outcome.LookAgain is { } delay)
                {
                    Queue.AddAfter(key, delay);
                }
            }

            Queue.Done(key);
        }
    }

    private async Task<Outcome> RunOnceAsync(NamespacedName key, CancellationToken ct)
    {
        try
        {
            var outcome = await _reconciler.ReconcileAsync(key, ct).ConfigureAwait(false);
            if (outcome is { IsRetry: true, Reason: { } reason })
            {
                Log.PassFailed(_log, Name, key.ToString(), reason, null);
            }

            return outcome;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return Outcome.Retry;
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            // Someone else wrote first: normal, look again.
            Log.PassConflicted(_log, Name, key.ToString(), e.Message);
            return Outcome.Retry;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.PassFailed(_log, Name, key.ToString(), e.Message, e is KubernetesException or HttpRequestException ? null : e);
            return Outcome.Retry;
        }
    }
}
