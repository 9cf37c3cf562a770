// Runs jobs: keeps up to parallelism pods going until completions of them have succeeded, gives up after backoffLimit
// failures or past the deadline, and removes a finished job after its time to live.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;

namespace Shoal.Sandbox.Controllers;

internal sealed class JobController(IKubernetes api, Informer<V1Job> jobs, TimeProvider clock, EventRecorder events) : IReconciler
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        // Read live: a pod created by the last pass must be counted even when the caches have not seen it yet.
        var job = jobs.Get(key) is null ? null : await api.GetAsync<V1Job>(key.Namespace, key.Name, ct).ConfigureAwait(false);
        if (job is null || job.Metadata.DeletionTimestamp is not null)
        {
            return Outcome.Done;
        }

        if (Finished(job) is { } finished)
        {
            return await ExpireAsync(job, finished, ct).ConfigureAwait(false);
        }

        var ours = await Owners.ClaimAsync(api, job, job.Spec!.Selector ?? DefaultSelector(job), (await api.ListAsync<V1Pod>(key.Namespace, ct: ct).ConfigureAwait(false)).Items, _ => true, ct).ConfigureAwait(false);
        var active = ours.Where(p => p.Status?.Phase is not ("Succeeded" or "Failed") && p.Metadata.DeletionTimestamp is null).ToList();
        var succeeded = ours.Count(p => p.Status?.Phase == "Succeeded");
        var failed = ours.Count(p => p.Status?.Phase == "Failed");
        var restarts = active.Where(p => p.Spec!.RestartPolicy == "OnFailure").Sum(p => (p.Status?.ContainerStatuses ?? []).Sum(c => c.RestartCount));
        var status = new V1JobStatus
        {
            StartTime = job.Status?.StartTime ?? clock.GetUtcNow(),
            Active = active.Count,
            Ready = active.Count(p => p.Status?.Conditions?.Exists(c => c is { Type: "Ready", Status: "True" }) == true),
            Succeeded = succeeded,
            Failed = failed,
            Conditions = job.Status?.Conditions,
        };
        var wanted = job.Spec.Completions ?? 1;
        var limit = job.Spec.BackoffLimit ?? 6;
        var deadline = job.Spec.ActiveDeadlineSeconds is { } s ? status.StartTime!.Value.AddSeconds(s) - clock.GetUtcNow() : (TimeSpan?)null;
        if (succeeded >= wanted)
        {
            await EndAsync(job, status, active, "Complete", null, "", ct).ConfigureAwait(false);
            return Outcome.After(TimeSpan.FromSeconds(job.Spec.TtlSecondsAfterFinished ?? 3600));
        }

        if (failed > limit || (limit > 0 && restarts > limit))
        {
            await EndAsync(job, status, active, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit", ct).ConfigureAwait(false);
            return Outcome.Done;
        }

        if (deadline <= TimeSpan.Zero)
        {
            await EndAsync(job, status, active, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline", ct).ConfigureAwait(false);
            return Outcome.Done;
        }

        var again = job.Spec.Suspend == true ? null : await FillAsync(job, status, ours, active.Count, wanted - succeeded, ct).ConfigureAwait(false);
        await ReportAsync(job, status, ct).ConfigureAwait(false);
        var next = again ?? deadline;
        return next is { } delay ? Outcome.After(delay) : Outcome.Done;
    }

    private static V1LabelSelector DefaultSelector(V1Job job) =>
        new() { MatchLabels = new Dictionary<string, string> { ["controller-uid"] = job.Metadata.Uid! } };

    private static V1JobCondition? Finished(V1Job job) => job.Status?.Conditions?.Find(c => c is { Type: "Complete" or "Failed", Status: "True" });

    /// <returns>When to try again if pods must wait for the pause after a failure.</returns>
    private async Task<TimeSpan?> FillAsync(V1Job job, V1JobStatus status, List<V1Pod> ours, int active, int left, CancellationToken ct)
    {
        var missing = Math.Min(job.Spec!.Parallelism ?? 1, left) - active;
        if (missing <= 0)
        {
            return null;
        }

        var lastFailure = ours.Where(p => p.Status?.Phase == "Failed")
            .SelectMany(p => p.Status!.ContainerStatuses ?? []).Max(c => c.State?.Terminated?.FinishedAt);
        var failures = ours.Count(p => p.Status?.Phase == "Failed");
        var wait = lastFailure + (RetryPause * Math.Min(60, Math.Pow(2, Math.Max(0, failures - 1)))) - clock.GetUtcNow();
        if (wait > TimeSpan.Zero)
        {
            return wait;
        }

        for (var i = 0; i < missing; i++)
        {
            var pod = await api.CreateAsync(MakePod(job), ct).ConfigureAwait(false);
            events.Normal(job, "SuccessfulCreate", $"Created pod: {pod.Metadata.Name}");
            status.Active = (status.Active ?? 0) + 1;
        }

        return null;
    }

    private static V1Pod MakePod(V1Job job)
    {
        var template = KubernetesJson.Clone(job.Spec!.Template!);
        var labels = template.Metadata?.Labels ?? [];
        foreach (var (label, value) in new[] { ("controller-uid", job.Metadata.Uid!), ("job-name", job.Metadata.Name!), ("batch.kubernetes.io/job-name", job.Metadata.Name!) })
        {
            labels[label] = value;
        }

        return new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Namespace = job.Metadata.Namespace,
                Name = $"{job.Metadata.Name}-{RandomSuffix()}",
                Labels = labels,
                Annotations = template.Metadata?.Annotations,
                OwnerReferences = [V1OwnerReference.To(job)],
            },
            Spec = template.Spec,
        };
    }

    private static string RandomSuffix() => string.Create(5, 0, static (span, _) =>
    {
        foreach (ref var c in span)
        {
            c = "bcdfghjklmnpqrstvwxz2456789"[Random.Shared.Next(27)];
        }
    });

    private async Task EndAsync(V1Job job, V1JobStatus status, List<V1Pod> active, string type, string? reason, string message, CancellationToken ct)
    {
        foreach (var pod in active)
        {
            await api.DeleteAsync<V1Pod>(pod.Metadata.Namespace, pod.Metadata.Name!, ct: ct).ConfigureAwait(false);
        }

        var now = clock.GetUtcNow();
        (status.Active, status.Ready) = (0, 0);
        status.CompletionTime = type == "Complete" ? now : null;
        status.Conditions =
        [
            .. status.Conditions ?? [],
            new V1JobCondition { Type = type, Status = "True", Reason = reason, Message = message, LastProbeTime = now, LastTransitionTime = now },
        ];
        if (type == "Complete")
        {
            events.Normal(job, "Completed", "Job completed");
        }
        else
        {
            events.Warning(job, reason!, message);
        }

        await ReportAsync(job, status, ct).ConfigureAwait(false);
    }

    private async Task ReportAsync(V1Job job, V1JobStatus status, CancellationToken ct)
    {
        if (job.Status is not null && KubernetesJson.Write(job.Status) == KubernetesJson.Write(status))
        {
            return;
        }

        job.Status = status;
        await api.ReplaceStatusAsync(job, ct).ConfigureAwait(false);
    }

    private async Task<Outcome> ExpireAsync(V1Job job, V1JobCondition finished, CancellationToken ct)
    {
        if (job.Spec!.TtlSecondsAfterFinished is not { } ttl)
        {
            return Outcome.Done;
        }

        var left = (finished.LastTransitionTime ?? clock.GetUtcNow()).AddSeconds(ttl) - clock.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            return Outcome.After(left);
        }

        await api.DeleteAsync<V1Job>(job.Metadata.Namespace, job.Metadata.Name!, new DeleteOptions { Propagation = "Background", Uid = job.Metadata.Uid }, ct).ConfigureAwait(false);
        return Outcome.Done;
    }
}
