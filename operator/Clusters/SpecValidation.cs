// The rules of the CRD once more, for API servers that do not check CEL, and those no schema can say because they compare
// with what exists. Each finding names the field and the rule.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Clusters;

/// <summary>Checks a spec.</summary>
public static class SpecValidation
{
    /// <summary>What is wrong with the spec; empty when it can be carried out.</summary>
    public static IReadOnlyList<string> Errors(Observation seen)
    {
        var spec = seen.Spec;
        var errors = new List<string>();
        if (spec.Mode != "Cluster")
        {
            errors.Add($"spec.mode: '{spec.Mode}' is not supported, must be Cluster");
        }

        if (spec.Shards is < 1 or 2 or > 500)
        {
            errors.Add($"spec.shards: {spec.Shards} is refused, must be 1 or at least 3 (two shards have no majority when one fails)");
        }

        if (spec.ReplicasPerShard is < 0 or > 5)
        {
            errors.Add($"spec.replicasPerShard: {spec.ReplicasPerShard} is refused, must be 0 to 5");
        }

        if (seen.Name.Length > 40)
        {
            errors.Add("metadata.name: may be at most 40 characters, pod names are derived from it");
        }

        foreach (var name in (spec.Config ?? []).Keys.Where(NodeConfiguration.Reserved.Contains).Order(StringComparer.Ordinal))
        {
            errors.Add($"spec.config: {name} is the operator's own directive");
        }

        if (spec.Auth is { Enabled: true } auth && (auth.DefaultUserSecretRef is null || auth.DefaultUserSecretRef.Name == Names.Passwords(seen.Name)))
        {
            errors.Add($"spec.auth.defaultUserSecretRef: must name a Secret of yours (not {Names.Passwords(seen.Name)}, which is the operator's)");
        }

        if (spec.Hibernated && !StatefulSets.IsPersistent(spec))
        {
            errors.Add("spec.hibernated: needs spec.storage.type PersistentVolume, without volumes the data would be lost");
        }

        CheckMemory(spec, errors);
        CheckStorage(seen, errors);
        if (spec.Bootstrap?.Restore is { } restore && (restore.BackupRef is null) == (restore.ObjectStore is null))
        {
            errors.Add("spec.bootstrap.restore: takes backupRef, or objectStore with backupID");
        }

        return errors;
    }

    private static void CheckMemory(CacheClusterSpec spec, List<string> errors)
    {
        foreach (var (list, amounts) in new[] { ("limits", spec.Resources?.Limits), ("requests", spec.Resources?.Requests) })
        {
            foreach (var (name, amount) in amounts ?? [])
            {
                if (!Quantity.TryParse(amount.Text, out var value) || value <= 0)
                {
                    errors.Add($"spec.resources.{list}.{name}: '{amount.Text}' must be a quantity greater than zero");
                }
            }
        }

        if (spec.Memory?.MaxMemory is not { } text)
        {
            return;
        }

        if (!Quantity.TryParse(text, out var max) || max <= 0)
        {
            errors.Add($"spec.memory.maxMemory: '{text}' must be a quantity greater than zero");
        }
        else if (spec.Resources?.Limits is { } limits && limits.TryGetValue("memory", out var limit)
            && Quantity.TryParse(limit.Text, out var allowed) && max >= allowed)
        {
            errors.Add($"spec.memory.maxMemory: {text} must be below spec.resources.limits.memory, which is {limit.Text}");
        }
    }

    private static void CheckStorage(Observation seen, List<string> errors)
    {
        if (!StatefulSets.IsPersistent(seen.Spec))
        {
            return;
        }

        var asked = seen.Spec.Storage?.Size ?? "1Gi";
        if (!Quantity.TryParse(asked, out var size) || size <= 0)
        {
            errors.Add($"spec.storage.size: '{asked}' must be a quantity greater than zero");
            return;
        }

        foreach (var set in seen.Shards.Values)
        {
            if (StatefulSets.ClaimSize(set) is { } have && Quantity.TryParse(have, out var bytes) && size < bytes)
            {
                errors.Add($"spec.storage.size: {asked} is smaller than the {have} in use, a volume can only grow");
                break;
            }
        }

        var wanted = seen.Spec.Storage?.StorageClassName;
        var used = seen.Shards.Values.Select(s => s.Spec?.VolumeClaimTemplates?.FirstOrDefault()?.Spec?.StorageClassName).FirstOrDefault(c => c is not null);
        if (used is not null && wanted is not null && used != wanted)
        {
            errors.Add($"spec.storage.storageClassName: is immutable, the volumes use {used}");
        }
    }
}
