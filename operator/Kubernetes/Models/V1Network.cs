// Services and the endpoints behind them, and the policy that fences them.

namespace Shoal.Operator.Kubernetes.Models;

[KubernetesEntity("", "v1", "Service", "services")]
public sealed class V1Service : KubernetesObject
{
    public V1ServiceSpec? Spec { get; set; }
}

public sealed class V1ServiceSpec : OpenModel
{
    public string? Type { get; set; }

    /// <summary><c>None</c> for a headless service.</summary>
    public string? ClusterIP { get; set; }

    public Dictionary<string, string>? Selector { get; set; }
    public List<V1ServicePort>? Ports { get; set; }
    public bool? PublishNotReadyAddresses { get; set; }
    public string? SessionAffinity { get; set; }
    public string? ExternalTrafficPolicy { get; set; }
    public string? ExternalName { get; set; }
    public string? LoadBalancerClass { get; set; }
}

public sealed class V1ServicePort : OpenModel
{
    public string? Name { get; set; }
    public int Port { get; set; }
    public IntOrString? TargetPort { get; set; }
    public int? NodePort { get; set; }
    public string? Protocol { get; set; }
    public string? AppProtocol { get; set; }
}

[KubernetesEntity("", "v1", "Endpoints", "endpoints")]
public sealed class V1Endpoints : KubernetesObject
{
    public List<V1EndpointSubset>? Subsets { get; set; }
}

public sealed class V1EndpointSubset : OpenModel
{
    public List<V1EndpointAddress>? Addresses { get; set; }
    public List<V1EndpointAddress>? NotReadyAddresses { get; set; }
    public List<V1EndpointPort>? Ports { get; set; }
}

public sealed class V1EndpointAddress : OpenModel
{
    public string Ip { get; set; } = "";
    public string? Hostname { get; set; }
    public string? NodeName { get; set; }
    public V1ObjectReference? TargetRef { get; set; }
}

public sealed class V1EndpointPort : OpenModel
{
    public string? Name { get; set; }
    public int? Port { get; set; }
    public string? Protocol { get; set; }
}

[KubernetesEntity("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")]
public sealed class V1EndpointSlice : KubernetesObject
{
    public string AddressType { get; set; } = "IPv4";
    public List<V1Endpoint> Endpoints { get; set; } = [];
    public List<V1EndpointPort>? Ports { get; set; }
}

public sealed class V1Endpoint : OpenModel
{
    public List<string> Addresses { get; set; } = [];
    public V1EndpointConditions? Conditions { get; set; }
    public string? Hostname { get; set; }
    public string? NodeName { get; set; }
    public V1ObjectReference? TargetRef { get; set; }
}

public sealed class V1EndpointConditions : OpenModel
{
    public bool? Ready { get; set; }
    public bool? Serving { get; set; }
    public bool? Terminating { get; set; }
}

[KubernetesEntity("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")]
public sealed class V1NetworkPolicy : KubernetesObject
{
    public V1NetworkPolicySpec? Spec { get; set; }
}

public sealed class V1NetworkPolicySpec : OpenModel
{
    public V1LabelSelector PodSelector { get; set; } = new();
    public List<V1NetworkPolicyIngressRule>? Ingress { get; set; }
    public List<string>? PolicyTypes { get; set; }
}

public sealed class V1NetworkPolicyIngressRule : OpenModel
{
    public List<V1NetworkPolicyPeer>? From { get; set; }
    public List<V1NetworkPolicyPort>? Ports { get; set; }
}

public sealed class V1NetworkPolicyPeer : OpenModel
{
    public V1LabelSelector? PodSelector { get; set; }
    public V1LabelSelector? NamespaceSelector { get; set; }
}

public sealed class V1NetworkPolicyPort : OpenModel
{
    public string? Protocol { get; set; }
    public IntOrString? Port { get; set; }
}
