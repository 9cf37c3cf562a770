// The server's share of metadata: identity on create, what an update cannot touch, and the checks every type has in common.
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Writing;

internal static class ObjectMetadata
{
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
    private const int GeneratedLength = 5;
    private const int LongestGeneratedPrefix = 58;
    private const int AnnotationsLimitBytes = 256 * 1024;
    private static readonly string[] Kept = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"];

    /// <summary>Checks kind, name and namespace of a body against the request and fills them in.</summary>
    public static void Address(JsonObject tree, WriteRequest request)
    {
        var type = request.Type;
        var (apiVersion, kind) = (tree.Str("apiVersion"), tree.Str("kind"));
        if ((apiVersion ?? type.ApiVersion) != type.ApiVersion || (kind ?? type.Kind) != type.Kind)
        {
            throw ApiError.BadRequest($"the API version in the data ({apiVersion}, Kind={kind}) does not match the expected API version "
                + $"({type.ApiVersion}, Kind={type.Kind})");
        }
        if (type.IsCustom && (apiVersion is null || kind is null))
            throw ApiError.BadRequest($"Object '{(kind is null ? "Kind" : "apiVersion")}' is missing in '{JsonTree.ToText(tree)}'");
        tree["apiVersion"] = type.ApiVersion;
        tree["kind"] = type.Kind;
        if (tree["metadata"] is not null and not JsonObject) throw ApiError.BadRequest("metadata must be an object");
        var metadata = tree.Ensure("metadata");
        // Metadata is typed on every resource, so null and empty members are the same as none.
        foreach (var name in metadata.Where(p => p.Value is null or JsonObject { Count: 0 } or JsonArray { Count: 0 }).Select(p => p.Key).ToList())
            metadata.Remove(name);
        metadata.Remove("selfLink");
        if (request.Name is not null)
        {
            var named = metadata.Str("name");
            if (!string.IsNullOrEmpty(named) && named != request.Name)
                throw ApiError.BadRequest($"the name of the object ({named}) does not match the name on the URL ({request.Name})");
            metadata["name"] = request.Name;
        }
        if (!type.Namespaced)
        {
            metadata.Remove("namespace");
            return;
        }
        var ns = metadata.Str("namespace");
        if (!string.IsNullOrEmpty(ns) && ns != request.Namespace)
            throw ApiError.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        metadata["namespace"] = request.Namespace;
    }

    /// <summary>Name (generated if asked), uid and creation time of a new object.</summary>
    public static void Birth(JsonObject tree, ResourceType type, DateTimeOffset now)
    {
        var metadata = tree.Ensure("metadata");
        if (!string.IsNullOrEmpty(metadata.Str("resourceVersion")))
            throw ApiError.BadRequest("resourceVersion should not be set on objects to be created");
        if (string.IsNullOrEmpty(metadata.Str("name")) && metadata.Str("generateName") is { Length: > 0 } prefix)
        {
            if (prefix.Length > LongestGeneratedPrefix) prefix = prefix[..LongestGeneratedPrefix];
            metadata["name"] = prefix + RandomNumberGenerator.GetString(NameAlphabet, GeneratedLength);
        }
        foreach (var owned in new[] { "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation", "managedFields" }) metadata.Remove(owned);
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = JsonTree.Timestamp(now);
        if (type.CountsGeneration || type.IsCustom) metadata["generation"] = 1;
    }

    /// <summary>Gives <paramref name="next"/> the identity of <paramref name="current"/>.</summary>
    public static void Keep(JsonObject current, JsonObject next)
    {
        var (from, to) = (current.Obj("metadata"), next.Ensure("metadata"));
        foreach (var field in Kept) to.TakeFrom(field, from);
        to["resourceVersion"] = from.Str("resourceVersion");
    }

    public static void Validate(JsonObject tree, ResourceType type, FieldErrors errors)
    {
        var metadata = tree.Obj("metadata");
        var name = metadata.Str("name");
        if (string.IsNullOrEmpty(name)) errors.Required("metadata.name", "name or generateName is required");
        else if (Names.Refusal(name, type.Rules.NameForm) is { } why) errors.Invalid("metadata.name", name, why);
        Strings(metadata, "labels", errors, (key, value) =>
        {
            if (Names.QualifiedNameRefusal(key) is { } badKey) errors.Invalid("metadata.labels", key, badKey);
            if (Names.LabelValueRefusal(value) is { } badValue) errors.Invalid("metadata.labels", value, badValue);
        });
        var size = 0;
        Strings(metadata, "annotations", errors, (key, value) =>
        {
            if (Names.QualifiedNameRefusal(key.ToLowerInvariant()) is { } why) errors.Invalid("metadata.annotations", key, why);
            size += key.Length + value.Length;
        });
        if (size > AnnotationsLimitBytes) errors.TooLong("metadata.annotations", $"may not be more than {AnnotationsLimitBytes} bytes");
        var finalizers = metadata.Arr("finalizers") ?? [];
        for (var i = 0; i < finalizers.Count; i++)
            if (Names.QualifiedNameRefusal(finalizers[i].AsString() ?? "") is { } why) errors.Invalid($"metadata.finalizers[{i}]", finalizers[i], why);
        ValidateOwners(metadata.Arr("ownerReferences") ?? [], errors);
    }

    private static void ValidateOwners(JsonArray owners, FieldErrors errors)
    {
        var controllers = 0;
        for (var i = 0; i < owners.Count; i++)
        {
            foreach (var field in new[] { "apiVersion", "kind", "name", "uid" })
                if (string.IsNullOrEmpty(owners[i].Str(field))) errors.Invalid($"metadata.ownerReferences[{i}].{field}", "", $"{field} must not be empty");
            if (owners[i].IsTrue("controller") && ++controllers == 2)
                errors.Invalid("metadata.ownerReferences", owners[i].At("name"), "Only one reference can have Controller set to true");
        }
    }

    private static void Strings(JsonObject? metadata, string field, FieldErrors errors, Action<string, string> check)
    {
        var map = metadata?[field];
        if (map is null) return;
        if (map is not JsonObject entries) throw ApiError.BadRequest($"metadata.{field} must be an object");
        foreach (var (key, node) in entries)
        {
            if (node.AsString() is { } value) check(key, value);
            else throw ApiError.BadRequest($"metadata.{field}.{key} must be a string");
        }
    }
}
