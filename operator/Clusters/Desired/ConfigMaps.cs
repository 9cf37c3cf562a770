// The ConfigMap every node reads its directives from.
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

internal static class ConfigMaps
{
    public static V1ConfigMap Nodes(Observation seen, IReadOnlyDictionary<string, string> settings)
    {
        var map = new V1ConfigMap
        {
            Metadata = DesiredObjects.Metadata(seen, Names.Config(seen.Name), Names.Labels(seen.Cluster)),
            Data = new() { [NodeConfiguration.FileName] = NodeConfiguration.File(settings) },
        };
        map.Metadata.Annotations = new() { [Names.MaxMemory] = Observation.Text(seen.Memory.MaxBytes) };
        return map;
    }
}
