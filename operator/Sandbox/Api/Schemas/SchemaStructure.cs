// What makes a schema structural: every field has a type, arrays say what they hold, rules compile.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Schemas;

internal static class SchemaStructure
{
    private static readonly string[] Types = ["object", "array", "string", "integer", "number", "boolean"];

    public static void Check(SchemaNode schema, string path, bool isRoot, FieldErrors errors)
    {
        if (schema.Type is null && !schema.IntOrString && !schema.PreservesUnknown) errors.Required($"{path}.type", "must not be empty for specified object fields");
        else if (schema.Type is not null && !Types.Contains(schema.Type)) errors.NotSupported($"{path}.type", schema.Type, [.. Types.Select(t => (JsonNode?)t)]);
        if (schema.Type == "array" && schema.Items is null) errors.Required($"{path}.items", "must be specified");
        if (schema.ListType == "map" && schema.ListMapKeys.Count == 0) errors.Required($"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
        for (var i = 0; i < schema.Rules.Count; i++)
            SchemaRules.CheckCompiles(schema.Rules[i], $"{path}.x-kubernetes-validations[{i}]", errors);
        foreach (var (name, property) in schema.Properties)
            if (!(isRoot && name is "apiVersion" or "kind" or "metadata")) Check(property, $"{path}.properties[{name}]", false, errors);
        if (schema.Items is { } items) Check(items, $"{path}.items", false, errors);
        if (schema.AdditionalProperties is { } values) Check(values, $"{path}.additionalProperties", false, errors);
    }
}
