// A metav1.LabelSelector in the query form, as scale subresources report it.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Selectors;

internal static class LabelSelectorText
{
    public static string Of(JsonObject? selector)
    {
        var terms = new List<string>();
        foreach (var (key, value) in selector.Obj("matchLabels") ?? []) terms.Add($"{key}={value.AsString()}");
        foreach (var expression in selector.Arr("matchExpressions") ?? [])
        {
            var key = expression.Str("key");
            var values = string.Join(",", (expression.Arr("values") ?? []).Select(v => v.AsString()));
            terms.Add(expression.Str("operator") switch
            {
                "In" => $"{key} in ({values})", "NotIn" => $"{key} notin ({values})", "Exists" => $"{key}", _ => $"!{key}",
            });
        }
        return string.Join(",", terms.Order(StringComparer.Ordinal));
    }
}
