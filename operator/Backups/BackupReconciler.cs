// One backup from Pending to Completed or Failed. Phase Running is written first: it holds new slot moves; the Job starts once
// the moves under way have ended. The Job's end is the backup's end; what it wrote is read from the manifest it wrote last.
using System.Text.Json;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Reconciling;
using Shoal.Protocol.Client;

namespace Shoal.Operator.Backups;

/// <summary>Reconciles CacheBackups.</summary>
public sealed class BackupReconciler(IKubernetes kubernetes, INodeAdmin nodes, EventRecorder events, DefaultImages images, TimeProvider clock) : IReconciler
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (await kubernetes.GetAsync<CacheBackup>(key.Namespace, key.Name, ct).ConfigureAwait(false) is not { } backup)
        {
            return Outcome.Done;
        }

        if (backup.Metadata.DeletionTimestamp is not null)
        {
            return await DeleteFilesAsync(backup, ct).ConfigureAwait(false);
        }

        if (await OwnFilesAsync(backup, ct).ConfigureAwait(false))
        {
            return Outcome.After(TimeSpan.Zero);
        }

        return backup.Status?.Phase switch
        {
            "Completed" or "Failed" => Outcome.Done,
            "Running" => await RunAsync(backup, ct).ConfigureAwait(false),
            _ => await BeginAsync(backup, ct).ConfigureAwait(false),
        };
    }

    private async Task<Outcome> BeginAsync(CacheBackup backup, CancellationToken ct)
    {
        var cluster = await ClusterAsync(backup, ct).ConfigureAwait(false);
        if (cluster is null)
        {
            return await FailAsync(backup, $"CacheCluster {backup.Spec.ClusterRef.Name} does not exist", ct).ConfigureAwait(false);
        }

        if (cluster.Status?.Bootstrap?.Completed != true)
        {
            backup.Status = new CacheBackupStatus { Phase = "Pending", Error = $"CacheCluster {cluster.Metadata.Name} was not started yet" };
            await WriteAsync(backup, ct).ConfigureAwait(false);
            return Outcome.After(TimeSpan.FromSeconds(5));
        }

        backup.Status = new CacheBackupStatus
        {
            Phase = "Running",
            BackupID = $"{cluster.Metadata.Uid}/{backup.Metadata.Name}-{backup.Metadata.Uid![..8]}",
            StartedAt = clock.GetUtcNow(),
        };
        await WriteAsync(backup, ct).ConfigureAwait(false);
        events.Normal(backup, "Started", "slot moves are held while the backup runs");
        return Outcome.After(TimeSpan.FromMilliseconds(100));
    }

    private async Task<Outcome> RunAsync(CacheBackup backup, CancellationToken ct)
    {
        if (clock.GetUtcNow() - backup.Status!.StartedAt > TimeSpan.FromSeconds(backup.Spec.DeadlineSeconds))
        {
            await kubernetes.DeleteAsync<V1Job>(backup.Metadata.Namespace, BackupJob.NameOf(backup), new DeleteOptions { Propagation = "Background" }, ct).ConfigureAwait(false);
            return await FailAsync(backup, $"not finished within {backup.Spec.DeadlineSeconds} s", ct).ConfigureAwait(false);
        }

        if (await kubernetes.GetAsync<V1Job>(backup.Metadata.Namespace, BackupJob.NameOf(backup), ct).ConfigureAwait(false) is not { } job)
        {
            return await StartJobAsync(backup, ct).ConfigureAwait(false);
        }

        var end = job.Status?.Conditions?.Find(c => c is { Type: "Complete" or "Failed", Status: "True" });
        if (end is { Type: "Complete" })
        {
            return await CompleteAsync(backup, ct).ConfigureAwait(false);
        }

        if (end is not null)
        {
            return await FailAsync(backup, await ReasonAsync(backup, end, ct).ConfigureAwait(false), ct).ConfigureAwait(false);
        }

        return Outcome.After(TimeSpan.FromSeconds(2));
    }

    private async Task<Outcome> StartJobAsync(CacheBackup backup, CancellationToken ct)
    {
        if (await ClusterAsync(backup, ct).ConfigureAwait(false) is not { } cluster)
        {
            return await FailAsync(backup, $"CacheCluster {backup.Spec.ClusterRef.Name} does not exist", ct).ConfigureAwait(false);
        }

        var pods = (await kubernetes.ListAsync<V1Pod>(backup.Metadata.Namespace, Names.Selector(cluster.Metadata.Name!), ct).ConfigureAwait(false)).Items
            .Where(p => p.Status?.PodIP is { Length: > 0 } && p.Metadata.DeletionTimestamp is null).OrderBy(p => p.Metadata.Name, StringComparer.Ordinal).ToList();
        var auth = await AuthPlan.ReadAsync(kubernetes, cluster, ct).ConfigureAwait(false);
        var seeds = new List<string>();
        foreach (var pod in pods)
        {
            var address = new NodeAddress(pod.Status!.PodIP!, Names.ClientPort);
            nodes.UsePasswords(address, auth.Candidates);
            try
            {
                var report = await nodes.ReportAsync(address, [], ct).ConfigureAwait(false);
                if (report.Tasks.Any(t => t.IsRunning))
                {
                    return Outcome.After(Soon); // the moves under way end first
                }

                seeds.Add(address.ToString());
            }
            catch (Exception e) when (e is IOException or TimeoutException or RespException)
            {
                // the worker needs one node per shard, not all
            }
        }

        if (seeds.Count == 0)
        {
            return Outcome.RetryBecause("no node of the cluster answers");
        }

        try
        {
            await kubernetes.CreateAsync(BackupJob.Build(backup, cluster, backup.Status!.BackupID!, seeds, images), ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // ours from an earlier pass
        }

        backup.Status!.Job = BackupJob.NameOf(backup);
        await WriteAsync(backup, ct).ConfigureAwait(false);
        return Outcome.After(Soon);
    }

    private async Task<Outcome> CompleteAsync(CacheBackup backup, CancellationToken ct)
    {
        var status = backup.Status!;
        try
        {
            await using var store = await BackupStore.OpenAsync(backup.Spec.ObjectStore, kubernetes, backup.Metadata.Namespace!, ct).ConfigureAwait(false);
            if (await BackupManifest.ReadAsync(store, status.BackupID!, ct).ConfigureAwait(false) is { } manifest)
            {
                status.Epoch = manifest.Epoch;
                status.Bytes = manifest.Shards.Sum(s => s.Bytes);
                status.Size = Readable(status.Bytes.Value);
                status.Shards = [.. manifest.Shards.Select(s => new BackupShardStatus
                {
                    Index = s.Index, NodeId = s.NodeId, Slots = s.Slots, Bytes = s.Bytes, Sha256 = s.Sha256, Offset = s.Offset,
                })];
            }
            else if (backup.Spec.ObjectStore.ClaimName is null)
            {
                return await FailAsync(backup, "the job ended well but its manifest is not in the store", ct).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or FormatException or HttpRequestException
            or Amazon.Runtime.AmazonClientException)
        {
            // The job wrote the manifest, or it would have failed; that we cannot read it here only costs the details.
            events.Warning(backup, "ManifestUnread", e.Message);
        }

        status.Phase = "Completed";
        status.StoppedAt = clock.GetUtcNow();
        status.Error = null;
        await WriteAsync(backup, ct).ConfigureAwait(false);
        events.Normal(backup, "Completed", $"backup {status.BackupID} is complete");
        return Outcome.Done;
    }

    private async Task<string> ReasonAsync(CacheBackup backup, V1JobCondition end, CancellationToken ct)
    {
        var pods = await kubernetes.ListAsync<V1Pod>(backup.Metadata.Namespace, $"{Names.BackupLabel}={backup.Metadata.Name}", ct).ConfigureAwait(false);
        var dead = pods.Items.OrderByDescending(p => p.Metadata.CreationTimestamp)
            .SelectMany(p => p.Status?.ContainerStatuses ?? []).Select(c => c.State?.Terminated).FirstOrDefault(t => t is { ExitCode: not 0 });
        return dead is null ? $"{end.Reason}: {end.Message}" : $"worker exited with {dead.ExitCode}: {(dead.Message ?? end.Message ?? "").Trim()}";
    }

    private async Task<Outcome> FailAsync(CacheBackup backup, string why, CancellationToken ct)
    {
        backup.Status ??= new CacheBackupStatus();
        backup.Status.Phase = "Failed";
        backup.Status.Error = why;
        backup.Status.StoppedAt = clock.GetUtcNow();
        await WriteAsync(backup, ct).ConfigureAwait(false);
        events.Warning(backup, "Failed", why);
        return Outcome.Done;
    }

    // Files that are to go with the object need a finalizer before the first of them is written.
    private async Task<bool> OwnFilesAsync(CacheBackup backup, CancellationToken ct)
    {
        var has = backup.Metadata.Finalizers?.Contains(Names.BackupFinalizer) == true;
        if (has == (backup.Spec.DeletionPolicy == "Delete"))
        {
            return false;
        }

        await SetFinalizerAsync(backup, !has, ct).ConfigureAwait(false);
        return true;
    }

    private async Task<Outcome> DeleteFilesAsync(CacheBackup backup, CancellationToken ct)
    {
        if (backup.Metadata.Finalizers?.Contains(Names.BackupFinalizer) != true)
        {
            return Outcome.Done;
        }

        if (backup.Status?.BackupID is { } id)
        {
            await kubernetes.DeleteAsync<V1Job>(backup.Metadata.Namespace, BackupJob.NameOf(backup), new DeleteOptions { Propagation = "Background" }, ct).ConfigureAwait(false);
            try
            {
                await using var store = await BackupStore.OpenAsync(backup.Spec.ObjectStore, kubernetes, backup.Metadata.Namespace!, ct).ConfigureAwait(false);
                await store.DeleteFolderAsync(id, ct).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException or Amazon.Runtime.AmazonClientException)
            {
                events.Warning(backup, "FilesNotDeleted", e.Message);
                return Outcome.RetryBecause(e.Message);
            }
        }

        await SetFinalizerAsync(backup, false, ct).ConfigureAwait(false);
        return Outcome.Done;
    }

    private Task SetFinalizerAsync(CacheBackup backup, bool set, CancellationToken ct)
    {
        var finalizers = (backup.Metadata.Finalizers ?? []).Where(f => f != Names.BackupFinalizer).ToList();
        if (set)
        {
            finalizers.Add(Names.BackupFinalizer);
        }

        return kubernetes.PatchAsync<CacheBackup>(backup.Metadata.Namespace, backup.Metadata.Name!,
            Patch.Merge(new { metadata = new { resourceVersion = backup.Metadata.ResourceVersion, finalizers } }), ct: ct);
    }

    private async Task WriteAsync(CacheBackup backup, CancellationToken ct)
    {
        var status = backup.Status!;
        status.ObservedGeneration = backup.Metadata.Generation;
        status.Conditions ??= [];
        Conditions.Set(status.Conditions, "Ready", status.Phase switch { "Completed" => true, "Failed" => false, _ => null },
            status.Phase!, status.Error ?? $"backup is {status.Phase}", backup.Metadata.Generation, clock.GetUtcNow());
        backup.Metadata.ResourceVersion = (await kubernetes.ReplaceStatusAsync(backup, ct).ConfigureAwait(false)).Metadata.ResourceVersion;
    }

    private Task<CacheCluster?> ClusterAsync(CacheBackup backup, CancellationToken ct) =>
        kubernetes.GetAsync<CacheCluster>(backup.Metadata.Namespace, backup.Spec.ClusterRef.Name, ct);

    private static string Readable(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return value.ToString(unit == 0 ? "0" : "0.0", System.Globalization.CultureInfo.InvariantCulture) + units[unit];
    }
}
