// The shape every Kubernetes object shares, and the rule that what we do not model is kept: a field a newer API server
// sends survives our read-modify-write, because it lands in Unknown and is written back.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Operator.Kubernetes.Models;

/// <summary>Any object the API server stores: it knows its version, its kind and its metadata.</summary>
public interface IKubernetesObject
{
    /// <summary><c>v1</c> or <c>group/version</c>.</summary>
    string? ApiVersion { get; set; }

    /// <summary>For example <c>Pod</c>.</summary>
    string? Kind { get; set; }

    /// <summary>Name, namespace, labels, owners, versions. Never null.</summary>
    V1ObjectMeta Metadata { get; set; }
}

/// <summary>Keeps JSON members that the type does not declare.</summary>
public abstract class OpenModel
{
    /// <summary>Members we do not model, as they were read.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Start of every modelled object; takes apiVersion and kind from <see cref="KubernetesEntityAttribute"/>.</summary>
public abstract class KubernetesObject : OpenModel, IKubernetesObject
{
    /// <summary>Fills apiVersion and kind when the type carries <see cref="KubernetesEntityAttribute"/>.</summary>
    protected KubernetesObject()
    {
        if (ResourceType.Find(GetType()) is { } type)
        {
            ApiVersion = type.ApiVersion;
            Kind = type.Kind;
        }
    }

    /// <inheritdoc/>
    [JsonPropertyOrder(-3)]
    public string? ApiVersion { get; set; }

    /// <inheritdoc/>
    [JsonPropertyOrder(-2)]
    public string? Kind { get; set; }

    /// <inheritdoc/>
    [JsonPropertyOrder(-1)]
    public V1ObjectMeta Metadata { get; set; } = new();
}

/// <summary>An object of any kind: metadata typed, everything else in <see cref="OpenModel.Unknown"/>.</summary>
public sealed class UntypedObject : KubernetesObject;
