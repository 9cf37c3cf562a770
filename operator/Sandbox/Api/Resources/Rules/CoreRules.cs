// Rules of the small core types: namespaces, config maps, secrets, events, volumes and storage classes.
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal sealed class NamespaceRules : ResourceRules
{
    public override NameForm NameForm => NameForm.Label;

    public override void Default(JsonObject tree) =>
        tree.Ensure("metadata").Ensure("labels")["kubernetes.io/metadata.name"] = tree.Str("metadata", "name");

    public override void PrepareCreate(JsonObject tree, WriteScope scope)
    {
        tree.Ensure("spec").Default("finalizers", new JsonArray("kubernetes"));
        tree["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public override void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope)
    {
        if (scope.Subresource != "finalize") next.TakeFrom("spec", current);
    }
}

internal sealed class ConfigMapRules : ResourceRules
{
    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        foreach (var (name, value) in tree.Obj("data") ?? [])
            if (value.AsString() is null) errors.Invalid($"data[{name}]", value, "must be a string");
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        if (!current.IsTrue("immutable")) return;
        if (!next.IsTrue("immutable")) errors.Forbidden("immutable", "field is immutable when `immutable` is set");
        foreach (var part in new[] { "data", "binaryData" })
            if (!JsonTree.Same(current[part], next[part])) errors.Forbidden(part, "field is immutable when `immutable` is set");
    }
}

internal sealed class SecretRules : ResourceRules
{
    /// <summary>stringData is write-only: it becomes base64 in data.</summary>
    public override void Default(JsonObject tree)
    {
        tree.Default("type", "Opaque");
        if (tree.Obj("stringData") is not { } plain) return;
        foreach (var (name, value) in plain)
            tree.Ensure("data")[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.AsString() ?? ""));
        tree.Remove("stringData");
    }

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        foreach (var (name, value) in tree.Obj("data") ?? [])
        {
            var text = value.AsString();
            if (text is null || !Convert.TryFromBase64String(text, new byte[text.Length], out _))
                errors.Invalid($"data[{name}]", "", "illegal base64 data");
        }
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        if (!JsonTree.Same(current["type"], next["type"])) errors.Invalid("type", next["type"], "field is immutable");
        if (current.IsTrue("immutable") && !JsonTree.Same(current["data"], next["data"]))
            errors.Forbidden("data", "field is immutable when `immutable` is set");
    }
}

internal sealed class EventRules : ResourceRules
{
    public override NameForm NameForm => NameForm.Path;
}

internal sealed class ClaimRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        tree.Ensure("spec").Default("volumeMode", "Filesystem");
        if (tree.Obj("spec", "resources", "requests") is { } requests) PodDefaults.Stringify(requests);
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope) => tree["status"] = new JsonObject { ["phase"] = "Pending" };

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        if (tree.Arr("spec", "accessModes") is not { Count: > 0 }) errors.Required("spec.accessModes", "at least 1 access mode is required");
        if (tree.At("spec", "resources", "requests", "storage") is not { } size) errors.Required("spec.resources[storage]");
        else if (!Quantity.TryParse(size, out var bytes) || bytes <= 0)
            errors.Invalid("spec.resources[storage]", size, "must be greater than zero");
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        var (before, after) = (Fixed(current), Fixed(next));
        if (current.Str("status", "phase") != "Bound" && !JsonTree.Same(current.At("spec", "resources"), next.At("spec", "resources")))
            before["resources"] = "may change on a bound claim only";
        if (current.Str("spec", "volumeName") is null)
        {
            before.Remove("volumeName");
            after.Remove("volumeName");
            if (current.At("spec", "storageClassName") is null)
            {
                before.Remove("storageClassName");
                after.Remove("storageClassName");
            }
        }
        if (!JsonTree.Same(before, after))
        {
            errors.Forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
        }
        Quantity.TryParse(current.At("spec", "resources", "requests", "storage"), out var had);
        if (Quantity.TryParse(next.At("spec", "resources", "requests", "storage"), out var wants) && wants < had)
        {
            errors.Forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
        }
    }

    private static JsonObject Fixed(JsonObject claim)
    {
        var spec = claim.Obj("spec")?.Copy() ?? [];
        spec.Remove("resources");
        spec.Remove("volumeAttributesClassName");
        return spec;
    }
}

internal sealed class VolumeRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("persistentVolumeReclaimPolicy", "Retain");
        spec.Default("volumeMode", "Filesystem");
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope) => tree["status"] = new JsonObject { ["phase"] = "Pending" };
}

internal sealed class StorageClassRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        tree.Default("reclaimPolicy", "Delete");
        tree.Default("volumeBindingMode", "Immediate");
    }

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(tree.Str("provisioner"))) errors.Required("provisioner");
    }
}
