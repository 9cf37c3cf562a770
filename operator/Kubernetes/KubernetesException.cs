// What the API server refused and why, in the server's own words.

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>The API server answered with an error.</summary>
public sealed class KubernetesException(int status, string reason, string message, V1Status? body = null) : Exception(message)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>Machine-readable reason, for example <c>Conflict</c>, <c>AlreadyExists</c>, <c>Invalid</c>.</summary>
    public string Reason { get; } = reason;

    /// <summary>The Status object, when the server sent one.</summary>
    public V1Status? Body { get; } = body;

    public bool IsNotFound => Status == 404;
    public bool IsConflict => Status == 409 && Reason != "AlreadyExists";
    public bool IsAlreadyExists => Status == 409 && Reason == "AlreadyExists";
    public bool IsInvalid => Status == 422;
    public bool IsForbidden => Status is 401 or 403;

    /// <summary>The resource version is no longer available: list again.</summary>
    public bool IsGone => Status == 410 || Reason is "Expired" or "Gone";

    /// <summary>The server asked to come back later (429, 503, some 500s); how much later.</summary>
    public TimeSpan? RetryAfter => Body?.Details?.RetryAfterSeconds is { } s ? TimeSpan.FromSeconds(s) : null;
}
