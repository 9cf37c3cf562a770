// The remaining objects we read or write: ConfigMap, Secret, Namespace, Node, ServiceAccount, Lease, Scale, Binding.

using System.Text.Json.Serialization;

namespace Shoal.Operator.Kubernetes.Models;

[KubernetesEntity("", "v1", "ConfigMap", "configmaps")]
public sealed class V1ConfigMap : KubernetesObject
{
    public Dictionary<string, string>? Data { get; set; }
    public Dictionary<string, byte[]>? BinaryData { get; set; }
    public bool? Immutable { get; set; }
}

[KubernetesEntity("", "v1", "Secret", "secrets")]
public sealed class V1Secret : KubernetesObject
{
    /// <summary>Decoded bytes; base64 on the wire.</summary>
    public Dictionary<string, byte[]>? Data { get; set; }

    /// <summary>Write only: the server merges it into <see cref="Data"/>.</summary>
    public Dictionary<string, string>? StringData { get; set; }

    public string? Type { get; set; }
    public bool? Immutable { get; set; }
}

[KubernetesEntity("", "v1", "Namespace", "namespaces", Namespaced = false)]
public sealed class V1Namespace : KubernetesObject
{
    public V1NamespaceSpec? Spec { get; set; }
    public V1NamespaceStatus? Status { get; set; }
}

public sealed class V1NamespaceSpec : OpenModel
{
    public List<string>? Finalizers { get; set; }
}

public sealed class V1NamespaceStatus : OpenModel
{
    /// <summary><c>Active</c> or <c>Terminating</c>.</summary>
    public string? Phase { get; set; }
}

[KubernetesEntity("", "v1", "ServiceAccount", "serviceaccounts")]
public sealed class V1ServiceAccount : KubernetesObject;

[KubernetesEntity("", "v1", "Node", "nodes", Namespaced = false)]
public sealed class V1Node : KubernetesObject
{
    public V1NodeSpec? Spec { get; set; }
    public V1NodeStatus? Status { get; set; }
}

public sealed class V1NodeSpec : OpenModel
{
    [JsonPropertyName("providerID")]
    public string? ProviderId { get; set; }

    public bool? Unschedulable { get; set; }
    public List<V1Taint>? Taints { get; set; }
}

public sealed class V1Taint : OpenModel
{
    public string Key { get; set; } = "";
    public string? Value { get; set; }
    public string Effect { get; set; } = "";
}

public sealed class V1NodeStatus : OpenModel
{
    public Dictionary<string, string>? Capacity { get; set; }
    public Dictionary<string, string>? Allocatable { get; set; }
    public List<V1NodeCondition>? Conditions { get; set; }
    public List<V1NodeAddress>? Addresses { get; set; }
    public V1NodeSystem? NodeInfo { get; set; }
}

public sealed class V1NodeCondition : OpenModel
{
    public string Type { get; set; } = "";
    public string Status { get; set; } = "";
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public DateTimeOffset? LastHeartbeatTime { get; set; }
    public DateTimeOffset? LastTransitionTime { get; set; }
}

public sealed class V1NodeAddress : OpenModel
{
    public string Type { get; set; } = "";
    public string Address { get; set; } = "";
}

/// <summary>nodeInfo of a node's status; every member is required by the API server.</summary>
public sealed class V1NodeSystem : OpenModel
{
    [JsonPropertyName("machineID")]
    public string MachineId { get; set; } = "";

    [JsonPropertyName("systemUUID")]
    public string SystemUuid { get; set; } = "";

    [JsonPropertyName("bootID")]
    public string BootId { get; set; } = "";

    public string KernelVersion { get; set; } = "";
    public string OsImage { get; set; } = "";
    public string ContainerRuntimeVersion { get; set; } = "";
    public string KubeletVersion { get; set; } = "";
    public string KubeProxyVersion { get; set; } = "";
    public string OperatingSystem { get; set; } = "";
    public string Architecture { get; set; } = "";
}

[KubernetesEntity("coordination.k8s.io", "v1", "Lease", "leases")]
public sealed class V1Lease : KubernetesObject
{
    public V1LeaseSpec? Spec { get; set; }
}

public sealed class V1LeaseSpec : OpenModel
{
    public string? HolderIdentity { get; set; }
    public int? LeaseDurationSeconds { get; set; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; set; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; set; }

    public int? LeaseTransitions { get; set; }
}

public sealed class V1ObjectReference : OpenModel
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }

    [JsonPropertyName("namespace")]
    public string? Namespace { get; set; }

    public string? Name { get; set; }
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
    public string? FieldPath { get; set; }

    /// <summary>A reference to an object read from the server.</summary>
    public static V1ObjectReference To(IKubernetesObject o, string? fieldPath = null) => new()
    {
        ApiVersion = o.ApiVersion,
        Kind = o.Kind,
        Namespace = o.Metadata.Namespace,
        Name = o.Metadata.Name,
        Uid = o.Metadata.Uid,
        ResourceVersion = o.Metadata.ResourceVersion,
        FieldPath = fieldPath,
    };
}

/// <summary>Body of <c>pods/binding</c>.</summary>
[KubernetesEntity("", "v1", "Binding", "bindings")]
public sealed class V1Binding : KubernetesObject
{
    public V1ObjectReference Target { get; set; } = new();
}

/// <summary>The core v1 Event: what <c>kubectl describe</c> lists.</summary>
[KubernetesEntity("", "v1", "Event", "events")]
public sealed class V1Event : KubernetesObject
{
    public V1ObjectReference InvolvedObject { get; set; } = new();
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public V1EventSource? Source { get; set; }
    public DateTimeOffset? FirstTimestamp { get; set; }
    public DateTimeOffset? LastTimestamp { get; set; }
    public int? Count { get; set; }

    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public string? Type { get; set; }

    public string? ReportingComponent { get; set; }
    public string? ReportingInstance { get; set; }
}

public sealed class V1EventSource : OpenModel
{
    public string? Component { get; set; }
    public string? Host { get; set; }
}
