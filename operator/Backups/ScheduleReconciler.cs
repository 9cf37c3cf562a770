// Creates backups when they are due and deletes those that retention has outlived. Names follow from schedule and time, so
// a backup that exists already is the one we meant.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Reconciling;

namespace Shoal.Operator.Backups;

/// <summary>Reconciles CacheBackupSchedules.</summary>
public sealed class ScheduleReconciler(IKubernetes kubernetes, EventRecorder events, TimeProvider clock) : IReconciler
{
    /// <inheritdoc/>
    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        var schedule = await kubernetes.GetAsync<CacheBackupSchedule>(key.Namespace, key.Name, ct).ConfigureAwait(false);
        if (schedule is null || schedule.Metadata.DeletionTimestamp is not null)
        {
            return Outcome.Done;
        }

        var now = clock.GetUtcNow();
        var children = (await kubernetes.ListAsync<CacheBackup>(key.Namespace, $"{Names.ScheduleLabel}={key.Name}", ct).ConfigureAwait(false)).Items;
        var status = schedule.Status is { } old ? KubernetesJson.Clone(old) : new CacheBackupScheduleStatus();
        status.ObservedGeneration = schedule.Metadata.Generation;
        var (cron, error) = ScheduleRules.Parse(schedule.Spec.Schedule);
        status.Error = error;
        status.NextScheduleTime = null;
        if (cron is not null && !schedule.Spec.Suspend)
        {
            await CreateDueAsync(schedule, status, cron, children, now, ct).ConfigureAwait(false);
            status.NextScheduleTime = ScheduleRules.Next(cron, now);
        }

        foreach (var outlived in ScheduleRules.Outlived(children, schedule.Spec.Retention?.KeepLast))
        {
            await kubernetes.DeleteAsync<CacheBackup>(key.Namespace, outlived.Metadata.Name!, new DeleteOptions { Uid = outlived.Metadata.Uid }, ct).ConfigureAwait(false);
            events.Normal(schedule, "Outlived", $"deleted {outlived.Metadata.Name}: the last {schedule.Spec.Retention!.KeepLast} are kept");
        }

        if (KubernetesJson.Write(status) != KubernetesJson.Write(schedule.Status ?? new CacheBackupScheduleStatus()))
        {
            schedule.Status = status;
            await kubernetes.ReplaceStatusAsync(schedule, ct).ConfigureAwait(false);
        }

        return status.NextScheduleTime is { } next ? Outcome.After(next - now + TimeSpan.FromMilliseconds(50)) : Outcome.Done;
    }

    private async Task CreateDueAsync(
        CacheBackupSchedule schedule, CacheBackupScheduleStatus status, NCrontab.CrontabSchedule cron, List<CacheBackup> children, DateTimeOffset now, CancellationToken ct)
    {
        var created = schedule.Metadata.CreationTimestamp ?? now;
        var due = ScheduleRules.Due(cron, status.LastScheduleTime ?? created, now, TimeSpan.FromSeconds(schedule.Spec.StartingDeadlineSeconds));
        if (due is null && schedule.Spec.Immediate && status.LastScheduleTime is null)
        {
            due = created;
        }

        if (due is not { } at)
        {
            return;
        }

        var name = ScheduleRules.NameFor(schedule.Metadata.Name!, at);
        if (children.Find(b => b.Status?.Phase is not ("Completed" or "Failed") && b.Metadata.Name != name) is { } running)
        {
            events.Warning(schedule, "Skipped", $"the backup due at {at:u} is skipped: {running.Metadata.Name} is not finished");
        }
        else
        {
            await CreateAsync(schedule, name, ct).ConfigureAwait(false);
            status.LastBackup = name;
        }

        status.LastScheduleTime = at;
    }

    private async Task CreateAsync(CacheBackupSchedule schedule, string name, CancellationToken ct)
    {
        // No owner reference: backups outlive the schedule that made them.
        var backup = new CacheBackup
        {
            Metadata = new()
            {
                Name = name,
                Namespace = schedule.Metadata.Namespace,
                Labels = new() { [Names.ScheduleLabel] = schedule.Metadata.Name! },
            },
            Spec = KubernetesJson.Clone(schedule.Spec.Template),
        };
        try
        {
            await kubernetes.CreateAsync(backup, ct).ConfigureAwait(false);
            events.Normal(schedule, "Created", $"created backup {name}");
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // created by an earlier pass that did not get to write status
        }
    }
}
