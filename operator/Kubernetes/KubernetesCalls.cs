// Typed shortcuts over IKubernetes: the resource follows from the C# type, so callers say GetAsync<V1Pod>(ns, name).

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>The calls of <see cref="IKubernetes"/> with the resource taken from the type's <see cref="KubernetesEntityAttribute"/>.</summary>
public static class KubernetesCalls
{
    /// <summary>The field manager of everything the operator applies.</summary>
    public const string FieldManager = "shoal-operator";

    public static Task<T?> GetAsync<T>(this IKubernetes k, string? ns, string name, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.GetAsync<T>(ResourceType.Of<T>(), ns, name, ct);

    public static Task<KubernetesList<T>> ListAsync<T>(this IKubernetes k, string? ns, string? labelSelector = null, CancellationToken ct = default)
        where T : class, IKubernetesObject =>
        k.ListAsync<T>(ResourceType.Of<T>(), ns, new ListOptions { LabelSelector = labelSelector }, ct);

    public static Task<T> CreateAsync<T>(this IKubernetes k, T obj, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.CreateAsync(ResourceType.Of<T>(), obj, ct);

    public static Task<T> ReplaceAsync<T>(this IKubernetes k, T obj, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.ReplaceAsync(ResourceType.Of<T>(), obj, subresource, ct);

    public static Task<T> ApplyAsync<T>(this IKubernetes k, T obj, string fieldManager = FieldManager, bool force = true, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.ApplyAsync(ResourceType.Of<T>(), obj, new ApplyOptions(fieldManager, force), ct);

    public static Task<T> PatchAsync<T>(this IKubernetes k, string? ns, string name, Patch patch, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.PatchAsync<T>(ResourceType.Of<T>(), ns, name, patch, subresource, ct);

    /// <summary>Merge-patches <c>status</c>. <paramref name="status"/> is the status object itself.</summary>
    public static Task<T> PatchStatusAsync<T>(this IKubernetes k, string? ns, string name, object status, CancellationToken ct = default)
        where T : class, IKubernetesObject =>
        k.PatchAsync<T>(ResourceType.Of<T>(), ns, name, Patch.Merge(new Dictionary<string, object> { ["status"] = status }), "status", ct);

    /// <summary>Replaces the status with the object's, failing with 409 when the object changed since it was read.</summary>
    public static Task<T> ReplaceStatusAsync<T>(this IKubernetes k, T obj, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.ReplaceAsync(ResourceType.Of<T>(), obj, "status", ct);

    public static Task<bool> DeleteAsync<T>(this IKubernetes k, string? ns, string name, DeleteOptions? options = null, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.DeleteAsync(ResourceType.Of<T>(), ns, name, options ?? DeleteOptions.Default, ct);

    public static IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(this IKubernetes k, string? ns, WatchOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject => k.WatchAsync<T>(ResourceType.Of<T>(), ns, options, ct);

    /// <summary>Whether the server offers the resource <typeparamref name="T"/> models, or one of its subresources.</summary>
    public static Task<bool> ServesAsync<T>(this IKubernetes k, string? subresource = null, CancellationToken ct = default)
    {
        var type = ResourceType.Of<T>();
        return k.ServesAsync(type.ApiVersion, subresource is null ? type.Plural : $"{type.Plural}/{subresource}", ct);
    }
}
