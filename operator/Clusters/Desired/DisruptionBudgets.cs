// One budget per shard: whoever drains machines may take one member of a shard at a time.
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

internal static class DisruptionBudgets
{
    public static V1PodDisruptionBudget Shard(Observation seen, int shard, ResourceType type) => new()
    {
        ApiVersion = type.ApiVersion,
        Metadata = DesiredObjects.Metadata(seen, Names.Shard(seen.Name, shard), Names.ShardLabels(seen.Cluster, shard)),
        Spec = new()
        {
            MaxUnavailable = 1,
            Selector = new()
            {
                MatchLabels = new() { [Names.ClusterLabel] = seen.Name, [Names.ShardLabel] = Observation.Text(shard) },
            },
        },
    };
}
