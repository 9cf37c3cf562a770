// The seam between the operator and whatever speaks the Kubernetes API: our own client today, the usual package the day
// it restores. Everything above this file is written against it and nothing above it knows HTTP.

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>
/// A Kubernetes API server. All calls throw <see cref="KubernetesException"/> when the server refuses, and
/// <see cref="HttpRequestException"/> or <see cref="IOException"/> when it cannot be reached.
/// The typed shortcuts without a <see cref="ResourceType"/> are in <see cref="KubernetesCalls"/>.
/// </summary>
public interface IKubernetes
{
    /// <summary>The namespace of the current context or pod; <c>default</c> when neither names one.</summary>
    string DefaultNamespace { get; }

    /// <summary>Reads one object; null when it does not exist.</summary>
    Task<T?> GetAsync<T>(ResourceType type, string? ns, string name, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>Reads a whole collection, in pages, as of one resource version. <paramref name="ns"/> null = all namespaces.</summary>
    Task<KubernetesList<T>> ListAsync<T>(ResourceType type, string? ns, ListOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>Creates an object. 409 AlreadyExists when the name is taken.</summary>
    Task<T> CreateAsync<T>(ResourceType type, T obj, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>POSTs <paramref name="body"/> to a subresource such as <c>binding</c> or <c>eviction</c>.</summary>
    Task PostAsync<T>(ResourceType type, string? ns, string name, string subresource, T body, CancellationToken ct = default);

    /// <summary>Replaces an object. With metadata.resourceVersion set, 409 Conflict when it has changed meanwhile.</summary>
    Task<T> ReplaceAsync<T>(ResourceType type, T obj, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>Server-side apply: states the fields we own. 409 Conflict when another manager owns one and force is off.</summary>
    Task<T> ApplyAsync<T>(ResourceType type, T obj, ApplyOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>Patches an object or one of its subresources (<c>status</c>, <c>scale</c>, <c>resize</c>).</summary>
    Task<T> PatchAsync<T>(ResourceType type, string? ns, string name, Patch patch, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>Asks for deletion. False when the object does not exist.</summary>
    Task<bool> DeleteAsync(ResourceType type, string? ns, string name, DeleteOptions options, CancellationToken ct = default);

    /// <summary>
    /// Changes since a resource version. Ends without an exception when the server closes the stream (it does, every few
    /// minutes); throws 410 Gone (<see cref="KubernetesException.IsGone"/>) when the version is too old: list again then.
    /// Most callers want <see cref="Informer{T}"/>.
    /// </summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType type, string? ns, WatchOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject;

    /// <summary>
    /// Whether the server offers a resource, for example (<c>policy/v1</c>, <c>poddisruptionbudgets</c>) or (<c>v1</c>, <c>pods/resize</c>).
    /// Answers are remembered for some minutes.
    /// </summary>
    Task<bool> ServesAsync(string apiVersion, string plural, CancellationToken ct = default);

    /// <summary>Everything the server offers at its preferred versions; groups that do not answer are left out.</summary>
    Task<IReadOnlyList<ApiResource>> DiscoverAsync(CancellationToken ct = default);

    /// <summary>The server's version, for example <c>v1.34.1</c>.</summary>
    Task<string> VersionAsync(CancellationToken ct = default);
}

/// <summary>A resource found by discovery.</summary>
public sealed record ApiResource(ResourceType Type, IReadOnlyList<string> Verbs, IReadOnlyList<string> Subresources);

/// <summary>Selectors and limits of a list.</summary>
public sealed record ListOptions
{
    public static ListOptions All { get; } = new();

    /// <summary>For example <c>app=shoal,role!=replica</c>.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>For example <c>spec.nodeName=a</c>.</summary>
    public string? FieldSelector { get; init; }

    /// <summary>Objects per page; the client follows the continue token to the end.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>Null = the most recent; <c>0</c> = whatever the server has cached.</summary>
    public string? ResourceVersion { get; init; }
}

/// <summary>Where a watch starts and how long the server may keep it.</summary>
public sealed record WatchOptions
{
    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }

    /// <summary>Changes after this version. Null = start with an ADDED event for everything there is.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>The server ends the stream after this long.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Ask for BOOKMARK events, which carry only a resource version.</summary>
    public bool Bookmarks { get; init; } = true;
}

/// <summary>Kind of change a watch reports.</summary>
public enum WatchEventType { Added, Modified, Deleted, Bookmark }

/// <summary>One change; a bookmark's object carries only metadata.resourceVersion.</summary>
public sealed record WatchEvent<T>(WatchEventType Type, T Object);

/// <summary>How server-side apply treats fields owned by others.</summary>
public sealed record ApplyOptions(string FieldManager, bool Force = true, string? Subresource = null);

/// <summary>What happens to dependents, and what must still hold.</summary>
public sealed record DeleteOptions
{
    public static DeleteOptions Default { get; } = new();

    /// <summary><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>; null = the server's default.</summary>
    public string? Propagation { get; init; }

    /// <summary>0 deletes at once.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary>409 Conflict unless the object still has this uid.</summary>
    public string? Uid { get; init; }

    /// <summary>409 Conflict unless the object still has this version.</summary>
    public string? ResourceVersion { get; init; }
}

/// <summary>A patch body and its media type.</summary>
public sealed record Patch(PatchType Type, string Json)
{
    /// <summary>RFC 7386 merge patch: null removes a member. <paramref name="body"/> is serialised as given.</summary>
    public static Patch Merge(object body) => new(PatchType.Merge, KubernetesJson.Write(body));

    /// <summary>Merges lists by their merge key; only for built-in kinds.</summary>
    public static Patch Strategic(object body) => new(PatchType.Strategic, KubernetesJson.Write(body));

    /// <summary>RFC 6902 operations.</summary>
    public static Patch Operations(object body) => new(PatchType.Json, KubernetesJson.Write(body));
}

/// <summary>The three patch media types (server-side apply is its own call).</summary>
public enum PatchType { Merge, Json, Strategic }
