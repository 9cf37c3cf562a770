// Volumes of a pod and the claims behind them.

namespace Shoal.Operator.Kubernetes.Models;

public sealed class V1Volume : OpenModel
{
    public string Name { get; set; } = "";
    public V1EmptyDirVolumeSource? EmptyDir { get; set; }
    public V1ConfigMapVolumeSource? ConfigMap { get; set; }
    public V1SecretVolumeSource? Secret { get; set; }
    public V1ProjectedVolumeSource? Projected { get; set; }
    public V1DownwardApiVolumeSource? DownwardAPI { get; set; }
    public V1PersistentVolumeClaimVolumeSource? PersistentVolumeClaim { get; set; }
    public V1HostPathVolumeSource? HostPath { get; set; }
}

public sealed class V1EmptyDirVolumeSource : OpenModel
{
    public string? Medium { get; set; }
    public string? SizeLimit { get; set; }
}

public sealed class V1ConfigMapVolumeSource : OpenModel
{
    public string? Name { get; set; }
    public List<V1KeyToPath>? Items { get; set; }
    public int? DefaultMode { get; set; }
    public bool? Optional { get; set; }
}

public sealed class V1SecretVolumeSource : OpenModel
{
    public string? SecretName { get; set; }
    public List<V1KeyToPath>? Items { get; set; }
    public int? DefaultMode { get; set; }
    public bool? Optional { get; set; }
}

public sealed class V1KeyToPath : OpenModel
{
    public string Key { get; set; } = "";
    public string Path { get; set; } = "";
    public int? Mode { get; set; }
}

public sealed class V1ProjectedVolumeSource : OpenModel
{
    public List<V1VolumeProjection>? Sources { get; set; }
    public int? DefaultMode { get; set; }
}

public sealed class V1VolumeProjection : OpenModel
{
    public V1ObjectProjection? ConfigMap { get; set; }
    public V1ObjectProjection? Secret { get; set; }
    public V1DownwardApiVolumeSource? DownwardAPI { get; set; }
    public V1ServiceAccountTokenProjection? ServiceAccountToken { get; set; }
}

/// <summary>Files taken from a ConfigMap or a Secret.</summary>
public sealed class V1ObjectProjection : OpenModel
{
    public string? Name { get; set; }
    public List<V1KeyToPath>? Items { get; set; }
    public bool? Optional { get; set; }
}

public sealed class V1ServiceAccountTokenProjection : OpenModel
{
    public string Path { get; set; } = "";
    public string? Audience { get; set; }
    public long? ExpirationSeconds { get; set; }
}

public sealed class V1DownwardApiVolumeSource : OpenModel
{
    public List<V1DownwardApiVolumeFile>? Items { get; set; }
    public int? DefaultMode { get; set; }
}

public sealed class V1DownwardApiVolumeFile : OpenModel
{
    public string Path { get; set; } = "";
    public V1ObjectFieldSelector? FieldRef { get; set; }
    public V1ResourceFieldSelector? ResourceFieldRef { get; set; }
    public int? Mode { get; set; }
}

public sealed class V1PersistentVolumeClaimVolumeSource : OpenModel
{
    public string ClaimName { get; set; } = "";
    public bool? ReadOnly { get; set; }
}

public sealed class V1HostPathVolumeSource : OpenModel
{
    public string Path { get; set; } = "";
    public string? Type { get; set; }
}

[KubernetesEntity("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")]
public sealed class V1PersistentVolumeClaim : KubernetesObject
{
    public V1PersistentVolumeClaimSpec? Spec { get; set; }
    public V1PersistentVolumeClaimStatus? Status { get; set; }
}

public sealed class V1PersistentVolumeClaimSpec : OpenModel
{
    public List<string>? AccessModes { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public V1ResourceRequirements? Resources { get; set; }
    public string? VolumeName { get; set; }
    public string? StorageClassName { get; set; }
    public string? VolumeMode { get; set; }
}

public sealed class V1PersistentVolumeClaimStatus : OpenModel
{
    /// <summary><c>Pending</c>, <c>Bound</c> or <c>Lost</c>.</summary>
    public string? Phase { get; set; }

    public List<string>? AccessModes { get; set; }
    public Dictionary<string, string>? Capacity { get; set; }
    public List<V1PodCondition>? Conditions { get; set; }
}
