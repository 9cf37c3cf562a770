// Turns the living CustomResourceDefinitions into served resources, at start and whenever one changes.
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Schemas;
using Shoal.Sandbox.Api.Storage;
using Shoal.Sandbox.Api.Tables;

namespace Shoal.Sandbox.Api.Resources;

internal sealed class CustomDefinitions(ObjectStore store, ResourceCatalog catalog, ILogger logger)
{
    private const string Storage = "apiextensions.k8s.io/customresourcedefinitions";

    /// <summary>Called with the store's gate held after any object was stored or removed.</summary>
    public void Notice(StoredObject changed)
    {
        if (changed.Resource == Storage) Reload();
    }

    public void Reload()
    {
        var types = new List<ResourceType>();
        foreach (var definition in store.List(Storage).Objects.Values)
        {
            try
            {
                types.AddRange(TypesOf(definition.Tree));
            }
            catch (ArgumentException e)
            {
                // Refused when it was created; only a hand-edited state directory gets here.
                logger.LogError(e, "definition {Name} is not served", definition.Name);
            }
        }
        catalog.SetCustom(types);
    }

    /// <summary>One type per served version, the stored version first.</summary>
    public static IEnumerable<ResourceType> TypesOf(JsonObject definition)
    {
        var versions = (definition.Arr("spec", "versions") ?? []).OfType<JsonObject>()
            .Where(v => v.IsTrue("served") || v.IsTrue("storage")).OrderByDescending(v => v.IsTrue("storage"));
        return versions.Where(v => v.IsTrue("served")).Select(v => TypeOf(definition, v));
    }

    private static ResourceType TypeOf(JsonObject definition, JsonObject version)
    {
        var spec = definition.Obj("spec")!;
        var names = spec.Obj("names");
        var schema = new StructuralSchema(version.Obj("schema", "openAPIV3Schema")?.Copy() ?? new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true });
        var scale = version.Obj("subresources", "scale");
        return new ResourceType
        {
            Group = spec.Str("group")!,
            Version = version.Str("name")!,
            Kind = names.Str("kind")!,
            ListKindName = names.Str("listKind"),
            Plural = names.Str("plural")!,
            SingularName = names.Str("singular"),
            Namespaced = spec.Str("scope") == "Namespaced",
            ShortNames = Strings(names.Arr("shortNames")),
            Categories = Strings(names.Arr("categories")),
            HasStatus = version.Obj("subresources", "status") is not null,
            Scale = scale is null ? null : new ScalePaths(
                Path(scale.Str("specReplicasPath")!), Path(scale.Str("statusReplicasPath")!), scale.Str("labelSelectorPath") is { Length: > 0 } selector ? Path(selector) : null),
            CountsGeneration = true,
            SelectableFields = (version.Arr("selectableFields") ?? []).Select(f => f.Str("jsonPath")?.TrimStart('.') ?? "").ToHashSet(),
            Shape = schema.Shape,
            Schema = schema,
            Columns = PrinterColumns.Of(version.Arr("additionalPrinterColumns")),
        };
    }

    private static string[] Path(string jsonPath) => jsonPath.TrimStart('.').Split('.');

    private static List<string> Strings(JsonArray? values) => [.. (values ?? []).Select(v => v.AsString() ?? "")];
}
