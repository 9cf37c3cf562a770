// Runs one pod from its binding to a node until its object is gone. One loop owns all state: it looks at what the API
// server wants and what the processes do, does what is due, reports, and sleeps until something changes. Nothing else
// starts or ends the pod's processes.

using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class PodWorker
{
    private static readonly TimeSpan SetupRetry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _wakeGate = new();
    private readonly CancellationTokenSource _killNow = new();
    private readonly CancellationToken _stop;
    private readonly PodServices _services;
    private readonly ContainerStarter _starter;
    private readonly List<ContainerRun> _init;
    private readonly List<ContainerRun> _main;
    private volatile V1Pod _pod;
    private volatile bool _gone;
    private volatile bool _refreshVolumes;
    private V1PodStatus? _reported;
    private string? _podIP;
    private PodSetup? _setup;
    private string? _resizeRefused;
    private (string, string)? _failure;

    public PodWorker(PodServices services, V1Pod pod, Task predecessor, CancellationToken stop)
    {
        (_services, _pod, _stop) = (services, pod, stop);
        _init = [.. (pod.Spec!.InitContainers ?? []).Select(c => new ContainerRun(c, true))];
        _main = [.. pod.Spec.Containers.Select(c => new ContainerRun(c, false))];
        _starter = new ContainerStarter(services, this);
        Completion = Task.Run(() => RunAsync(predecessor), CancellationToken.None);
    }

    public V1Pod Pod => _pod;

    public string Uid => _pod.Metadata.Uid!;

    /// <summary>Completes when no process is left and, unless we are being stopped, the object is gone.</summary>
    public Task Completion { get; }

    private DateTimeOffset Now => _services.Clock.GetUtcNow();

    /// <summary>The object changed.</summary>
    public void Update(V1Pod pod)
    {
        _pod = pod;
        if (pod.Metadata is { DeletionTimestamp: not null, DeletionGracePeriodSeconds: 0 })
        {
            _killNow.Cancel();
        }

        Wake();
    }

    /// <summary>The object is gone from the API server: nothing of the pod may go on.</summary>
    public void Vanish()
    {
        _gone = true;
        _killNow.Cancel();
        Wake();
    }

    /// <summary>A ConfigMap or Secret of the namespace changed.</summary>
    public void RefreshVolumes()
    {
        _refreshVolumes = true;
        Wake();
    }

    public void Wake()
    {
        lock (_wakeGate)
        {
            if (_wake.CurrentCount == 0)
            {
                _wake.Release();
            }
        }
    }

    private async Task RunAsync(Task predecessor)
    {
        try
        {
            // The pod of the same name before us may still be ending; it may share our volumes.
            await predecessor.ConfigureAwait(false);
            Resume();
            while (!_stop.IsCancellationRequested && !_gone && _pod.Metadata.DeletionTimestamp is null)
            {
                try
                {
                    var lookAgain = await PassAsync().ConfigureAwait(false);
                    await ReportAsync().ConfigureAwait(false);
                    await WaitAsync(lookAgain).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (_stop.IsCancellationRequested)
                {
                    break;
                }
                catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
                {
                    Log.PodPassFailed(_services.Log, PodServicesText.Name(_pod), e.Message);
                    await WaitAsync(SetupRetry).ConfigureAwait(false);
                }
            }

            await new PodTermination(_services, _pod, _init, _main, _starter).StopAllAsync(Grace(), _killNow.Token).ConfigureAwait(false);
            await DeleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.PodWorkerFailed(_services.Log, PodServicesText.Name(_pod), e);
        }
        finally
        {
            await CleanUpAsync().ConfigureAwait(false);
        }
    }

    private void Resume()
    {
        foreach (var (runs, statuses) in new[] { (_init, _pod.Status?.InitContainerStatuses), (_main, _pod.Status?.ContainerStatuses) })
        {
            foreach (var run in runs)
            {
                run.Resume(statuses?.Find(s => s.Name == run.Spec.Name), Now);
            }
        }
    }

    /// <summary>Does what is due.</summary>
    /// <returns>When to look again without being woken; null = only when woken.</returns>
    private async Task<TimeSpan?> PassAsync()
    {
        if (_pod.Status?.Phase is "Succeeded" or "Failed" && !_main.Exists(c => c.IsRunning))
        {
            return null;
        }

        if (_setup is null || _refreshVolumes)
        {
            if (!await SetUpAsync().ConfigureAwait(false))
            {
                return SetupRetry;
            }
        }

        foreach (var run in _init.Concat(_main))
        {
            await _starter.ObserveExitAsync(run).ConfigureAwait(false);
        }

        ApplyResize();
        if (IsPastDeadline())
        {
            return null;
        }

        var deadline = _pod.Status?.StartTime?.AddSeconds(_pod.Spec!.ActiveDeadlineSeconds ?? 0) - Now;
        return Sooner(await StartDueAsync().ConfigureAwait(false), _pod.Spec!.ActiveDeadlineSeconds is null ? null : deadline);
    }

    private async Task<bool> SetUpAsync()
    {
        _refreshVolumes = false;
        _podIP ??= _pod.Status?.PodIP is { Length: > 0 } earlier && _services.Addresses.TryTake(earlier) ? earlier : _services.Addresses.Take();
        var fields = new PodFields(_pod, _podIP, PodServices.HostIP, _services.Options.NodeCpu, _services.Options.NodeMemory);
        try
        {
            var directories = await new PodVolumes(_services.Api, _services.Paths).LayOutAsync(fields, _stop).ConfigureAwait(false);
            if (_services.Options.RunAsUser is { } user && _services.Launcher.CanChangeUser)
            {
                Ownership.Give(directories.Values.Append(_services.Paths.Pod(Uid)), user);
            }

            _setup = new PodSetup(fields, directories);
            return true;
        }
        catch (PodConfigException e)
        {
            _services.Events.Warning(_pod, e.Reason, e.Message);
            return _setup is not null;
        }
    }

    private async Task<TimeSpan?> StartDueAsync()
    {
        TimeSpan? lookAgain = null;
        var policy = _pod.Spec!.RestartPolicy ?? "Always";
        foreach (var run in _init)
        {
            if (run.IsSidecar)
            {
                lookAgain = Sooner(lookAgain, await StartAsync(run, "Always").ConfigureAwait(false));
                if (!(run.IsRunning && run.IsStarted))
                {
                    return lookAgain;
                }
            }
            else if (!run.HasSucceeded)
            {
                return Sooner(lookAgain, await StartAsync(run, policy == "Always" ? "OnFailure" : policy).ConfigureAwait(false));
            }
        }

        foreach (var run in _main)
        {
            lookAgain = Sooner(lookAgain, await StartAsync(run, policy).ConfigureAwait(false));
        }

        return lookAgain;
    }

    private async Task<TimeSpan?> StartAsync(ContainerRun run, string policy)
    {
        if (run.IsRunning || (run.HasEnded && (policy == "Never" || (policy == "OnFailure" && run.HasSucceeded))))
        {
            return null;
        }

        var wait = run.NotBefore - Now;
        if (wait > TimeSpan.Zero)
        {
            run.ShowBackoff(Now);
            return wait;
        }

        await _starter.StartAsync(run, _pod, _setup!, _stop).ConfigureAwait(false);
        return run.IsRunning ? null : run.NotBefore - Now;
    }

    private static TimeSpan? Sooner(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b ?? a : a;

    private bool IsPastDeadline()
    {
        if (_pod.Spec!.ActiveDeadlineSeconds is not { } seconds || _pod.Status?.StartTime is not { } start || Now < start.AddSeconds(seconds))
        {
            return false;
        }

        _failure ??= ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
        _starter.StopAll(_init.Concat(_main), TimeSpan.FromSeconds(_pod.Spec.TerminationGracePeriodSeconds ?? 30));
        return true;
    }

    private void ApplyResize()
    {
        _resizeRefused = null;
        foreach (var run in _main)
        {
            var wanted = _pod.Spec!.Containers.Find(c => c.Name == run.Spec.Name);
            if (wanted is null || Resize.IsSame(wanted.Resources, run.Resources))
            {
                continue;
            }

            if (Resize.Refusal(wanted.Resources, _services.Options) is { } refusal)
            {
                _resizeRefused = refusal;
                continue;
            }

            var restart = run.IsRunning && Resize.NeedsRestart(run.Spec, run.Resources, wanted.Resources);
            run.Resources = wanted.Resources;
            run.Spec = wanted;
            _services.Events.Normal(_pod, "ResizeCompleted", $"Pod resize completed: container {wanted.Name}");
            if (restart)
            {
                _starter.Stop(run, $"Container {wanted.Name} resize requires restart", TimeSpan.FromSeconds(_pod.Spec.TerminationGracePeriodSeconds ?? 30));
            }
        }
    }

    private PodView View(bool terminated = false) => new(_pod, _podIP, _init, _main, Now)
    {
        Failure = _failure,
        ResizeRefused = _resizeRefused,
        IsTerminated = terminated,
    };

    private async Task ReportAsync(bool terminated = false)
    {
        if (_pod.Status?.Phase is "Succeeded" or "Failed" && _reported is null)
        {
            // It ended under an earlier runner; there is nothing to add.
            return;
        }

        var status = PodStatusReport.From(View(terminated));
        if (_reported is not null && KubernetesJson.Write(_reported) == KubernetesJson.Write(status))
        {
            return;
        }

        var body = JsonSerializer.SerializeToNode(status, KubernetesJson.Options)!.AsObject();
        foreach (var optional in (string[])["reason", "message", "resize"])
        {
            // A merge patch removes a member only when told so.
            body.TryAdd(optional, null);
        }

        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = Uid }, ["status"] = body };
        try
        {
            await _services.Api.PatchAsync<V1Pod>(
                _pod.Metadata.Namespace, _pod.Metadata.Name!, new Patch(PatchType.Merge, patch.ToJsonString()), "status", CancellationToken.None).ConfigureAwait(false);
            _reported = status;
        }
        catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
        {
            // Deleted, or replaced by a pod of the same name: the informer will tell.
        }
    }

    private async Task WaitAsync(TimeSpan? atMost)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_stop);
        var woken = _wake.WaitAsync(waiting.Token);
        if (atMost is { } limit)
        {
            await Task.WhenAny(woken, Task.Delay(limit > TimeSpan.FromMilliseconds(10) ? limit : TimeSpan.FromMilliseconds(10), _services.Clock, waiting.Token)).ConfigureAwait(false);
        }
        else
        {
            await Task.WhenAny(woken).ConfigureAwait(false);
        }

        await waiting.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(woken).ConfigureAwait(false);
    }

    private TimeSpan Grace()
    {
        var wanted = _pod.Metadata.DeletionGracePeriodSeconds ?? _pod.Spec!.TerminationGracePeriodSeconds ?? 30;
        var grace = TimeSpan.FromSeconds(_gone ? 0 : wanted);
        return _stop.IsCancellationRequested && grace > StopGrace ? StopGrace : grace;
    }

    private async Task DeleteAsync()
    {
        if (_pod.Metadata.DeletionTimestamp is null || _gone)
        {
            return;
        }

        for (var attempt = 0; !_gone && !_stop.IsCancellationRequested; attempt++)
        {
            try
            {
                await ReportAsync(terminated: true).ConfigureAwait(false);
                await _services.Api.DeleteAsync<V1Pod>(
                    _pod.Metadata.Namespace, _pod.Metadata.Name!, new DeleteOptions { GracePeriodSeconds = 0, Uid = Uid }, CancellationToken.None).ConfigureAwait(false);
                return;
            }
            catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
            {
                return;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
            {
                Log.PodPassFailed(_services.Log, PodServicesText.Name(_pod), e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(5000, 200 << Math.Min(attempt, 5))), _services.Clock, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private async Task CleanUpAsync()
    {
        await _starter.DisposeAsync().ConfigureAwait(false);
        if (_podIP is not null)
        {
            _services.Addresses.Return(_podIP);
        }

        if (_gone || _pod.Metadata.DeletionTimestamp is not null)
        {
            PodCleaning.Remove(_services.Paths.Pod(Uid), _services.Log);
        }
    }
}
