// The controllers that run when no kube-controller-manager does, and the two that are ours in any case: claims here are
// directories, which no other controller knows how to bind.

using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;
using Shoal.Sandbox.Pods;

namespace Shoal.Sandbox.Controllers;

internal sealed class ControllerSet
{
    private readonly List<Controller> _controllers = [];
    private readonly Informers _informers;
    private readonly GarbageCollector? _garbage;

    public ControllerSet(IKubernetes api, LocalControlPlaneOptions options, ILogger log)
    {
        var clock = options.Clock;
        _informers = new Informers(api, new InformerOptions(), clock, log);
        var few = new ControllerOptions { Workers = 2, MinBackoff = TimeSpan.FromMilliseconds(50), MaxBackoff = TimeSpan.FromSeconds(10) };
        var events = new EventRecorder(api, "controllermanager", clock, log);

        var claims = _informers.For<V1PersistentVolumeClaim>();
        _controllers.Add(new Controller("claims", new ClaimBinder(api, claims, new PodPaths(options.Directory), events), few, clock, log).Watches(claims));
        if (!options.RunControllers)
        {
            return;
        }

        var pods = _informers.For<V1Pod>();
        var sets = _informers.For<V1StatefulSet>();
        var jobs = _informers.For<V1Job>();
        var services = _informers.For<V1Service>();
        _controllers.Add(new Controller("statefulsets", new StatefulSetController(api, sets, pods, clock, events), few with { Workers = 4 }, clock, log)
            .Watches(sets)
            .Watches(pods, pod => StatefulSetController.KeysFor(pod, sets)));
        _controllers.Add(new Controller("jobs", new JobController(api, jobs, clock, events), few, clock, log)
            .Watches(jobs).Owns(pods, ResourceType.Of<V1Job>()));
        _controllers.Add(new Controller("endpoints", new EndpointsController(api, services, pods), few, clock, log)
            .Watches(services)
            .Watches(pods, pod => EndpointsController.KeysFor(pod, services)));
        _controllers.Add(new Controller("serviceaccounts", new DefaultServiceAccounts(api), few, clock, log).Watches(_informers.For<V1Namespace>()));
        _garbage = new GarbageCollector(api, clock, log);
    }

    public Task WhenReadyAsync(CancellationToken ct) => _informers.WhenSyncedAsync(ct);

    public async Task RunAsync(CancellationToken ct)
    {
        var running = _controllers.Select(c => c.RunAsync(ct)).Append(_informers.RunAsync(ct)).ToList();
        if (_garbage is not null)
        {
            running.Add(_garbage.RunAsync(ct));
        }

        await Task.WhenAll(running).ConfigureAwait(false);
        _controllers.ForEach(c => c.Dispose());
    }
}
