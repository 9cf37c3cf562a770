// One node of a structural schema (apiextensions.k8s.io/v1 openAPIV3Schema), read once from JSON. A node that only constrains
// (inside anyOf, not, ...) is the same kind of thing without structure.
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Schemas;

/// <summary>A rule of x-kubernetes-validations.</summary>
internal sealed record SchemaRule(string Rule, string? Message, string? MessageExpression, string? Reason, string? FieldPath, bool? OptionalOldSelf);

internal sealed class SchemaNode
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    public required JsonObject Source { get; init; }
    public string? Type { get; private init; }
    public string? Format { get; private init; }
    public bool Nullable { get; private init; }
    public bool IntOrString { get; private init; }
    public bool PreservesUnknown { get; private init; }
    public bool EmbeddedResource { get; private init; }
    public string? ListType { get; private init; }
    public IReadOnlyList<string> ListMapKeys { get; private init; } = [];
    public string? MapType { get; private init; }
    public JsonNode? Default { get; private init; }
    public IReadOnlyDictionary<string, SchemaNode> Properties { get; private init; } = new Dictionary<string, SchemaNode>();
    public SchemaNode? AdditionalProperties { get; private init; }
    public bool AllowsAdditional { get; private init; }
    public SchemaNode? Items { get; private init; }
    public IReadOnlyList<string> Required { get; private init; } = [];
    public IReadOnlyList<JsonNode?> Enum { get; private init; } = [];
    public double? Minimum { get; private init; }
    public double? Maximum { get; private init; }
    public bool ExclusiveMinimum { get; private init; }
    public bool ExclusiveMaximum { get; private init; }
    public double? MultipleOf { get; private init; }
    public long? MinLength { get; private init; }
    public long? MaxLength { get; private init; }
    public long? MinItems { get; private init; }
    public long? MaxItems { get; private init; }
    public long? MinProperties { get; private init; }
    public long? MaxProperties { get; private init; }
    public Regex? Pattern { get; private init; }
    public IReadOnlyList<SchemaNode> AllOf { get; private init; } = [];
    public IReadOnlyList<SchemaNode> AnyOf { get; private init; } = [];
    public IReadOnlyList<SchemaNode> OneOf { get; private init; } = [];
    public SchemaNode? Not { get; private init; }
    public IReadOnlyList<SchemaRule> Rules { get; private init; } = [];

    /// <summary>Throws ArgumentException when a pattern is not a regular expression.</summary>
    public static SchemaNode Read(JsonObject source) => new()
    {
        Source = source,
        Type = source.Str("type"),
        Format = source.Str("format"),
        Nullable = source.IsTrue("nullable"),
        IntOrString = source.IsTrue("x-kubernetes-int-or-string"),
        PreservesUnknown = source.IsTrue("x-kubernetes-preserve-unknown-fields"),
        EmbeddedResource = source.IsTrue("x-kubernetes-embedded-resource"),
        ListType = source.Str("x-kubernetes-list-type"),
        ListMapKeys = Strings(source.Arr("x-kubernetes-list-map-keys")),
        MapType = source.Str("x-kubernetes-map-type"),
        Default = source["default"],
        Properties = (source.Obj("properties") ?? []).Where(p => p.Value is JsonObject).ToDictionary(p => p.Key, p => Read((JsonObject)p.Value!)),
        AdditionalProperties = source["additionalProperties"] is JsonObject additional ? Read(additional) : null,
        AllowsAdditional = source["additionalProperties"] is JsonObject || source.IsTrue("additionalProperties"),
        Items = source["items"] is JsonObject items ? Read(items) : null,
        Required = Strings(source.Arr("required")),
        Enum = [.. source.Arr("enum") ?? []],
        Minimum = source["minimum"].AsNumber(),
        Maximum = source["maximum"].AsNumber(),
        ExclusiveMinimum = source.IsTrue("exclusiveMinimum"),
        ExclusiveMaximum = source.IsTrue("exclusiveMaximum"),
        MultipleOf = source["multipleOf"].AsNumber(),
        MinLength = source.Long("minLength"),
        MaxLength = source.Long("maxLength"),
        MinItems = source.Long("minItems"),
        MaxItems = source.Long("maxItems"),
        MinProperties = source.Long("minProperties"),
        MaxProperties = source.Long("maxProperties"),
        Pattern = source.Str("pattern") is { } pattern ? new Regex(pattern, RegexOptions.CultureInvariant, PatternTimeout) : null,
        AllOf = Many(source.Arr("allOf")),
        AnyOf = Many(source.Arr("anyOf")),
        OneOf = Many(source.Arr("oneOf")),
        Not = source["not"] is JsonObject not ? Read(not) : null,
        Rules = [.. (source.Arr("x-kubernetes-validations") ?? []).Select(r => new SchemaRule(
            r.Str("rule") ?? "", r.Str("message"), r.Str("messageExpression"), r.Str("reason"), r.Str("fieldPath"), r.At("optionalOldSelf").AsBool()))],
    };

    /// <summary>Schema of a member, or null when it is unknown.</summary>
    public SchemaNode? Property(string name) => Properties.GetValueOrDefault(name) ?? AdditionalProperties;

    private static List<SchemaNode> Many(JsonArray? nodes) => [.. (nodes ?? []).OfType<JsonObject>().Select(Read)];

    private static List<string> Strings(JsonArray? values) => [.. (values ?? []).Select(v => v.AsString() ?? "")];
}
