// A cluster is started once. Slots are assigned only while no node of any answer owns them, so this rule cannot touch a
// cluster that has lived: slots of dead nodes stay theirs in everybody's view. Latched in status, stamped in the nodes.
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters.Rules;

internal static class Bootstrap
{
    public static Step? Next(Observation seen)
    {
        if (seen.View.AssignedSlots == HashSlot.Count)
        {
            return null;
        }

        if (seen.IsBootstrapped && !IsBlankAndEphemeral(seen))
        {
            return null; // lost slots are reported, never handed out again
        }

        if (!AllAnswer(seen))
        {
            var silent = seen.Members.Where(m => m.Shard < seen.WantedShards && !m.Answers).ToList();
            return new Step.Wait
            {
                Why = $"waiting for {silent.Count} of {seen.Members.Count(m => m.Shard < seen.WantedShards)} nodes: {WaitForNodes.Describe(silent[0])}",
                Operation = "Bootstrap",
                LookAgain = TimeSpan.FromMilliseconds(500),
            };
        }

        return Assign(seen);
    }

    /// <summary>Every node of every wanted shard answers and has read its files.</summary>
    public static bool AllAnswer(Observation seen) =>
        seen.Members.Where(m => m.Shard < seen.WantedShards).All(m => m.Answers && !m.Report!.IsLoading) && seen.Members.Count > 0;

    /// <summary>The slots shard <paramref name="shard"/> starts with.</summary>
    public static SlotSet Share(Observation seen, int shard) =>
        seen.Restore is { } restore ? restore.Shards[shard] : SlotSet.Of(SlotTargets.Initial(seen.WantedShards)[shard]);

    private static Step Assign(Observation seen)
    {
        var ids = seen.Members.Where(m => m.Shard < seen.WantedShards).Select(m => m.Report!.Id).ToList();
        if (seen.Members.Where(m => m.Shard < seen.WantedShards).Any(m => ids.Exists(id => m.Report!.Answer.About(id) is null)))
        {
            return new Step.Wait { Why = "waiting until every node knows every other", Operation = "Bootstrap", LookAgain = TimeSpan.FromMilliseconds(300) };
        }

        var shares = new List<(Member, SlotSet)>();
        var free = seen.View.Unassigned();
        for (var shard = 0; shard < seen.WantedShards; shard++)
        {
            var share = Share(seen, shard);
            if (seen.PrimaryOf(shard) is not { } primary)
            {
                return new Step.Wait { Why = $"shard {shard} has no primary yet", Operation = "Bootstrap" };
            }

            var strange = share.Except(free).Except(seen.View.SlotsOf(primary.Report!.Id));
            if (!strange.IsEmpty)
            {
                return new Step.Refuse("SlotsOwnedElsewhere")
                {
                    Why = $"slots {strange} of shard {shard} belong to another node: this is not a new cluster",
                    LookAgain = TimeSpan.FromSeconds(10),
                };
            }

            var missing = share.Intersect(free);
            if (!missing.IsEmpty)
            {
                shares.Add((primary, missing));
            }
        }

        return shares.Count == 0
            ? new Step.Wait { Why = "waiting until every node has heard who owns the slots", Operation = "Bootstrap", LookAgain = TimeSpan.FromMilliseconds(300) }
            : new Step.AssignSlots(shares) { Why = "assigning slots", Operation = "Bootstrap", LookAgain = TimeSpan.FromMilliseconds(300) };
    }

    // Without volumes, a cluster whose pods all went at once has nothing left to protect: it starts anew.
    private static bool IsBlankAndEphemeral(Observation seen) =>
        !StatefulSets.IsPersistent(seen.Spec) && seen.View.AssignedSlots == 0 && AllAnswer(seen)
        && seen.Members.All(m => m.Report!.Keys == 0 && m.Report.Answer.Lines.All(l => l.Slots.IsEmpty));
}
