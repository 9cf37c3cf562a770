// Shards above the wanted number go once nobody, in any view, gives them a slot: seen twice, five seconds apart, at the
// same epoch, with every survivor answering. Until then raising spec.shards simply turns the moves round.
using Shoal.Operator.Topology;

namespace Shoal.Operator.Clusters.Rules;

internal static class RemoveShards
{
    /// <summary>Time between the two looks.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);

    public static Step? Next(Observation seen)
    {
        var leaving = seen.Shards.Keys.Where(seen.IsLeaving).Order().ToList();
        if (leaving.Count == 0 || !seen.IsBootstrapped || seen.RunningTasks.Count > 0)
        {
            return null;
        }

        var survivors = seen.Members.Where(m => !seen.IsLeaving(m.Shard)).ToList();
        var survivorIds = survivors.Where(m => m.Report is not null).Select(m => m.Report!.Id).ToHashSet();
        var others = seen.View.Nodes.Keys.Where(id => !survivorIds.Contains(id)).Order(StringComparer.Ordinal).ToList();
        if (others.Any(id => !seen.View.SlotsOf(id).IsEmpty))
        {
            return null; // MoveSlots has work
        }

        var primaries = survivors.Where(m => m.Report?.IsPrimary == true).Select(m => m.Report!.Id).ToList();
        var obstacle = survivors.FirstOrDefault(m => !m.Answers) is { } silent
            ? $"{silent.PodName} does not answer"
            : Invariants.AgainstRemoval(seen.View, others, primaries) ?? Keys(seen, leaving);
        if (obstacle is not null)
        {
            return new Step.Wait { Why = "not removing shards yet: " + obstacle, Operation = "ScaleIn", Reason = "RemovalBlocked" };
        }

        var operation = seen.Cluster.Status?.Operation;
        var confirmed = operation?.EmptyAtEpoch == (long)seen.View.Epoch && operation.EmptySince is { } since && seen.Now - since >= Settle;
        var names = string.Join(", ", leaving.Select(s => Api.Names.Shard(seen.Name, s)));
        return confirmed
            ? new Step.RemoveShards(leaving, others) { Why = $"removing {names}", Operation = "ScaleIn" }
            : new Step.ConfirmEmpty(seen.View.Epoch) { Why = $"{names} own nothing, looking once more", Operation = "ScaleIn" };
    }

    private static string? Keys(Observation seen, List<int> leaving) =>
        seen.Members.FirstOrDefault(m => leaving.Contains(m.Shard) && m.Report is { IsPrimary: true, Keys: > 0 }) is { } full
            ? $"{full.PodName} still holds {full.Report!.Keys} keys"
            : null;
}
