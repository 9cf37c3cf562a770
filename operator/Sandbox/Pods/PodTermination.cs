// Ends a pod's containers: preStop hook, SIGTERM, what is left of the grace period, SIGKILL. Main containers first,
// sidecars after them. A deletion that becomes a forced one cuts all of it short.

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class PodTermination(
    PodServices services, V1Pod pod, IReadOnlyList<ContainerRun> init, IReadOnlyList<ContainerRun> main, ContainerStarter starter)
{
    /// <summary>Returns when no process of the pod is left.</summary>
    public async Task StopAllAsync(TimeSpan grace, CancellationToken killNow)
    {
        var deadline = services.Clock.GetUtcNow() + grace;
        var running = main.Concat(init.Where(c => !c.IsSidecar)).Where(c => c.IsRunning).ToList();
        await Task.WhenAll(running.Select(c => StopAsync(c, deadline, killNow))).ConfigureAwait(false);
        foreach (var sidecar in init.Where(c => c.IsSidecar && c.IsRunning).Reverse())
        {
            await StopAsync(sidecar, deadline, killNow).ConfigureAwait(false);
        }
    }

    private async Task StopAsync(ContainerRun run, DateTimeOffset deadline, CancellationToken killNow)
    {
        if (run.Process is not { } process)
        {
            return;
        }

        if (!process.HasExited)
        {
            services.Events.Normal(pod, "Killing", $"Stopping container {run.Spec.Name}");
            if (Left(deadline) > TimeSpan.Zero && !killNow.IsCancellationRequested)
            {
                await RunHookAsync(run, deadline, killNow).ConfigureAwait(false);
                process.Signal(LocalProcess.SigTerm);
                try
                {
                    await process.Exited.WaitAsync(Left(deadline), services.Clock, killNow).ConfigureAwait(false);
                }
                catch (Exception e) when (e is TimeoutException or OperationCanceledException)
                {
                    // The grace period is over.
                }
            }
        }

        await process.TerminateAsync(TimeSpan.Zero, services.Clock).ConfigureAwait(false);
        await starter.ObserveExitAsync(run).ConfigureAwait(false);
    }

    private async Task RunHookAsync(ContainerRun run, DateTimeOffset deadline, CancellationToken killNow)
    {
        if (run.Spec.Lifecycle?.PreStop?.Exec?.Command is not { Count: > 0 } command)
        {
            return;
        }

        try
        {
            if (await starter.ExecAsync(run, command, Left(deadline), killNow).ConfigureAwait(false) is not 0)
            {
                services.Events.Warning(pod, "FailedPreStopHook", $"preStop of container {run.Spec.Name} failed or took too long");
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            services.Events.Warning(pod, "FailedPreStopHook", $"preStop of container {run.Spec.Name}: {e.Message}");
        }
    }

    private TimeSpan Left(DateTimeOffset deadline)
    {
        var left = deadline - services.Clock.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
