// Objects that are missing or not as we last built them; volumes whose owner does not match the reclaim policy.
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Rules;

internal static class ApplyObjects
{
    public static Step? Next(Observation seen)
    {
        var desired = DesiredObjects.For(seen);
        var missing = desired.Shared.Where(o => DesiredObjects.Differs(o, seen.Objects.GetValueOrDefault(o.Kind + "/" + o.Metadata.Name))).ToList();
        missing.AddRange(desired.Shards.Where(s => DesiredObjects.Differs(s.Value, seen.Shards.GetValueOrDefault(s.Key))).Select(s => s.Value));
        if (missing.Count > 0)
        {
            return new Step.ApplyObjects(missing)
            {
                Why = "applying " + string.Join(", ", missing.Select(o => $"{o.Kind} {o.Metadata.Name}")),
                LookAgain = TimeSpan.FromMilliseconds(300),
            };
        }

        var own = seen.Spec.Storage?.ReclaimPolicy == "Delete";
        var wrong = seen.Volumes.Where(v => v.Metadata.DeletionTimestamp is null && IsOwned(v, seen) != own).ToList();
        return wrong.Count == 0 ? null : new Step.OwnVolumes(wrong, own)
        {
            Why = own ? "volumes go with the cluster" : "volumes stay when the cluster goes",
            LookAgain = TimeSpan.FromMilliseconds(300),
        };
    }

    private static bool IsOwned(V1PersistentVolumeClaim volume, Observation seen) =>
        volume.Metadata.OwnerReferences?.Exists(o => o.Uid == seen.Cluster.Metadata.Uid) == true;
}
