// Finds the backup a new cluster is to start with, and says in words when it cannot be used: only a backup that is
// complete (its manifest was written, all shards and all slots are in it) is.
using System.Text.Json;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Backups;

/// <summary>Turns <c>spec.bootstrap.restore</c> into a plan.</summary>
public sealed class RestoreResolver(IKubernetes kubernetes)
{
    /// <summary>The plan, or why there is none.</summary>
    public async Task<(RestorePlan? Plan, string? Error)> ResolveAsync(CacheCluster cluster, CancellationToken ct)
    {
        var restore = cluster.Spec.Bootstrap!.Restore!;
        var ns = cluster.Metadata.Namespace!;
        try
        {
            if (restore.BackupRef is { } reference)
            {
                var backup = await kubernetes.GetAsync<CacheBackup>(ns, reference.Name, ct).ConfigureAwait(false);
                if (backup is null)
                {
                    return (null, $"CacheBackup {reference.Name} does not exist");
                }

                if (backup.Status is not { Phase: "Completed", BackupID: { } id } status)
                {
                    return (null, $"CacheBackup {reference.Name} is {backup.Status?.Phase ?? "Pending"}, not Completed");
                }

                return status.Shards is { Count: > 0 } shards
                    ? Plan(backup.Spec.ObjectStore, id, shards.OrderBy(s => s.Index).Select(s => s.Slots ?? ""))
                    : await FromManifestAsync(ns, backup.Spec.ObjectStore, id, ct).ConfigureAwait(false);
            }

            return await FromManifestAsync(ns, restore.ObjectStore!, restore.BackupID!, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or FormatException or HttpRequestException
            or Amazon.Runtime.AmazonClientException)
        {
            return (null, "the backup cannot be read: " + e.Message);
        }
    }

    private async Task<(RestorePlan?, string?)> FromManifestAsync(string ns, ObjectStoreSpec spec, string id, CancellationToken ct)
    {
        await using var store = await BackupStore.OpenAsync(spec, kubernetes, ns, ct).ConfigureAwait(false);
        var manifest = await BackupManifest.ReadAsync(store, id, ct).ConfigureAwait(false);
        return manifest is null
            ? (null, $"there is no complete backup {id}: its manifest is missing")
            : Plan(spec, id, manifest.Shards.OrderBy(s => s.Index).Select(s => s.Slots));
    }

    private static (RestorePlan?, string?) Plan(ObjectStoreSpec store, string id, IEnumerable<string> slots)
    {
        var shards = slots.Select(s => SlotSet.Of(s.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(SlotRange.Parse))).ToList();
        var covered = shards.Aggregate(SlotSet.Empty, (all, s) => all.Union(s));
        return covered.Count != HashSlot.Count || shards.Sum(s => s.Count) != HashSlot.Count
            ? (null, $"backup {id} covers {covered.Count} of {HashSlot.Count} slots")
            : (new RestorePlan(store, id, shards), null);
    }
}
