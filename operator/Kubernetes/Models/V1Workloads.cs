// What runs pods: StatefulSet, Deployment (read only), Job, and the revision and disruption objects beside them.

namespace Shoal.Operator.Kubernetes.Models;

[KubernetesEntity("apps", "v1", "StatefulSet", "statefulsets")]
public sealed class V1StatefulSet : KubernetesObject
{
    public V1StatefulSetSpec? Spec { get; set; }
    public V1StatefulSetStatus? Status { get; set; }
}

public sealed class V1StatefulSetSpec : OpenModel
{
    public int? Replicas { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public V1PodTemplateSpec? Template { get; set; }
    public List<V1PersistentVolumeClaim>? VolumeClaimTemplates { get; set; }
    public string? ServiceName { get; set; }

    /// <summary><c>OrderedReady</c> (default) or <c>Parallel</c>.</summary>
    public string? PodManagementPolicy { get; set; }

    public V1StatefulSetUpdateStrategy? UpdateStrategy { get; set; }
    public int? RevisionHistoryLimit { get; set; }
    public int? MinReadySeconds { get; set; }
    public V1StatefulSetClaimRetentionPolicy? PersistentVolumeClaimRetentionPolicy { get; set; }
    public V1StatefulSetOrdinals? Ordinals { get; set; }
}

public sealed class V1StatefulSetOrdinals : OpenModel
{
    public int? Start { get; set; }
}

public sealed class V1StatefulSetClaimRetentionPolicy : OpenModel
{
    public string? WhenDeleted { get; set; }
    public string? WhenScaled { get; set; }
}

public sealed class V1StatefulSetUpdateStrategy : OpenModel
{
    /// <summary><c>RollingUpdate</c> (default) or <c>OnDelete</c>.</summary>
    public string? Type { get; set; }

    public V1RollingUpdateStatefulSet? RollingUpdate { get; set; }
}

public sealed class V1RollingUpdateStatefulSet : OpenModel
{
    public int? Partition { get; set; }
    public IntOrString? MaxUnavailable { get; set; }
}

public sealed class V1StatefulSetStatus : OpenModel
{
    public long? ObservedGeneration { get; set; }

    /// <summary>Required by the API server.</summary>
    public int Replicas { get; set; }

    public int? ReadyReplicas { get; set; }
    public int? CurrentReplicas { get; set; }
    public int? UpdatedReplicas { get; set; }
    public int? AvailableReplicas { get; set; }
    public string? CurrentRevision { get; set; }
    public string? UpdateRevision { get; set; }
    public int? CollisionCount { get; set; }
}

[KubernetesEntity("apps", "v1", "ControllerRevision", "controllerrevisions")]
public sealed class V1ControllerRevision : KubernetesObject
{
    public System.Text.Json.JsonElement? Data { get; set; }
    public long Revision { get; set; }
}

[KubernetesEntity("batch", "v1", "Job", "jobs")]
public sealed class V1Job : KubernetesObject
{
    public V1JobSpec? Spec { get; set; }
    public V1JobStatus? Status { get; set; }
}

public sealed class V1JobSpec : OpenModel
{
    public int? Parallelism { get; set; }
    public int? Completions { get; set; }
    public long? ActiveDeadlineSeconds { get; set; }
    public int? BackoffLimit { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public bool? ManualSelector { get; set; }
    public V1PodTemplateSpec? Template { get; set; }
    public int? TtlSecondsAfterFinished { get; set; }
    public string? CompletionMode { get; set; }
    public bool? Suspend { get; set; }
}

public sealed class V1JobStatus : OpenModel
{
    public List<V1JobCondition>? Conditions { get; set; }
    public DateTimeOffset? StartTime { get; set; }
    public DateTimeOffset? CompletionTime { get; set; }
    public int? Active { get; set; }
    public int? Ready { get; set; }
    public int? Succeeded { get; set; }
    public int? Failed { get; set; }
}

public sealed class V1JobCondition : OpenModel
{
    /// <summary><c>Complete</c>, <c>Failed</c> or <c>Suspended</c>.</summary>
    public string Type { get; set; } = "";

    public string Status { get; set; } = "";
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public DateTimeOffset? LastProbeTime { get; set; }
    public DateTimeOffset? LastTransitionTime { get; set; }
}

/// <summary>policy/v1; servers before 1.21 know it as <see cref="V1Beta1PodDisruptionBudget"/>.</summary>
[KubernetesEntity("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")]
public sealed class V1PodDisruptionBudget : KubernetesObject
{
    public V1PodDisruptionBudgetSpec? Spec { get; set; }
    public V1PodDisruptionBudgetStatus? Status { get; set; }
}

/// <summary>policy/v1beta1, the same members under the older version.</summary>
[KubernetesEntity("policy", "v1beta1", "PodDisruptionBudget", "poddisruptionbudgets")]
public sealed class V1Beta1PodDisruptionBudget : KubernetesObject
{
    public V1PodDisruptionBudgetSpec? Spec { get; set; }
    public V1PodDisruptionBudgetStatus? Status { get; set; }
}

public sealed class V1PodDisruptionBudgetSpec : OpenModel
{
    public IntOrString? MinAvailable { get; set; }
    public IntOrString? MaxUnavailable { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public string? UnhealthyPodEvictionPolicy { get; set; }
}

public sealed class V1PodDisruptionBudgetStatus : OpenModel
{
    public long? ObservedGeneration { get; set; }
    public int DisruptionsAllowed { get; set; }
    public int CurrentHealthy { get; set; }
    public int DesiredHealthy { get; set; }
    public int ExpectedPods { get; set; }
}
