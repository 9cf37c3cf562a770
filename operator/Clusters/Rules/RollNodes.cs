// Pods made from an old template are replaced one at a time in the whole cluster: replicas first, then a replica takes over
// and the old primary is one too. Nothing is deleted while any other member is down, unlinked or still reading its files.
using Shoal.Operator.Clusters.Desired;

namespace Shoal.Operator.Clusters.Rules;

internal static class RollNodes
{
    // Redis's own limit of a coordinated failover is five seconds.
    private static readonly TimeSpan HandOverTime = TimeSpan.FromSeconds(7);

    public static Step? Next(Observation seen)
    {
        if (!seen.IsBootstrapped)
        {
            return null;
        }

        if (ReduceReplicas(seen) is { } handOver)
        {
            return handOver;
        }

        var hash = DesiredObjects.For(seen).TemplateHash;
        var outdated = seen.Members.Where(m => m.Pod is not null && !m.IsTerminating && NeedsNewPod(seen, m, hash)).ToList();
        if (outdated.Count == 0)
        {
            return null;
        }

        // A pod that never came up blocks nothing it could harm: it goes first, so that reverting a bad spec mends it.
        if (outdated.Find(m => !m.IsReady && m.Report is null && seen.Now - (m.Pod!.Metadata.CreationTimestamp ?? seen.Now) > TimeSpan.FromSeconds(10)) is { } stuck)
        {
            return Recreate(stuck, $"replacing {stuck.PodName}, which is not running and has an old template");
        }

        if (seen.Members.FirstOrDefault(m => !m.Answers || !m.IsReady || m.Report!.IsLoading || m.Report is { IsPrimary: false, IsLinked: false }) is { } missing)
        {
            return Blocked($"{outdated.Count} pods to replace, but {WaitForNodes.Describe(missing)}");
        }

        foreach (var shard in outdated.Select(m => m.Shard).Distinct().Order())
        {
            var inShard = outdated.Where(m => m.Shard == shard).ToList();
            if (inShard.Find(m => !m.Report!.IsPrimary) is { } replica)
            {
                return Recreate(replica, $"replacing replica {replica.PodName} ({outdated.Count} pods to go)");
            }

            return Primary(seen, inShard[0], hash, outdated.Count);
        }

        return null;
    }

    /// <summary>The pod is not what the template or the resources ask for, and cannot become so while it runs.</summary>
    public static bool NeedsNewPod(Observation seen, Member member, string hash) =>
        member.TemplateHash != hash || (ResizeNodes.NeedsNewPod(seen, member) && seen.Spec.Memory?.ResizePolicy != "InPlaceOnly");

    private static Step Primary(Observation seen, Member primary, string hash, int left)
    {
        var heir = seen.InShard(primary.Shard).Where(m => m != primary && m.Report is { IsPrimary: false, IsLinked: true })
            .OrderByDescending(m => m.TemplateHash == hash).ThenByDescending(m => m.Report!.Offset).ThenBy(m => m.Ordinal).FirstOrDefault();
        if (heir is not null)
        {
            return HandOver(seen, heir, $"{heir.PodName} takes over from {primary.PodName}, which is to be replaced ({left} pods to go)");
        }

        var keeps = StatefulSets.IsPersistent(seen.Spec)
            && (seen.Spec.Persistence?.Aof?.Enabled != false || seen.Spec.Persistence?.Rdb?.Save is { Count: > 0 });
        return keeps || primary.Report!.Keys == 0
            ? Recreate(primary, $"replacing {primary.PodName}, the only member of its shard; its volume keeps the data")
            : Blocked($"{primary.PodName} is the only member of its shard and keeps nothing on disk: add a replica or enable persistence");
    }

    // Fewer replicas wanted, but a primary sits on an ordinal that would go: hand over first.
    private static Step? ReduceReplicas(Observation seen)
    {
        foreach (var shard in seen.Shards.Keys.Order())
        {
            if (seen.PrimaryOf(shard) is { } primary && primary.Ordinal > seen.Spec.ReplicasPerShard
                && seen.InShard(shard).Where(m => m.Ordinal <= seen.Spec.ReplicasPerShard && m.Report is { IsPrimary: false, IsLinked: true })
                    .OrderByDescending(m => m.Report!.Offset).ThenBy(m => m.Ordinal).FirstOrDefault() is { } heir)
            {
                return HandOver(seen, heir, $"{heir.PodName} takes over from {primary.PodName}, which is one replica too many");
            }
        }

        return null;
    }

    // A hand-over asked for again begins again: give each the time the nodes grant it before repeating.
    private static Step HandOver(Observation seen, Member heir, string why)
    {
        var operation = seen.Cluster.Status?.Operation;
        var last = operation?.Phase == nameof(Step.Promote) ? operation : null;
        return last?.UpdatedAt is { } since && seen.Now - since < HandOverTime
            ? new Step.Wait { Why = why, Operation = "Update", Phase = nameof(Step.Promote), Attempt = last.Attempt ?? 0, LookAgain = TimeSpan.FromMilliseconds(300) }
            : new Step.Promote(heir) { Why = why, Operation = "Update", Attempt = last is null ? 0 : (last.Attempt ?? 0) + 1, LookAgain = TimeSpan.FromMilliseconds(300) };
    }

    private static Step.RecreatePod Recreate(Member member, string why) => new(member) { Why = why, Operation = "Update" };

    private static Step.Wait Blocked(string why) => new() { Why = why, Operation = "Update", Reason = "RollBlocked" };
}
