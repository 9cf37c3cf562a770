// What a built-in type adds to the general verbs: defaults, fields the server owns, and what an update may not change.
// Custom resources have their schema instead.
using System.Text.Json.Nodes;

namespace Shoal.Sandbox.Api.Resources;

internal class ResourceRules
{
    public static readonly ResourceRules None = new();

    /// <summary>Fills in what the user may leave out. Runs on create and on every update, so it must be idempotent.</summary>
    public virtual void Default(JsonObject tree) { }

    /// <summary>Server-chosen fields of a new object. <paramref name="living"/> are the objects of the same type.</summary>
    public virtual void PrepareCreate(JsonObject tree, WriteScope scope) { }

    /// <summary>Carries over what an update may leave out but not lose.</summary>
    public virtual void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope) { }

    public virtual void Validate(JsonObject tree, FieldErrors errors) { }

    public virtual void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors) { }

    /// <summary>True when the object's name must be a DNS label (Services, for example) and not merely a DNS subdomain.</summary>
    public virtual NameForm NameForm => NameForm.Subdomain;
}

internal enum NameForm { Subdomain, Label, ServiceLabel, Path }

/// <summary>What rules may look at beside the object itself.</summary>
internal sealed record WriteScope(TimeProvider Time, Func<string, IEnumerable<JsonObject>> Living, string? Subresource);
