// Field selectors. A real server knows a fixed set of fields per type and refuses the rest; so does this one, because a
// client that relies on an unknown field would otherwise read "no match" for "not supported".
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Selectors;

internal sealed class FieldSelector
{
    public static readonly FieldSelector Everything = new([]);

    private readonly List<(string[] Path, string Value, bool Equal)> terms;

    private FieldSelector(List<(string[] Path, string Value, bool Equal)> terms) => this.terms = terms;

    public bool IsEverything => terms.Count == 0;

    /// <summary>The name asked for when the selector is exactly one object's name, which saves a scan.</summary>
    public string? SingleName => terms.Find(t => t.Equal && t.Path is ["metadata", "name"]).Value;

    /// <summary>Throws a 400 for a field this type cannot be selected by.</summary>
    public static FieldSelector Parse(string? text, ResourceType type)
    {
        if (string.IsNullOrWhiteSpace(text)) return Everything;
        var terms = new List<(string[], string, bool)>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = part.IndexOf('=');
            if (at <= 0) throw ApiError.BadRequest($"invalid selector: '{text}'; can't understand '{part}'");
            var equal = part[at - 1] != '!';
            var field = part[..(equal ? at : at - 1)];
            var value = part[(at + 1)..].TrimStart('=');
            if (field is not ("metadata.name" or "metadata.namespace") && !type.SelectableFields.Contains(field))
                throw ApiError.BadRequest($"field label not supported: {field}");
            terms.Add((field.Split('.'), value, equal));
        }
        return new FieldSelector(terms);
    }

    public bool Matches(JsonObject tree) => terms.TrueForAll(t => ((tree.At(t.Path).AsText() ?? "") == t.Value) == t.Equal);
}
