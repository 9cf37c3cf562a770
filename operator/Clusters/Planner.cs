// From observation to at most one step: an ordered list of pure rules, the first that answers wins. Order is precedence:
// repair before change, finish before begin, shrink before grow, memory before templates.
using Shoal.Operator.Clusters.Rules;

namespace Shoal.Operator.Clusters;

/// <summary>Decides what to do next.</summary>
public static class Planner
{
    private static readonly Func<Observation, Step?>[] Rules =
    [
        HealNodes.Meet,             // addresses follow pods, by node id
        HealNodes.Attach,           // every member follows its shard's primary
        RefuseSpec.Next,            // a spec that cannot be carried out, or is paused: stop here
        ApplyObjects.Next,          // Services, ConfigMap, StatefulSets, budgets
        Hibernate.Next,             // no pods wanted: nothing below applies
        ApplyPassword.Next,         // a new password, on running nodes
        GrowVolumes.Next,
        Bootstrap.Next,             // once
        HealNodes.Forget,           // members that are gone for good
        CloseSlots.Next,            // left open by a reshard that died
        RemoveShards.Next,          // empty shards, seen empty twice
        MoveSlots.Next,             // drain and balance
        ResizeNodes.Next,           // memory and live settings
        RollNodes.Next,             // new templates, one pod at a time
        WaitForNodes.Next,          // nothing to do but wait
    ];

    /// <summary>The next step.</summary>
    public static Step Next(Observation seen)
    {
        foreach (var rule in Rules)
        {
            if (rule(seen) is { } step)
            {
                return step;
            }
        }

        return new Step.Nothing { Why = "everything is as asked for", LookAgain = TimeSpan.FromSeconds(10) };
    }
}
