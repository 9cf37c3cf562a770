// CustomResourceDefinitions: names, versions and schemas must be usable, because once stored they are served at once.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Schemas;
using Shoal.Sandbox.Api.Tables;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal sealed class DefinitionRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("conversion", new JsonObject { ["strategy"] = "None" });
        var names = spec.Ensure("names");
        if (names.Str("kind") is not { } kind) return;
        names.Default("singular", kind.ToLowerInvariant());
        names.Default("listKind", kind + "List");
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope)
    {
        var metadata = tree.Ensure("metadata");
        var finalizers = metadata.Arr("finalizers") ?? [];
        if (!finalizers.Any(f => f.AsString() == Lifecycles.DefinitionFinalizer)) finalizers.Add(Lifecycles.DefinitionFinalizer);
        if (metadata["finalizers"] is null) metadata["finalizers"] = finalizers;
        Accept(tree, scope);
    }

    public override void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope) => Accept(next, scope);

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        var spec = tree.Obj("spec");
        var (group, plural) = (spec.Str("group"), spec.Str("names", "plural"));
        if (string.IsNullOrEmpty(group)) errors.Required("spec.group");
        if (string.IsNullOrEmpty(plural)) errors.Required("spec.names.plural");
        if (string.IsNullOrEmpty(spec.Str("names", "kind"))) errors.Required("spec.names.kind");
        if (spec.Str("scope") is not ("Namespaced" or "Cluster")) errors.NotSupported("spec.scope", spec.At("scope"), ["Cluster", "Namespaced"]);
        if (tree.Str("metadata", "name") != $"{plural}.{group}")
            errors.Invalid("metadata.name", tree.At("metadata", "name"), "must be spec.names.plural+\".\"+spec.group");
        if (spec.Str("conversion", "strategy") is "Webhook")
            errors.NotSupported("spec.conversion.strategy", "Webhook", ["None"]);
        var versions = spec.Arr("versions") ?? [];
        if (versions.Count(v => v.IsTrue("storage")) != 1)
            errors.Invalid("spec.versions", "", "must have exactly one version marked as storage version");
        for (var i = 0; i < versions.Count; i++) Version(versions[i] as JsonObject ?? [], $"spec.versions[{i}]", errors);
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        foreach (var field in new[] { "group", "scope" })
            if (!JsonTree.Same(current.At("spec", field), next.At("spec", field)))
                errors.Invalid($"spec.{field}", next.At("spec", field), "field is immutable");
        foreach (var field in new[] { "plural", "kind" })
            if (!JsonTree.Same(current.At("spec", "names", field), next.At("spec", "names", field)))
                errors.Invalid($"spec.names.{field}", next.At("spec", "names", field), "field is immutable");
    }

    private static void Version(JsonObject version, string path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(version.Str("name"))) errors.Required($"{path}.name");
        if (version.Obj("schema", "openAPIV3Schema") is not { } schema)
        {
            errors.Required($"{path}.schema.openAPIV3Schema", "schemas are required");
            return;
        }
        if (schema.Str("type") != "object")
            errors.Invalid($"{path}.schema.openAPIV3Schema.type", schema.At("type"), "must be object at the root");
        try
        {
            SchemaStructure.Check(SchemaNode.Read(schema), $"{path}.schema.openAPIV3Schema", isRoot: true, errors);
        }
        catch (ArgumentException e)
        {
            errors.Invalid($"{path}.schema.openAPIV3Schema", "", $"invalid pattern: {e.Message}");
        }
        if (version.Obj("subresources", "scale") is { } scale)
        {
            if (!(scale.Str("specReplicasPath") ?? "").StartsWith(".spec.", StringComparison.Ordinal))
                errors.Invalid($"{path}.subresources.scale.specReplicasPath", scale.At("specReplicasPath"), "should be a json path under .spec");
            if (!(scale.Str("statusReplicasPath") ?? "").StartsWith(".status.", StringComparison.Ordinal))
                errors.Invalid($"{path}.subresources.scale.statusReplicasPath", scale.At("statusReplicasPath"), "should be a json path under .status");
        }
        var columns = version.Arr("additionalPrinterColumns") ?? [];
        for (var i = 0; i < columns.Count; i++)
        {
            if (!JsonPath.TryParse(columns[i].Str("jsonPath") ?? "", out _))
                errors.Invalid($"{path}.additionalPrinterColumns[{i}].jsonPath", columns[i].At("jsonPath"), "must be a valid json path");
        }
    }

    /// <summary>Names do not collide in a sandbox, so a definition is established by being stored.</summary>
    private static void Accept(JsonObject tree, WriteScope scope)
    {
        var status = tree.Ensure("status");
        status["acceptedNames"] = tree.Obj("spec", "names")?.DeepClone() ?? new JsonObject();
        var stored = (tree.Arr("spec", "versions") ?? []).FirstOrDefault(v => v.IsTrue("storage")).Str("name");
        var versions = (status.Arr("storedVersions") ?? []).Select(v => v.AsString()).Append(stored).Where(v => v is not null).Distinct();
        status["storedVersions"] = new JsonArray([.. versions.Select(v => (JsonNode?)v)]);
        Conditions.Set(tree, "NamesAccepted", "True", "NoConflicts", "no conflicts found", scope.Time);
        Conditions.Set(tree, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", scope.Time);
    }
}
