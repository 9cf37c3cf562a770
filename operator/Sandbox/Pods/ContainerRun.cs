// One container of a pod: what runs now, how the last run ended, how long to wait before the next.

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class ContainerRun(V1Container spec, bool isInit)
{
    private static readonly TimeSpan CalmAfter = TimeSpan.FromMinutes(1);

    public V1Container Spec { get; set; } = spec;

    public bool IsInit { get; } = isInit;

    /// <summary>An init container that keeps running beside the others.</summary>
    public bool IsSidecar => IsInit && Spec.RestartPolicy == "Always";

    public LocalProcess? Process { get; private set; }

    public DateTimeOffset? StartedAt { get; private set; }

    public V1ContainerStateTerminated? Ended { get; private set; }

    public V1ContainerStateTerminated? EndedBefore { get; private set; }

    public int RestartCount { get; private set; }

    /// <summary>Why it does not run although it should.</summary>
    public V1ContainerStateWaiting? Waiting { get; private set; }

    /// <summary>Not to be started before this moment.</summary>
    public DateTimeOffset NotBefore { get; private set; }

    public V1ResourceRequirements? Resources { get; set; } = spec.Resources;

    /// <summary>Set once the startup probe has succeeded, or at start without one.</summary>
    public bool IsStarted { get; set; }

    public bool IsReady { get; set; }

    public ContainerProbes? Probes { get; set; }

    public IReadOnlyDictionary<string, string>? Environment { get; set; }

    public MountPaths? Mounts { get; set; }

    /// <summary>Set while it is being stopped for a reason other than the pod's deletion.</summary>
    public Task? Stopping { get; set; }

    private int _failures;
    private bool _everStarted;

    public bool IsRunning => Process is not null;

    public bool HasSucceeded => Process is null && Ended is { ExitCode: 0 };

    public bool HasEnded => Process is null && Ended is not null;

    public string? ContainerId { get; private set; }

    /// <summary>Takes over what an earlier runner reported: counts go on, and what ran then was killed with it.</summary>
    public void Resume(V1ContainerStatus? earlier, DateTimeOffset now)
    {
        if (earlier is null)
        {
            return;
        }

        RestartCount = earlier.RestartCount;
        _everStarted = earlier.State?.Running is not null || earlier.State?.Terminated is not null || earlier.RestartCount > 0;
        Ended = earlier.State?.Terminated ?? (earlier.State?.Running is { } running
            ? new V1ContainerStateTerminated { ExitCode = 137, Signal = 9, Reason = "Error", Message = "the pod runner was restarted", StartedAt = running.StartedAt, FinishedAt = now }
            : null);
        EndedBefore = earlier.LastState?.Terminated;
    }

    public void Started(LocalProcess process, DateTimeOffset now)
    {
        if (_everStarted)
        {
            RestartCount++;
            EndedBefore = Ended ?? EndedBefore;
        }

        _everStarted = true;
        (Process, StartedAt, Ended, Waiting) = (process, now, null, null);
        ContainerId = $"process://{process.Id}-{Guid.NewGuid():n}";
        IsStarted = Spec.StartupProbe is null;
        IsReady = IsStarted && Spec.ReadinessProbe is null;
    }

    /// <summary>Records the end of the run and decides when the next may begin: at once after the first failure, then with doubling waits.</summary>
    public void Exited(int code, string? message, DateTimeOffset now, TimeSpan minBackoff, TimeSpan maxBackoff)
    {
        Ended = new V1ContainerStateTerminated
        {
            ExitCode = code,
            Signal = code > 128 && code < 160 ? code - 128 : null,
            Reason = code == 0 ? "Completed" : "Error",
            Message = message,
            StartedAt = StartedAt,
            FinishedAt = now,
            ContainerId = ContainerId,
        };
        (Process, IsReady, IsStarted) = (null, false, false);
        _failures = now - StartedAt >= CalmAfter ? 1 : _failures + 1;
        var wait = _failures == 1 ? TimeSpan.Zero : minBackoff * Math.Pow(2, Math.Min(_failures - 2, 20));
        NotBefore = now + (wait < maxBackoff ? wait : maxBackoff);
        Waiting = null;
    }

    /// <summary>Shows the wait for the next start as kubelet does.</summary>
    public void ShowBackoff(DateTimeOffset now)
    {
        if (NotBefore > now && Ended is not null)
        {
            Waiting = new V1ContainerStateWaiting
            {
                Reason = "CrashLoopBackOff",
                Message = $"back-off restarting failed container={Spec.Name}",
            };
        }
    }

    public void CannotStart(string reason, string message, DateTimeOffset retryAt)
    {
        Waiting = new V1ContainerStateWaiting { Reason = reason, Message = message };
        NotBefore = retryAt;
    }

    public V1ContainerStatus Status(bool podInitialized)
    {
        var waiting = Waiting ?? (Ended is null && Process is null
            ? new V1ContainerStateWaiting { Reason = podInitialized || IsInit ? "ContainerCreating" : "PodInitializing" } : null);
        var last = waiting is not null && Ended is not null ? Ended : EndedBefore;
        return new V1ContainerStatus
        {
            Name = Spec.Name,
            Image = Spec.Image ?? "",
            ImageId = Spec.Image is { } image ? $"local://{image}" : "",
            ContainerId = ContainerId,
            RestartCount = RestartCount,
            Ready = IsSidecar || !IsInit ? IsRunning && IsReady : HasSucceeded,
            Started = IsRunning && IsStarted,
            State = Process is not null
                ? new V1ContainerState { Running = new V1ContainerStateRunning { StartedAt = StartedAt } }
                : waiting is not null ? new V1ContainerState { Waiting = waiting } : new V1ContainerState { Terminated = Ended },
            LastState = last is null ? new V1ContainerState() : new V1ContainerState { Terminated = last },
            Resources = IsInit && !IsSidecar ? null : Resources,
            AllocatedResources = IsInit && !IsSidecar ? null : Resources?.Requests,
        };
    }
}
