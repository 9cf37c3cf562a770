// Checks values against a schema, with the sentences the real server's validator uses: they name the field and the rule.
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Schemas;

internal sealed class SchemaValidation(FieldErrors errors)
{
    public void Check(JsonNode? value, SchemaNode schema, string path, bool isResource = false)
    {
        if (value is null)
        {
            if (!schema.Nullable && (schema.Type is not null || schema.IntOrString)) WrongType(path, schema, "null");
            return;
        }
        if (!HasType(value, schema))
        {
            WrongType(path, schema, NameOf(value));
            return;
        }
        Values(value, schema, path);
        Combinations(value, schema, path);
        switch (value)
        {
            case JsonObject tree:
                foreach (var name in schema.Required)
                    if (!tree.ContainsKey(name) && !(isResource && name is "apiVersion" or "kind" or "metadata")) errors.Required(Join(path, name));
                foreach (var (name, child) in tree)
                    if (!(isResource && name is "apiVersion" or "kind" or "metadata") && schema.Property(name) is { } known) Check(child, known, Join(path, name), known.EmbeddedResource);
                break;
            case JsonArray list:
                if (schema.Items is { } items)
                    for (var i = 0; i < list.Count; i++) Check(list[i], items, $"{path}[{i}]", items.EmbeddedResource);
                Duplicates(list, schema, path);
                break;
        }
    }

    private void Values(JsonNode value, SchemaNode schema, string path)
    {
        if (schema.Enum.Count > 0 && !schema.Enum.Any(e => JsonTree.Same(e, value))) errors.NotSupported(path, value, schema.Enum);
        if (value.AsNumber() is { } number) Numbers(value, number, schema, path);
        if (value.AsString() is { } text) Texts(text, schema, path);
        if (value is JsonArray list)
        {
            if (schema.MinItems is { } least && list.Count < least)
                errors.Invalid(path, list.Count, $"{path} in body should have at least {least} items");
            if (schema.MaxItems is { } most && list.Count > most)
                errors.Add(new Http.Cause("FieldValueTooMany", $"Too many: {list.Count}: must have at most {most} items", path));
        }
        if (value is JsonObject tree)
        {
            if (schema.MinProperties is { } least && tree.Count < least)
                errors.Invalid(path, tree.Count, $"{path} in body should have at least {least} properties");
            if (schema.MaxProperties is { } most && tree.Count > most)
                errors.Add(new Http.Cause("FieldValueTooMany", $"Too many: {tree.Count}: must have at most {most} items", path));
        }
    }

    private void Numbers(JsonNode value, double number, SchemaNode schema, string path)
    {
        if (schema.Minimum is { } least && (schema.ExclusiveMinimum ? number <= least : number < least))
            errors.Invalid(path, value, $"{path} in body should be greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{Show(least)}");
        if (schema.Maximum is { } most && (schema.ExclusiveMaximum ? number >= most : number > most))
            errors.Invalid(path, value, $"{path} in body should be less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{Show(most)}");
        if (schema.MultipleOf is { } step && Math.Abs(number / step - Math.Round(number / step)) > 1e-9)
            errors.Invalid(path, value, $"{path} in body should be a multiple of {Show(step)}");
        if (schema is { Type: "integer", Format: "int32" } && number is < int.MinValue or > int.MaxValue)
            errors.Invalid(path, value, $"{path} in body should be a valid int32");
    }

    private void Texts(string text, SchemaNode schema, string path)
    {
        var length = new StringInfo(text).LengthInTextElements;
        if (schema.MinLength is { } least && length < least)
            errors.Invalid(path, text, $"{path} in body should be at least {least} chars long");
        if (schema.MaxLength is { } most && length > most)
            errors.Add(new Http.Cause("FieldValueTooLong", $"Too long: may not be more than {most} bytes", path));
        if (schema.Pattern is { } pattern && !Matches(pattern, text))
            errors.Invalid(path, text, $"{path} in body should match '{pattern}'");
        if (schema.Format is { } format && !Formats.Holds(format, text))
            errors.Invalid(path, text, $"{path} in body must be of type {format}: {JsonTree.ToText(JsonValue.Create(text))}");
    }

    private void Combinations(JsonNode value, SchemaNode schema, string path)
    {
        foreach (var part in schema.AllOf)
            if (!Holds(value, part)) errors.Invalid(path, "", $"\"{path}\" must validate all the schemas (allOf)");
        if (schema.AnyOf.Count > 0 && !schema.AnyOf.Any(part => Holds(value, part)))
            errors.Invalid(path, "", $"\"{path}\" must validate at least one schema (anyOf)");
        if (schema.OneOf.Count > 0)
        {
            var count = schema.OneOf.Count(part => Holds(value, part));
            if (count != 1)
                errors.Invalid(path, "", $"\"{path}\" must validate one and only one schema (oneOf). Found {(count == 0 ? "none valid" : $"{count} valid alternatives")}");
        }
        if (schema.Not is { } not && Holds(value, not)) errors.Invalid(path, "", $"\"{path}\" must not validate the schema (not)");
    }

    private void Duplicates(JsonArray list, SchemaNode schema, string path)
    {
        if (schema.ListType is not ("set" or "map")) return;
        var seen = new HashSet<string>();
        for (var i = 0; i < list.Count; i++)
        {
            JsonNode? identity = list[i];
            if (schema.ListType == "map")
                identity = new JsonObject(schema.ListMapKeys.Select(k => KeyValuePair.Create(k, list[i].At(k)?.DeepClone())));
            if (!seen.Add(JsonTree.ToText(identity))) errors.Duplicate($"{path}[{i}]", identity);
        }
    }

    private static bool Holds(JsonNode value, SchemaNode schema)
    {
        var trial = new FieldErrors();
        new SchemaValidation(trial).Check(value, schema, "value");
        return !trial.Any;
    }

    private static bool Matches(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private void WrongType(string path, SchemaNode schema, string found)
    {
        var expected = schema.IntOrString ? "integer or string" : schema.Type;
        errors.TypeInvalid(path, found, $"{path} in body must be of type {expected}: \"{found}\"");
    }

    private static bool HasType(JsonNode value, SchemaNode schema)
    {
        if (schema.IntOrString) return value.AsString() is not null || value.AsLong() is not null;
        return schema.Type switch
        {
            "object" => value is JsonObject,
            "array" => value is JsonArray,
            "string" => value.AsString() is not null,
            "boolean" => value.AsBool() is not null,
            "integer" => value.AsLong() is not null,
            "number" => value.AsNumber() is not null,
            _ => true,
        };
    }

    private static string NameOf(JsonNode value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        _ when value.AsString() is not null => "string",
        _ when value.AsBool() is not null => "boolean",
        _ when value.AsLong() is not null => "integer",
        _ => "number",
    };

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Show(double number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The string formats a schema may name; unknown ones are ignored, as the real server does.</summary>
internal static class Formats
{
    public static bool Holds(string format, string text) => format switch
    {
        "date-time" => text.Contains('T') && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", out _),
        "duration" => IsDuration(text),
        "uuid" or "uuid4" => Guid.TryParse(text, out _),
        "ipv4" => System.Net.IPAddress.TryParse(text, out var v4) && v4.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork,
        "ipv6" => System.Net.IPAddress.TryParse(text, out var v6) && v6.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6,
        "cidr" => System.Net.IPNetwork.TryParse(text, out _),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
        "byte" => Convert.TryFromBase64String(text, new byte[text.Length], out _),
        _ => true,
    };

    private static bool IsDuration(string text) =>
        Regex.IsMatch(text, @"^[-+]?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d|w))+\z", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
}
