// Volumes grow first and independent of health: the claims themselves, then the set's claim template, which cannot be
// changed, so the set is deleted without its pods and made again.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Rules;

internal static class GrowVolumes
{
    public static Step? Next(Observation seen)
    {
        if (!StatefulSets.IsPersistent(seen.Spec))
        {
            return null;
        }

        var size = Size(seen.Spec);
        var wanted = Quantity.Parse(size);
        var small = Alive(seen).Where(v => IsSmaller(v.Spec?.Resources?.Requests, wanted)).ToList();
        if (small.Count > 0)
        {
            return new Step.GrowVolumes(small, size) { Why = $"growing {small.Count} volumes to {size}", Operation = "Resize" };
        }

        var outdated = seen.Shards.Values.FirstOrDefault(s => StatefulSets.ClaimSize(s) is { } have && Quantity.Parse(have) < wanted);
        if (outdated?.Metadata.DeletionTimestamp is not null)
        {
            return new Step.Wait { Why = $"waiting until {outdated.Metadata.Name} is gone, to make it again", Operation = "Resize", LookAgain = TimeSpan.FromMilliseconds(300) };
        }

        return outdated is null ? null : new Step.ReplaceShardSet(outdated)
        {
            Why = $"replacing {outdated.Metadata.Name}, whose claim template is smaller than {size}; its pods stay",
            Operation = "Resize",
        };
    }

    /// <summary>The size asked for.</summary>
    public static string Size(CacheClusterSpec spec) => spec.Storage?.Size ?? "1Gi";

    /// <summary>Volumes that are smaller than asked for, by their claim or as they really are.</summary>
    public static IReadOnlyList<V1PersistentVolumeClaim> Unfinished(Observation seen) => Quantity.TryParse(Size(seen.Spec), out var wanted)
        ? [.. Alive(seen).Where(v => IsSmaller(v.Spec?.Resources?.Requests, wanted) || IsSmaller(v.Status?.Capacity, wanted))]
        : [];

    private static IEnumerable<V1PersistentVolumeClaim> Alive(Observation seen) => seen.Volumes.Where(v => v.Metadata.DeletionTimestamp is null);

    private static bool IsSmaller(Dictionary<string, string>? amounts, decimal wanted) =>
        amounts?.GetValueOrDefault("storage") is { } have && Quantity.Parse(have) < wanted;
}
