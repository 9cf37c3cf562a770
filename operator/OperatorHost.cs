// Composition root of the operator: what exists, in which order it starts, and what one replica does while it leads.
using Microsoft.Extensions.Logging;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Observability;
using Shoal.Operator.Reconciling;

namespace Shoal.Operator;

/// <summary>Settings of one operator process.</summary>
public sealed record OperatorOptions
{
    /// <summary>Watch this namespace only; null = all.</summary>
    public string? Namespace { get; init; }

    /// <summary>Who we are in the lease. Two processes must never share it.</summary>
    public required string Identity { get; init; }

    /// <summary>Namespace of the lease; null = that of the kubeconfig or pod.</summary>
    public string? LeaseNamespace { get; init; }

    /// <summary>False works without a lease: only when nobody else runs an operator.</summary>
    public bool LeaderElection { get; init; } = true;

    /// <summary>Port of /livez, /readyz and /metrics; 0 = none.</summary>
    public int HealthPort { get; init; } = 8080;

    /// <summary>Address the health port is bound to.</summary>
    public string HealthAddress { get; init; } = "0.0.0.0";

    /// <summary>Images of nodes and jobs.</summary>
    public DefaultImages Images { get; init; } = new("shoal-node:1.0.0", "shoal-operator:1.0.0");
}

/// <summary>Runs the operator.</summary>
public sealed class OperatorHost(IKubernetes kubernetes, OperatorOptions options, ILoggerFactory logs, TimeProvider clock)
{
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromMinutes(7);
    private readonly ILogger log = logs.CreateLogger("operator");

    /// <summary>Counts passes; served at /metrics.</summary>
    public OperatorMetrics Metrics { get; } = new();

    /// <summary>Runs until cancelled: health first, then, for as long as the lease is ours, the controllers.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await using var health = options.HealthPort == 0
            ? null
            : await HealthEndpoint.StartAsync(options.HealthAddress, options.HealthPort, Metrics,
                () => Metrics.LastContact() is not { } at || clock.GetUtcNow() - at < SilenceLimit, ct).ConfigureAwait(false);
        try
        {
            if (options.LeaderElection)
            {
                var ns = options.LeaseNamespace ?? kubernetes.DefaultNamespace;
                var lease = new LeaderLease(kubernetes, ns, "shoal-operator", options.Identity, new LeaseOptions(), clock, log);
                await lease.RunAsync(WorkAsync, ct).ConfigureAwait(false);
            }
            else
            {
                await WorkAsync(ct).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping is how this ends.
        }
    }

    private async Task WorkAsync(CancellationToken ct)
    {
        // Informers cannot be started twice: each term of leadership has its own.
        var informers = new Informers(kubernetes, new InformerOptions { Namespace = options.Namespace }, clock, logs.CreateLogger("informers"));
        await using var events = new EventRecorder(kubernetes, "shoal-operator", clock, log);
        await using var nodes = new NodeAdmin();
        Metrics.IsLeading = true;
        Metrics.LastContact = () => informers.LastContact;
        try
        {
            using var clusters = Clusters(informers, nodes, events);
            using var backups = Backups(informers, nodes, events);
            using var schedules = Schedules(informers, events);
            await Task.WhenAll(informers.RunAsync(ct), clusters.RunAsync(ct), backups.RunAsync(ct), schedules.RunAsync(ct)).ConfigureAwait(false);
        }
        finally
        {
            Metrics.IsLeading = false;
            Metrics.LastContact = () => null;
        }
    }

    private Controller Clusters(Informers informers, NodeAdmin nodes, EventRecorder events)
    {
        var observer = new Observer(kubernetes, nodes, new RestoreResolver(kubernetes), options.Images, clock);
        var reconciler = new ClusterReconciler(observer, new Executor(kubernetes, nodes), kubernetes, events, clock, logs.CreateLogger("clusters"));
        return Make("clusters", reconciler)
            .Watches(informers.For<CacheCluster>())
            .Watches(informers.For<V1Pod>(), p => ByLabel(p))
            .Owns(informers.For<V1StatefulSet>(), ResourceType.Of<CacheCluster>())
            .Owns(informers.For<V1ConfigMap>(), ResourceType.Of<CacheCluster>())
            .Owns(informers.For<V1Service>(), ResourceType.Of<CacheCluster>())
            .Watches(informers.For<CacheBackup>(), b => [new NamespacedName(b.Metadata.Namespace!, b.Spec.ClusterRef.Name)]);
    }

    private Controller Backups(Informers informers, NodeAdmin nodes, EventRecorder events) =>
        Make("backups", new BackupReconciler(kubernetes, nodes, events, options.Images, clock))
            .Watches(informers.For<CacheBackup>())
            .Owns(informers.For<V1Job>(), ResourceType.Of<CacheBackup>());

    private Controller Schedules(Informers informers, EventRecorder events) =>
        Make("schedules", new ScheduleReconciler(kubernetes, events, clock))
            .Watches(informers.For<CacheBackupSchedule>())
            .Watches(informers.For<CacheBackup>(), b => b.Metadata.Labels?.GetValueOrDefault(Names.ScheduleLabel) is { } name
                ? [new NamespacedName(b.Metadata.Namespace!, name)]
                : []);

    private Controller Make(string name, IReconciler reconciler) =>
        new(name, reconciler, new ControllerOptions { Workers = 2, MaxBackoff = TimeSpan.FromSeconds(15) }, clock, logs.CreateLogger(name))
        {
            Observed = (_, took, failed) => Metrics.Pass(name, took, failed),
        };

    private static IEnumerable<NamespacedName> ByLabel(IKubernetesObject child) =>
        child.Metadata.Labels?.GetValueOrDefault(Names.ClusterLabel) is { } cluster ? [new NamespacedName(child.Metadata.Namespace!, cluster)] : [];
}
