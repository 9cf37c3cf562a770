// The schema of one version of a custom resource: prunes what it does not know, fills in defaults, validates, and tells
// apply how lists merge.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Patching;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Schemas;

internal sealed class StructuralSchema
{
    /// <summary>Errors after which rules could stumble over values they take for granted.</summary>
    private static readonly string[] Blocking =
        ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

    private static readonly string[] TypeMeta = ["apiVersion", "kind", "metadata"];
    private readonly SchemaNode root;

    public StructuralSchema(JsonObject source)
    {
        Source = source;
        root = SchemaNode.Read(source);
        Shape = Shape.Fields([("metadata", BuiltInShapes.Metadata), .. root.Properties.Where(p => !TypeMeta.Contains(p.Key)).Select(p => (p.Key, ShapeOf(p.Value)))]);
    }

    public JsonObject Source { get; }

    public Shape Shape { get; }

    /// <summary>Prunes and defaults in place.</summary>
    public void Complete(JsonObject tree)
    {
        Prune(tree, root, "", isResource: true, dropped: null);
        FillDefaults(tree, root, isResource: true);
    }

    /// <summary>Paths of the fields pruning would drop.</summary>
    public IReadOnlyList<string> UnknownFields(JsonObject tree)
    {
        var dropped = new List<string>();
        Prune(tree.Copy(), root, "", isResource: true, dropped);
        return dropped;
    }

    /// <summary>Checks values, then the rules (rules assume well-typed values).</summary>
    public void Validate(JsonObject next, JsonObject? current, FieldErrors errors)
    {
        new SchemaValidation(errors).Check(next, root, "", isResource: true);
        if (!errors.Any || !errors.Causes.Any(c => Blocking.Contains(c.Reason))) SchemaRules.Check(next, current, root, "", errors);
        else if (SchemaRules.AnyIn(root))
            errors.TypeInvalid("<nil>", "null", "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation");
    }

    private static void Prune(JsonNode? value, SchemaNode? schema, string path, bool isResource, List<string>? dropped)
    {
        switch (value)
        {
            case JsonObject tree:
                foreach (var (name, child) in tree.ToList())
                {
                    if (isResource && TypeMeta.Contains(name)) continue;
                    var below = path.Length == 0 ? name : $"{path}.{name}";
                    var known = schema?.Property(name);
                    if (known is not null) Prune(child, known, below, known.EmbeddedResource, dropped);
                    else if (schema is { PreservesUnknown: true } or { AllowsAdditional: true } or null) continue;
                    else
                    {
                        dropped?.Add(below);
                        tree.Remove(name);
                    }
                }
                break;
            case JsonArray list when schema?.Items is { } items:
                for (var i = 0; i < list.Count; i++) Prune(list[i], items, $"{path}[{i}]", items.EmbeddedResource, dropped);
                break;
        }
    }

    private static void FillDefaults(JsonNode? value, SchemaNode schema, bool isResource)
    {
        switch (value)
        {
            case JsonObject tree:
                foreach (var (name, property) in schema.Properties)
                {
                    if (isResource && TypeMeta.Contains(name)) continue;
                    if (property.Default is null) continue;
                    if (!tree.ContainsKey(name) || (tree[name] is null && !property.Nullable)) tree[name] = property.Default.DeepClone();
                }
                foreach (var (name, child) in tree)
                    if (!(isResource && TypeMeta.Contains(name)) && schema.Property(name) is { } known) FillDefaults(child, known, known.EmbeddedResource);
                break;
            case JsonArray list when schema.Items is { } items:
                foreach (var element in list) FillDefaults(element, items, items.EmbeddedResource);
                break;
        }
    }

    private static Shape ShapeOf(SchemaNode schema)
    {
        if (schema.Type == "array" || schema.Items is not null)
        {
            return schema.ListType switch
            {
                "map" => Shape.KeyedBy(schema.ListMapKeys, schema.Items is { } items ? ShapeOf(items) : Shape.Open, KeyDefaults(schema)),
                "set" => Shape.Set,
                _ => Shape.Atomic,
            };
        }
        if (schema.MapType == "atomic") return Shape.Atomic;
        if (schema.Properties.Count > 0) return Shape.Fields([.. schema.Properties.Select(p => (p.Key, ShapeOf(p.Value)))]);
        if (schema.AdditionalProperties is { } values) return Shape.MapOf(ShapeOf(values));
        return Shape.Open;
    }

    private static Dictionary<string, JsonNode> KeyDefaults(SchemaNode list) => list.ListMapKeys
        .Where(key => list.Items?.Properties.GetValueOrDefault(key)?.Default is not null)
        .ToDictionary(key => key, key => list.Items!.Properties[key].Default!);
}
