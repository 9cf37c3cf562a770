// Evaluates x-kubernetes-validations along an object. A rule that reads oldSelf is a transition rule: it runs only where there is
// an old value to compare with, found by field name, map key, or the keys of a map list.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Cel;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Patching;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Schemas;

internal static class SchemaRules
{
    public static void Check(JsonNode? value, JsonNode? old, SchemaNode schema, string path, FieldErrors errors)
    {
        if (value is null) return;
        foreach (var rule in schema.Rules) Check(rule, value, old, path, errors);
        switch (value)
        {
            case JsonObject tree:
                foreach (var (name, child) in tree)
                    if (schema.Property(name) is { } known) Check(child, old.At(name), known, path.Length == 0 ? name : $"{path}.{name}", errors);
                break;
            case JsonArray list when schema.Items is { } items:
                for (var i = 0; i < list.Count; i++) Check(list[i], Counterpart(list[i], old as JsonArray, schema), items, $"{path}[{i}]", errors);
                break;
        }
    }

    /// <summary>True when the schema has a rule anywhere.</summary>
    public static bool AnyIn(SchemaNode schema) => schema.Rules.Count > 0 || schema.Properties.Values.Any(AnyIn)
        || (schema.Items is { } items && AnyIn(items)) || (schema.AdditionalProperties is { } values && AnyIn(values));

    /// <summary>Adds an error when the rule or its message is not an expression.</summary>
    public static void CheckCompiles(SchemaRule rule, string path, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(rule.Rule)) errors.Required($"{path}.rule", "rule is not specified");
        else Try(rule.Rule, "rule");
        if (rule.MessageExpression is { } message) Try(message, "messageExpression");

        void Try(string text, string field)
        {
            try
            {
                CelExpression.Compile(text, "self", "oldSelf");
            }
            catch (CelException e)
            {
                errors.Invalid($"{path}.{field}", text, $"compilation failed: {e.Message}");
            }
        }
    }

    private static void Check(SchemaRule rule, JsonNode value, JsonNode? old, string path, FieldErrors errors)
    {
        try
        {
            var compiled = CelExpression.Compile(rule.Rule, "self", "oldSelf");
            var variables = new Dictionary<string, object?> { ["self"] = CelValues.From(value) };
            if (rule.OptionalOldSelf == true) variables["oldSelf"] = old is null ? CelOptional.None : new CelOptional(true, CelValues.From(old));
            else if (compiled.Variables.Contains("oldSelf"))
            {
                if (old is null) return;
                variables["oldSelf"] = CelValues.From(old);
            }
            if (compiled.Evaluate(variables) is true) return;
            Refuse(rule, value, path, MessageOf(rule, variables), errors);
        }
        catch (CelException e)
        {
            errors.Invalid(Show(path), Shown(value), $"rule evaluation error: {e.Message} evaluating rule: {rule.Message ?? rule.Rule}");
        }
    }

    private static void Refuse(SchemaRule rule, JsonNode value, string path, string message, FieldErrors errors)
    {
        var field = Show(rule.FieldPath is { Length: > 0 } below ? (path + below).TrimStart('.') : path);
        switch (rule.Reason)
        {
            case "FieldValueForbidden": errors.Forbidden(field, message); break;
            case "FieldValueRequired": errors.Required(field, message); break;
            case "FieldValueDuplicate": errors.Add(new Cause("FieldValueDuplicate", $"Duplicate value: {JsonTree.ToText(Shown(value))}", field)); break;
            default: errors.Invalid(field, Shown(value), message); break;
        }
    }

    private static string MessageOf(SchemaRule rule, Dictionary<string, object?> variables)
    {
        var plain = rule.Message ?? $"failed rule: {rule.Rule}";
        if (rule.MessageExpression is not { } expression) return plain;
        try
        {
            return CelExpression.Compile(expression, "self", "oldSelf").Evaluate(variables) is string { Length: > 0 } text ? text : plain;
        }
        catch (CelException)
        {
            return plain;
        }
    }

    private static JsonNode? Counterpart(JsonNode? element, JsonArray? old, SchemaNode list)
    {
        if (old is null || list.ListType != "map") return null;
        var shape = Shape.KeyedBy(list.ListMapKeys, Shape.Open, new Dictionary<string, JsonNode>());
        var step = FieldWalk.Step(element, shape);
        return old.FirstOrDefault(e => FieldWalk.Step(e, shape) == step);
    }

    private static string Show(string path) => path.Length == 0 ? "<nil>" : path;

    /// <summary>Objects and lists are named by their type, scalars shown.</summary>
    private static JsonNode? Shown(JsonNode value) => value switch { JsonObject => "object", JsonArray => "array", _ => value };
}
