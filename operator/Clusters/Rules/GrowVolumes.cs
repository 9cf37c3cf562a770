// Volumes grow first and independent of health: the claims themselves, then the set's claim template, which cannot be
// changed, so the set is deleted without its pods and made again.
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Clusters.Rules;

internal static class GrowVolumes
{
    public static Step? Next(Observation seen)
    {
        if (!StatefulSets.IsPersistent(seen.Spec))
        {
            return null;
        }

        var size = seen.Spec.Storage?.Size ?? "1Gi";
        var wanted = Quantity.Parse(size);
        var small = seen.Volumes.Where(v => v.Metadata.DeletionTimestamp is null
            && v.Spec?.Resources?.Requests?.GetValueOrDefault("storage") is { } have && Quantity.Parse(have) < wanted).ToList();
        if (small.Count > 0)
        {
            return new Step.GrowVolumes(small, size) { Why = $"growing {small.Count} volumes to {size}", Operation = "Resize" };
        }

        var outdated = seen.Shards.Values.FirstOrDefault(s =>
            s.Metadata.DeletionTimestamp is null && StatefulSets.ClaimSize(s) is { } have && Quantity.Parse(have) < wanted);
        return outdated is null ? null : new Step.ReplaceShardSet(outdated)
        {
            Why = $"replacing {outdated.Metadata.Name}, whose claim template is smaller than {size}; its pods stay",
            Operation = "Resize",
        };
    }
}
