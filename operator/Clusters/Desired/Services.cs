// Two Services: a headless one that gives every pod a stable name (also before it is ready: nodes must find each other to
// become ready), and one for clients, who follow redirects from whichever node they reach first.
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

internal static class Services
{
    public static V1Service Headless(Observation seen)
    {
        var service = Build(seen, Names.Headless(seen.Name));
        service.Spec!.ClusterIP = "None";
        service.Spec.PublishNotReadyAddresses = true;
        service.Spec.Ports!.Add(new() { Name = "bus", Port = Names.BusPort, TargetPort = "bus", Protocol = "TCP" });
        return service;
    }

    public static V1Service Clients(Observation seen) => Build(seen, seen.Name);

    private static V1Service Build(Observation seen, string name) => new()
    {
        Metadata = DesiredObjects.Metadata(seen, name, Names.Labels(seen.Cluster)),
        Spec = new()
        {
            Selector = new() { [Names.ClusterLabel] = seen.Name },
            Ports = [new() { Name = "redis", Port = Names.ClientPort, TargetPort = "redis", Protocol = "TCP" }],
        },
    };
}
