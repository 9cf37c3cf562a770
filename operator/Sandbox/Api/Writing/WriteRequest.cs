// What a writing verb was asked, once it has been read from the wire.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Writing;

internal enum FieldValidation { Ignore, Warn, Strict }

internal sealed record WriteRequest(ResourceType Type, string? Namespace, string? Name, string? Subresource)
{
    /// <summary>Who owns the fields this write sets.</summary>
    public required string Manager { get; init; }
    public bool DryRun { get; init; }
    public bool Force { get; init; }
    public FieldValidation Validation { get; init; } = FieldValidation.Warn;

    /// <summary>Texts for Warning headers of the reply.</summary>
    public List<string> Warnings { get; } = [];
}

/// <summary>What a delete was asked: metav1.DeleteOptions, from body or query.</summary>
internal sealed record DeleteRequest(long? GracePeriodSeconds, string? PropagationPolicy, string? Uid, string? ResourceVersion);

/// <summary>The object after a write; <see cref="Deleted"/> when it is gone.</summary>
internal sealed record WriteResult(JsonObject Tree, bool Created = false, bool Deleted = false);
