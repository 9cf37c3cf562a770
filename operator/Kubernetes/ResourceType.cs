// Names a kind of object the way the API server does (group, version, plural) so that one generic client serves all of
// them, ours and theirs, typed and untyped.

using System.Collections.Concurrent;
using System.Reflection;

namespace Shoal.Operator.Kubernetes;

/// <summary>Ties a C# type to the resource it models. Core group is the empty string.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class KubernetesEntityAttribute(string group, string apiVersion, string kind, string plural) : Attribute
{
    public string Group { get; } = group;

    /// <summary>The version without the group, for example <c>v1</c>.</summary>
    public string ApiVersion { get; } = apiVersion;

    public string Kind { get; } = kind;
    public string Plural { get; } = plural;

    /// <summary>False for cluster-scoped kinds.</summary>
    public bool Namespaced { get; set; } = true;
}

/// <summary>Group, version, kind, plural and scope of a resource.</summary>
public sealed record ResourceType(string Group, string Version, string Kind, string Plural, bool Namespaced)
{
    // A cache of what attributes say; never changes for a given type.
    private static readonly ConcurrentDictionary<Type, ResourceType?> Known = new();

    /// <summary><c>v1</c> or <c>group/version</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The resource <typeparamref name="T"/> models.</summary>
    /// <exception cref="InvalidOperationException">The type has no <see cref="KubernetesEntityAttribute"/>.</exception>
    public static ResourceType Of<T>() => Find(typeof(T))
        ?? throw new InvalidOperationException($"{typeof(T)} has no [KubernetesEntity]");

    /// <summary>As <see cref="Of{T}"/>, null when the type has no attribute.</summary>
    public static ResourceType? Find(Type type) => Known.GetOrAdd(type, static t =>
        t.GetCustomAttribute<KubernetesEntityAttribute>() is { } a
            ? new ResourceType(a.Group, a.ApiVersion, a.Kind, a.Plural, a.Namespaced)
            : null);

    /// <summary>Path of a collection, an object or a subresource, without a leading host. Segments are escaped.</summary>
    public string Path(string? ns, string? name = null, string? subresource = null)
    {
        var path = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        if (Namespaced && !string.IsNullOrEmpty(ns))
        {
            path += $"/namespaces/{Uri.EscapeDataString(ns)}";
        }

        path += $"/{Plural}";
        if (name is not null)
        {
            path += $"/{Uri.EscapeDataString(name)}";
        }

        return subresource is null ? path : $"{path}/{subresource}";
    }

    public override string ToString() => Group.Length == 0 ? $"{Plural}.{Version}" : $"{Plural}.{Version}.{Group}";
}

/// <summary>Namespace and name of an object; the namespace is empty for cluster-scoped ones. Key of queues and caches.</summary>
public readonly record struct NamespacedName(string Namespace, string Name)
{
    /// <summary>The key of an object.</summary>
    public static NamespacedName Of(Models.IKubernetesObject o) => new(o.Metadata.Namespace ?? "", o.Metadata.Name ?? "");

    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
