// The node: watches pods, binds unassigned ones to our nodes, gives each pod of ours a worker, and ends them all when it
// stops. Written against IKubernetes only, so it serves our own API server and a real one alike.

using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class PodRunner : IAsyncDisposable
{
    private static readonly TimeSpan BindRetry = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, PodWorker> _workers = new();
    private readonly ConcurrentDictionary<NamespacedName, PodWorker> _latest = new();
    private readonly Dictionary<string, V1Pod> _assumed = [];
    private readonly Channel<InformerChange<V1Pod>> _changes = Channel.CreateUnbounded<InformerChange<V1Pod>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PodServices _services;
    private readonly Informers _informers;
    private readonly Informer<V1Pod> _pods;
    private readonly Informer<V1Node> _nodes;
    private readonly WorkQueue _unbound;
    private readonly CancellationTokenSource _stopping = new();

    public PodRunner(IKubernetes api, LocalControlPlaneOptions options, ILogger log)
    {
        _services = new PodServices(
            api,
            options,
            new PodPaths(options.Directory),
            new ProcessLauncher(),
            new AddressPool(),
            new EventRecorder(api, "kubelet", options.Clock, log),
            ProbeHttp(),
            log);
        _informers = new Informers(api, new InformerOptions(), options.Clock, log);
        _pods = _informers.For<V1Pod>();
        _nodes = _informers.For<V1Node>();
        _unbound = new WorkQueue(options.Clock, BindRetry, TimeSpan.FromSeconds(5));
        _pods.Subscribe(change => _changes.Writer.TryWrite(change));
        _informers.For<V1ConfigMap>().Subscribe(change => RefreshVolumes(change.Old, change.New));
        _informers.For<V1Secret>().Subscribe(change => RefreshVolumes(change.Old, change.New));
        _nodes.Subscribe(_ => RetryUnbound());
    }

    public Task WhenReadyAsync(CancellationToken ct) => _ready.Task.WaitAsync(ct);

    public async Task RunAsync(CancellationToken ct)
    {
        using var stopping = ct.UnsafeRegister(static s => ((CancellationTokenSource)s!).Cancel(), _stopping);
        KillLeftOvers();
        await new NodeRegistration(_services).RegisterAsync(ct).ConfigureAwait(false);
        var informing = _informers.RunAsync(ct);
        var beating = new NodeRegistration(_services).RunAsync(ct);
        await _informers.WhenSyncedAsync(ct).ConfigureAwait(false);
        RemoveStaleDirectories();
        _ready.TrySetResult();
        var binding = Task.Run(() => BindAsync(ct), CancellationToken.None);
        try
        {
            await foreach (var change in _changes.Reader.ReadAllAsync(ct).ConfigureAwait(false))
            {
                Handle(change);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping.
        }

        _unbound.Close();
        await Task.WhenAll(_workers.Values.Select(w => w.Completion)).ConfigureAwait(false);
        await Task.WhenAny(Task.WhenAll(informing, beating, binding)).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_workers.Values.Select(w => w.Completion)).ConfigureAwait(false);
        await _services.Events.DisposeAsync().ConfigureAwait(false);
        _services.Launcher.Dispose();
        _services.Addresses.Dispose();
        _services.ProbeHttp.Dispose();
        _unbound.Dispose();
    }

    private static HttpClient ProbeHttp() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        SslOptions = new System.Net.Security.SslClientAuthenticationOptions
        {
            // Kubelet does not verify a pod's certificate either: the probe asks whether it answers, not who it is.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        },
    });

    private void KillLeftOvers()
    {
        if (!Directory.Exists(_services.Paths.Pids))
        {
            return;
        }

        foreach (var pidFile in Directory.EnumerateFiles(_services.Paths.Pids).ToList())
        {
            if (LocalProcess.KillLeftOver(pidFile))
            {
                Log.LeftOver(_services.Log, pidFile);
            }
        }
    }

    private void RemoveStaleDirectories()
    {
        if (!Directory.Exists(_services.Paths.Pods))
        {
            return;
        }

        var alive = _pods.All().Select(p => p.Metadata.Uid).ToHashSet();
        foreach (var directory in Directory.EnumerateDirectories(_services.Paths.Pods).Where(d => !alive.Contains(Path.GetFileName(d))).ToList())
        {
            PodCleaning.Remove(directory, _services.Log);
        }
    }

    private void Handle(InformerChange<V1Pod> change)
    {
        if (change.Old is { } old && change.New?.Metadata.Uid != old.Metadata.Uid)
        {
            Forget(old);
        }

        if (change.New is not { } pod)
        {
            RetryUnbound();
            return;
        }

        if (string.IsNullOrEmpty(pod.Spec?.NodeName))
        {
            if (pod.Metadata.DeletionTimestamp is null && pod.Spec?.SchedulerName is null or "default-scheduler")
            {
                _unbound.Add(NamespacedName.Of(pod));
            }
        }
        else if (_services.Options.Nodes.Contains(pod.Spec.NodeName))
        {
            Run(pod);
        }
    }

    private void Run(V1Pod pod)
    {
        if (_workers.TryGetValue(pod.Metadata.Uid!, out var known))
        {
            known.Update(pod);
            return;
        }

        var key = NamespacedName.Of(pod);
        var predecessor = _latest.TryGetValue(key, out var before) ? before.Completion : Task.CompletedTask;
        var worker = new PodWorker(_services, pod, predecessor, _stopping.Token);
        _workers[pod.Metadata.Uid!] = worker;
        _latest[key] = worker;
    }

    private void Forget(V1Pod pod)
    {
        lock (_assumed)
        {
            _assumed.Remove(pod.Metadata.Uid!);
        }

        if (_workers.TryRemove(pod.Metadata.Uid!, out var worker))
        {
            worker.Vanish();

            // Kept under its name until it has ended: a successor waits for it.
            var key = NamespacedName.Of(pod);
            worker.Completion.ContinueWith(
                _ => _latest.TryRemove(new KeyValuePair<NamespacedName, PodWorker>(key, worker)),
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private void RefreshVolumes(IKubernetesObject? old, IKubernetesObject? now)
    {
        // Only a change of something known matters; a first sight of it cannot be news to a running pod.
        if (old is null || now is null)
        {
            return;
        }

        foreach (var worker in _workers.Values.Where(w => w.Pod.Metadata.Namespace == now.Metadata.Namespace && Mentions(w.Pod, now)))
        {
            worker.RefreshVolumes();
        }
    }

    private static bool Mentions(V1Pod pod, IKubernetesObject source) => (pod.Spec?.Volumes ?? []).Exists(v => source is V1ConfigMap
        ? v.ConfigMap?.Name == source.Metadata.Name || v.Projected?.Sources?.Exists(s => s.ConfigMap?.Name == source.Metadata.Name) == true
        : v.Secret?.SecretName == source.Metadata.Name || v.Projected?.Sources?.Exists(s => s.Secret?.Name == source.Metadata.Name) == true);

    private void RetryUnbound()
    {
        foreach (var pod in _pods.All().Where(p => string.IsNullOrEmpty(p.Spec?.NodeName) && p.Metadata.DeletionTimestamp is null))
        {
            _unbound.Add(NamespacedName.Of(pod));
        }
    }

    private async Task BindAsync(CancellationToken ct)
    {
        while (await _unbound.TakeAsync(CancellationToken.None).ConfigureAwait(false) is { } key)
        {
            try
            {
                if (_pods.Get(key) is { } pod && string.IsNullOrEmpty(pod.Spec?.NodeName) && pod.Metadata.DeletionTimestamp is null)
                {
                    await BindAsync(pod, ct).ConfigureAwait(false);
                }
            }
            catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
            {
                // Deleted or bound meanwhile.
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
            {
                Log.PodPassFailed(_services.Log, key.ToString(), e.Message);
                _unbound.AddAfterFailure(key);
            }
            finally
            {
                _unbound.Done(key);
            }
        }
    }

    private async Task BindAsync(V1Pod pod, CancellationToken ct)
    {
        lock (_assumed)
        {
            if (_assumed.ContainsKey(pod.Metadata.Uid!))
            {
                return;
            }
        }

        var (node, why) = Scheduler.Choose(pod, OurNodes(), Bound());
        if (node is null)
        {
            await SayUnschedulableAsync(pod, why, ct).ConfigureAwait(false);
            return;
        }

        var assumed = Operator.Kubernetes.KubernetesJson.Clone(pod);
        assumed.Spec!.NodeName = node;
        lock (_assumed)
        {
            _assumed[pod.Metadata.Uid!] = assumed;
        }

        try
        {
            await _services.Api.PostAsync(
                ResourceType.Of<V1Pod>(), pod.Metadata.Namespace, pod.Metadata.Name!, "binding",
                new V1Binding
                {
                    Metadata = new V1ObjectMeta { Name = pod.Metadata.Name, Namespace = pod.Metadata.Namespace, Uid = pod.Metadata.Uid },
                    Target = new V1ObjectReference { ApiVersion = "v1", Kind = "Node", Name = node },
                },
                ct).ConfigureAwait(false);
        }
        catch
        {
            lock (_assumed)
            {
                _assumed.Remove(pod.Metadata.Uid!);
            }

            throw;
        }

        _unbound.Forget(NamespacedName.Of(pod));
        _services.Events.Normal(pod, "Scheduled", $"Successfully assigned {PodServicesText.Name(pod)} to {node}");
    }

    private List<V1Node> OurNodes() => [.. _nodes.All().Where(n => _services.Options.Nodes.Contains(n.Metadata.Name))];

    private ILookup<string, V1Pod> Bound()
    {
        lock (_assumed)
        {
            var known = _pods.All();
            foreach (var pod in known.Where(p => !string.IsNullOrEmpty(p.Spec?.NodeName)))
            {
                _assumed.Remove(pod.Metadata.Uid!);
            }

            return known.Where(p => !string.IsNullOrEmpty(p.Spec?.NodeName)).Concat(_assumed.Values).ToLookup(p => p.Spec!.NodeName!);
        }
    }

    private async Task SayUnschedulableAsync(V1Pod pod, string why, CancellationToken ct)
    {
        _services.Events.Warning(pod, "FailedScheduling", why);
        _unbound.AddAfterFailure(NamespacedName.Of(pod));
        var before = pod.Status?.Conditions?.Find(c => c.Type == "PodScheduled");
        if (before is { Status: "False" } && before.Message == why)
        {
            return;
        }

        var conditions = (pod.Status?.Conditions ?? []).Where(c => c.Type != "PodScheduled").Append(new V1PodCondition
        {
            Type = "PodScheduled",
            Status = "False",
            Reason = "Unschedulable",
            Message = why,
            LastTransitionTime = before?.Status == "False" ? before.LastTransitionTime : _services.Clock.GetUtcNow(),
        });
        await _services.Api.PatchStatusAsync<V1Pod>(
            pod.Metadata.Namespace, pod.Metadata.Name!, new Dictionary<string, object> { ["conditions"] = conditions.ToList() }, ct).ConfigureAwait(false);
    }
}
