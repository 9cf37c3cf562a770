// The downward API: what a pod may learn about itself, as environment and as files.

using System.Globalization;
using System.Text;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

/// <param name="Cpu">Stands in for a limit that is not set.</param>
/// <param name="Memory">Stands in for a limit that is not set.</param>
internal sealed record PodFields(V1Pod Pod, string PodIP, string HostIP, string Cpu, string Memory)
{
    /// <exception cref="PodConfigException">There is no such field.</exception>
    public string Field(string path)
    {
        var meta = Pod.Metadata;
        return path switch
        {
            "metadata.name" => meta.Name ?? "",
            "metadata.namespace" => meta.Namespace ?? "",
            "metadata.uid" => meta.Uid ?? "",
            "metadata.labels" => Lines(meta.Labels),
            "metadata.annotations" => Lines(meta.Annotations),
            "spec.nodeName" => Pod.Spec?.NodeName ?? "",
            "spec.serviceAccountName" => Pod.Spec?.ServiceAccountName ?? "default",
            "status.podIP" or "status.podIPs" => PodIP,
            "status.hostIP" or "status.hostIPs" => HostIP,
            _ => Keyed(path, "metadata.labels", meta.Labels) ?? Keyed(path, "metadata.annotations", meta.Annotations)
                ?? throw new PodConfigException("CreateContainerConfigError", $"field {path} is not known"),
        };
    }

    /// <summary>A limit or request in units of the divisor, rounded up.</summary>
    /// <exception cref="PodConfigException">There is no such resource.</exception>
    public string Resource(V1ResourceFieldSelector selector, V1Container? self)
    {
        var container = selector.ContainerName is { Length: > 0 } name ? Pod.Spec!.Containers.Find(c => c.Name == name) : self;
        var dot = selector.Resource.IndexOf('.', StringComparison.Ordinal);
        var (list, resource) = dot < 0 ? ("", "") : (selector.Resource[..dot], selector.Resource[(dot + 1)..]);
        var amounts = list switch
        {
            "limits" => container?.Resources?.Limits,
            "requests" => container?.Resources?.Requests ?? container?.Resources?.Limits,
            _ => throw new PodConfigException("CreateContainerConfigError", $"resource {selector.Resource} is not known"),
        };
        var fallback = (list, resource) switch { ("limits", "cpu") => Cpu, ("limits", "memory") => Memory, _ => "0" };
        var amount = Quantity.Parse(amounts?.GetValueOrDefault(resource) ?? fallback);
        var divisor = selector.Divisor is { Length: > 0 } d && Quantity.TryParse(d, out var parsed) && parsed > 0 ? parsed : 1;
        return decimal.Ceiling(amount / divisor).ToString(CultureInfo.InvariantCulture);
    }

    private static string? Keyed(string path, string map, Dictionary<string, string>? values) =>
        path.StartsWith(map + "['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal)
            ? values?.GetValueOrDefault(path[(map.Length + 2)..^2]) ?? ""
            : null;

    private static string Lines(Dictionary<string, string>? map)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in (map ?? []).OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            text.Append(key).Append("=\"").Append(value.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append("\"\n");
        }

        return text.ToString();
    }
}
