// Containers: command, environment, ports, probes, resources, hooks.

namespace Shoal.Operator.Kubernetes.Models;

public sealed class V1Container : OpenModel
{
    public string Name { get; set; } = "";
    public string? Image { get; set; }
    public List<string>? Command { get; set; }
    public List<string>? Args { get; set; }
    public string? WorkingDir { get; set; }
    public List<V1ContainerPort>? Ports { get; set; }
    public List<V1EnvFromSource>? EnvFrom { get; set; }
    public List<V1EnvVar>? Env { get; set; }
    public V1ResourceRequirements? Resources { get; set; }
    public List<V1ContainerResizePolicy>? ResizePolicy { get; set; }
    public List<V1VolumeMount>? VolumeMounts { get; set; }
    public V1Probe? LivenessProbe { get; set; }
    public V1Probe? ReadinessProbe { get; set; }
    public V1Probe? StartupProbe { get; set; }
    public V1Lifecycle? Lifecycle { get; set; }
    public string? TerminationMessagePath { get; set; }
    public string? TerminationMessagePolicy { get; set; }
    public string? ImagePullPolicy { get; set; }
    public V1SecurityContext? SecurityContext { get; set; }

    /// <summary>On an init container, <c>Always</c> makes it a sidecar.</summary>
    public string? RestartPolicy { get; set; }
}

public sealed class V1ContainerPort : OpenModel
{
    public string? Name { get; set; }
    public int ContainerPort { get; set; }
    public int? HostPort { get; set; }
    public string? Protocol { get; set; }
}

public sealed class V1ContainerResizePolicy : OpenModel
{
    public string ResourceName { get; set; } = "";

    /// <summary><c>NotRequired</c> or <c>RestartContainer</c>.</summary>
    public string RestartPolicy { get; set; } = "";
}

public sealed class V1EnvFromSource : OpenModel
{
    public string? Prefix { get; set; }
    public V1ObjectEnvSource? ConfigMapRef { get; set; }
    public V1ObjectEnvSource? SecretRef { get; set; }
}

/// <summary>A whole ConfigMap or Secret taken as environment.</summary>
public sealed class V1ObjectEnvSource : OpenModel
{
    public string? Name { get; set; }
    public bool? Optional { get; set; }
}

public sealed class V1EnvVar : OpenModel
{
    public string Name { get; set; } = "";
    public string? Value { get; set; }
    public V1EnvVarSource? ValueFrom { get; set; }
}

public sealed class V1EnvVarSource : OpenModel
{
    public V1ObjectFieldSelector? FieldRef { get; set; }
    public V1ResourceFieldSelector? ResourceFieldRef { get; set; }
    public V1KeySelector? ConfigMapKeyRef { get; set; }
    public V1KeySelector? SecretKeyRef { get; set; }
}

public sealed class V1ObjectFieldSelector : OpenModel
{
    public string? ApiVersion { get; set; }
    public string FieldPath { get; set; } = "";
}

public sealed class V1ResourceFieldSelector : OpenModel
{
    public string? ContainerName { get; set; }

    /// <summary>For example <c>limits.memory</c>.</summary>
    public string Resource { get; set; } = "";

    public string? Divisor { get; set; }
}

/// <summary>One key of a ConfigMap or a Secret.</summary>
public sealed class V1KeySelector : OpenModel
{
    public string? Name { get; set; }
    public string Key { get; set; } = "";
    public bool? Optional { get; set; }
}

public sealed class V1ResourceRequirements : OpenModel
{
    /// <summary>Quantities by resource name; see <see cref="Quantity"/>.</summary>
    public Dictionary<string, string>? Limits { get; set; }

    /// <summary>Quantities by resource name; see <see cref="Quantity"/>.</summary>
    public Dictionary<string, string>? Requests { get; set; }
}

public sealed class V1VolumeMount : OpenModel
{
    public string Name { get; set; } = "";
    public string MountPath { get; set; } = "";
    public string? SubPath { get; set; }
    public bool? ReadOnly { get; set; }
}

public sealed class V1Probe : OpenModel
{
    public V1HttpGetAction? HttpGet { get; set; }
    public V1TcpSocketAction? TcpSocket { get; set; }
    public V1ExecAction? Exec { get; set; }
    public int? InitialDelaySeconds { get; set; }
    public int? TimeoutSeconds { get; set; }
    public int? PeriodSeconds { get; set; }
    public int? SuccessThreshold { get; set; }
    public int? FailureThreshold { get; set; }
    public long? TerminationGracePeriodSeconds { get; set; }
}

public sealed class V1HttpGetAction : OpenModel
{
    public string? Path { get; set; }
    public IntOrString? Port { get; set; }
    public string? Host { get; set; }
    public string? Scheme { get; set; }
    public List<V1HttpHeader>? HttpHeaders { get; set; }
}

public sealed class V1HttpHeader : OpenModel
{
    public string Name { get; set; } = "";
    public string Value { get; set; } = "";
}

public sealed class V1TcpSocketAction : OpenModel
{
    public IntOrString? Port { get; set; }
    public string? Host { get; set; }
}

public sealed class V1ExecAction : OpenModel
{
    public List<string>? Command { get; set; }
}

public sealed class V1Lifecycle : OpenModel
{
    public V1LifecycleHandler? PostStart { get; set; }
    public V1LifecycleHandler? PreStop { get; set; }
}

public sealed class V1LifecycleHandler : OpenModel
{
    public V1ExecAction? Exec { get; set; }
    public V1HttpGetAction? HttpGet { get; set; }
    public V1TcpSocketAction? TcpSocket { get; set; }
}

public sealed class V1SecurityContext : OpenModel
{
    public bool? AllowPrivilegeEscalation { get; set; }
    public bool? ReadOnlyRootFilesystem { get; set; }
    public bool? RunAsNonRoot { get; set; }
    public long? RunAsUser { get; set; }
    public long? RunAsGroup { get; set; }
    public V1Capabilities? Capabilities { get; set; }
    public V1SeccompProfile? SeccompProfile { get; set; }
}

public sealed class V1Capabilities : OpenModel
{
    public List<string>? Add { get; set; }
    public List<string>? Drop { get; set; }
}
