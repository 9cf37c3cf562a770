// Pods: spec and status, as far as the operator writes them and the pod runner obeys them.

namespace Shoal.Operator.Kubernetes.Models;

[KubernetesEntity("", "v1", "Pod", "pods")]
public sealed class V1Pod : KubernetesObject
{
    public V1PodSpec? Spec { get; set; }
    public V1PodStatus? Status { get; set; }
}

public sealed class V1PodTemplateSpec : OpenModel
{
    public V1ObjectMeta? Metadata { get; set; }
    public V1PodSpec? Spec { get; set; }
}

public sealed class V1PodSpec : OpenModel
{
    public List<V1Volume>? Volumes { get; set; }
    public List<V1Container>? InitContainers { get; set; }
    public List<V1Container> Containers { get; set; } = [];

    /// <summary><c>Always</c> (default), <c>OnFailure</c> or <c>Never</c>.</summary>
    public string? RestartPolicy { get; set; }

    public long? TerminationGracePeriodSeconds { get; set; }
    public long? ActiveDeadlineSeconds { get; set; }
    public string? DnsPolicy { get; set; }
    public Dictionary<string, string>? NodeSelector { get; set; }
    public string? ServiceAccountName { get; set; }
    public bool? AutomountServiceAccountToken { get; set; }
    public string? NodeName { get; set; }
    public bool? HostNetwork { get; set; }
    public V1PodSecurityContext? SecurityContext { get; set; }
    public List<V1LocalObjectReference>? ImagePullSecrets { get; set; }
    public string? Hostname { get; set; }
    public string? Subdomain { get; set; }
    public V1Affinity? Affinity { get; set; }
    public string? SchedulerName { get; set; }
    public List<V1Toleration>? Tolerations { get; set; }
    public string? PriorityClassName { get; set; }
    public List<V1PodReadinessGate>? ReadinessGates { get; set; }
    public bool? EnableServiceLinks { get; set; }
    public List<V1TopologySpreadConstraint>? TopologySpreadConstraints { get; set; }
}

public sealed class V1PodReadinessGate : OpenModel
{
    public string ConditionType { get; set; } = "";
}

public sealed class V1PodSecurityContext : OpenModel
{
    public long? RunAsUser { get; set; }
    public long? RunAsGroup { get; set; }
    public bool? RunAsNonRoot { get; set; }
    public long? FsGroup { get; set; }
    public string? FsGroupChangePolicy { get; set; }
    public V1SeccompProfile? SeccompProfile { get; set; }
}

public sealed class V1SeccompProfile : OpenModel
{
    public string Type { get; set; } = "";
}

public sealed class V1LocalObjectReference : OpenModel
{
    public string? Name { get; set; }
}

public sealed class V1Toleration : OpenModel
{
    public string? Key { get; set; }
    public string? Operator { get; set; }
    public string? Value { get; set; }
    public string? Effect { get; set; }
    public long? TolerationSeconds { get; set; }
}

public sealed class V1TopologySpreadConstraint : OpenModel
{
    public int MaxSkew { get; set; }
    public string TopologyKey { get; set; } = "";
    public string WhenUnsatisfiable { get; set; } = "";
    public V1LabelSelector? LabelSelector { get; set; }
}

public sealed class V1Affinity : OpenModel
{
    public V1PodAffinity? PodAffinity { get; set; }
    public V1PodAffinity? PodAntiAffinity { get; set; }
}

/// <summary>Pod affinity and anti-affinity have the same members.</summary>
public sealed class V1PodAffinity : OpenModel
{
    public List<V1PodAffinityTerm>? RequiredDuringSchedulingIgnoredDuringExecution { get; set; }
    public List<V1WeightedPodAffinityTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; set; }
}

public sealed class V1PodAffinityTerm : OpenModel
{
    public V1LabelSelector? LabelSelector { get; set; }
    public List<string>? Namespaces { get; set; }
    public string TopologyKey { get; set; } = "";
}

public sealed class V1WeightedPodAffinityTerm : OpenModel
{
    public int Weight { get; set; }
    public V1PodAffinityTerm PodAffinityTerm { get; set; } = new();
}

public sealed class V1PodStatus : OpenModel
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; set; }

    public List<V1PodCondition>? Conditions { get; set; }
    public string? Message { get; set; }
    public string? Reason { get; set; }
    public string? NominatedNodeName { get; set; }
    public string? HostIP { get; set; }
    public string? PodIP { get; set; }
    public List<V1PodIP>? PodIPs { get; set; }
    public DateTimeOffset? StartTime { get; set; }
    public List<V1ContainerStatus>? InitContainerStatuses { get; set; }
    public List<V1ContainerStatus>? ContainerStatuses { get; set; }
    public string? QosClass { get; set; }

    /// <summary>In-place resize as 1.27-1.32 reported it; later servers use conditions PodResizePending and PodResizeInProgress.</summary>
    public string? Resize { get; set; }

    public long? ObservedGeneration { get; set; }
}

public sealed class V1PodIP : OpenModel
{
    public string? Ip { get; set; }
}

public sealed class V1PodCondition : OpenModel
{
    public string Type { get; set; } = "";
    public string Status { get; set; } = "";
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public DateTimeOffset? LastProbeTime { get; set; }
    public DateTimeOffset? LastTransitionTime { get; set; }
    public long? ObservedGeneration { get; set; }
}

public sealed class V1ContainerStatus : OpenModel
{
    public string Name { get; set; } = "";
    public V1ContainerState? State { get; set; }
    public V1ContainerState? LastState { get; set; }
    public bool Ready { get; set; }
    public int RestartCount { get; set; }
    public string Image { get; set; } = "";

    /// <summary>Required by the API server, so never null.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("imageID")]
    public string ImageId { get; set; } = "";

    [System.Text.Json.Serialization.JsonPropertyName("containerID")]
    public string? ContainerId { get; set; }

    public bool? Started { get; set; }
    public Dictionary<string, string>? AllocatedResources { get; set; }
    public V1ResourceRequirements? Resources { get; set; }
}

public sealed class V1ContainerState : OpenModel
{
    public V1ContainerStateWaiting? Waiting { get; set; }
    public V1ContainerStateRunning? Running { get; set; }
    public V1ContainerStateTerminated? Terminated { get; set; }
}

public sealed class V1ContainerStateWaiting : OpenModel
{
    public string? Reason { get; set; }
    public string? Message { get; set; }
}

public sealed class V1ContainerStateRunning : OpenModel
{
    public DateTimeOffset? StartedAt { get; set; }
}

public sealed class V1ContainerStateTerminated : OpenModel
{
    public int ExitCode { get; set; }
    public int? Signal { get; set; }
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }

    [System.Text.Json.Serialization.JsonPropertyName("containerID")]
    public string? ContainerId { get; set; }
}
