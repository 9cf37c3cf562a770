// The informers of one process: one per resource however many controllers ask for it, started together, and the place
// that knows whether the API server still talks to us.

using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>Shared informers. Ask for all of them before <see cref="RunAsync"/>.</summary>
public sealed class Informers(IKubernetes kubernetes, InformerOptions options, TimeProvider clock, ILogger log)
{
    private readonly List<IInformer> _all = [];
    private readonly Lock _gate = new();

    /// <summary>The informer of a resource, made on first use.</summary>
    public Informer<T> For<T>(ResourceType? type = null)
        where T : class, IKubernetesObject
    {
        type ??= ResourceType.Of<T>();
        lock (_gate)
        {
            foreach (var known in _all)
            {
                if (known is Informer<T> same && same.Type == type)
                {
                    return same;
                }
            }

            var made = new Informer<T>(kubernetes, type.Namespaced ? options : options with { Namespace = null }, clock, log, type);
            _all.Add(made);
            return made;
        }
    }

    /// <summary>When the server last talked to the informer it has neglected longest; null while one has never heard from it.</summary>
    public DateTimeOffset? LastContact
    {
        get
        {
            lock (_gate)
            {
                return _all.Exists(i => i.LastContact is null) ? null : _all.Min(i => i.LastContact);
            }
        }
    }

    /// <summary>Liveness: every informer heard from the server within <paramref name="limit"/> (watch timeout plus a margin is sensible).</summary>
    public bool IsAlive(TimeSpan limit) => LastContact is { } at && clock.GetUtcNow() - at <= limit;

    public bool IsSynced
    {
        get
        {
            lock (_gate)
            {
                return _all.TrueForAll(i => i.IsSynced);
            }
        }
    }

    /// <summary>Completes when every informer has listed once.</summary>
    public Task WhenSyncedAsync(CancellationToken ct = default)
    {
        lock (_gate)
        {
            return Task.WhenAll(_all.Select(i => i.WhenSyncedAsync(ct)));
        }
    }

    /// <summary>Runs all informers until cancelled.</summary>
    public Task RunAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            return Task.WhenAll(_all.Select(i => Task.Run(() => i.RunAsync(ct), CancellationToken.None)));
        }
    }
}
