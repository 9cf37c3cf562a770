// A cluster that sleeps: StatefulSets without replicas, volumes kept. Pods stop the orderly way, once no slot is on its way; from
// then on nothing is asked of nodes that are not there. Identity and data are on the volumes, so waking is all pods coming back.
namespace Shoal.Operator.Clusters.Rules;

internal static class Hibernate
{
    /// <summary>The cluster is to have no pods now.</summary>
    public static bool IsDue(Observation seen) => seen.Spec.Hibernated && seen.IsBootstrapped && seen.RunningTasks.Count == 0 && seen.RunningBackup is null;

    public static Step? Next(Observation seen)
    {
        if (!seen.Spec.Hibernated || !seen.IsBootstrapped)
        {
            return null;
        }

        var pods = seen.Members.Count(m => m.Pod is not null);
        return pods == 0
            ? new Step.Refuse("Hibernated") { Why = "spec.hibernated is true: every pod is stopped, the volumes are kept", LookAgain = TimeSpan.FromSeconds(10) }
            : new Step.Wait
            {
                Why = IsDue(seen) ? $"stopping {pods} pods" : seen.RunningBackup is { } backup ? $"stopping after backup {backup}" : "stopping once the slots under way have arrived",
                Operation = "Hibernate",
            };
    }
}
