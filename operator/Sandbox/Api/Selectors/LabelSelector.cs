// Label selectors, equality- and set-based, as they stand in a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Selectors;

internal sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);

    private readonly List<Requirement> requirements;

    private LabelSelector(List<Requirement> requirements) => this.requirements = requirements;

    private enum Relation { In, NotIn, Exists, Absent, Above, Below }

    public bool IsEverything => requirements.Count == 0;

    /// <summary>Throws a 400 naming the text when it is not a selector.</summary>
    public static LabelSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return Everything;
        var found = new List<Requirement>();
        foreach (var part in SplitOutsideParentheses(text)) found.Add(ParseRequirement(part.Trim(), text));
        return new LabelSelector(found);
    }

    /// <summary>A metav1.LabelSelector (matchLabels, matchExpressions).</summary>
    public static LabelSelector From(JsonObject? selector)
    {
        var found = new List<Requirement>();
        foreach (var (key, value) in selector.Obj("matchLabels") ?? [])
            found.Add(new Requirement(key, Relation.In, [value.AsString() ?? ""]));
        foreach (var expression in selector.Arr("matchExpressions") ?? [])
        {
            var values = (expression.Arr("values") ?? []).Select(v => v.AsString() ?? "").ToArray();
            var relation = expression.Str("operator") switch
            {
                "In" => Relation.In, "NotIn" => Relation.NotIn, "Exists" => Relation.Exists, _ => Relation.Absent,
            };
            found.Add(new Requirement(expression.Str("key") ?? "", relation, values));
        }
        return new LabelSelector(found);
    }

    public bool Matches(JsonObject tree)
    {
        if (requirements.Count == 0) return true;
        var labels = tree.Obj("metadata", "labels");
        return requirements.TrueForAll(r => r.Holds(labels?[r.Key].AsString()));
    }

    private static Requirement ParseRequirement(string part, string whole)
    {
        if (part.StartsWith('!')) return new Requirement(Key(part[1..], whole), Relation.Absent, []);
        foreach (var (word, relation) in new[] { (" notin ", Relation.NotIn), (" in ", Relation.In), (" notin(", Relation.NotIn), (" in(", Relation.In) })
        {
            var at = part.IndexOf(word, StringComparison.Ordinal);
            if (at < 0) continue;
            var list = part[(at + word.Length - (word.EndsWith('(') ? 1 : 0))..].Trim();
            if (!list.StartsWith('(') || !list.EndsWith(')')) throw Unparsable(whole);
            return new Requirement(Key(part[..at], whole), relation, [.. list[1..^1].Split(',').Select(v => v.Trim())]);
        }
        foreach (var (sign, relation) in new[] { ("!=", Relation.NotIn), ("==", Relation.In), ("=", Relation.In), (">", Relation.Above), ("<", Relation.Below) })
        {
            var at = part.IndexOf(sign, StringComparison.Ordinal);
            if (at >= 0) return new Requirement(Key(part[..at], whole), relation, [part[(at + sign.Length)..].Trim()]);
        }
        return new Requirement(Key(part, whole), Relation.Exists, []);
    }

    private static string Key(string text, string whole)
    {
        var key = text.Trim();
        return key.Length > 0 && !key.AsSpan().ContainsAny(" ()!=,") ? key : throw Unparsable(whole);
    }

    private static ApiError Unparsable(string whole) =>
        ApiError.BadRequest($"unable to parse requirement: found '{whole}', expected a label selector");

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        var (depth, start) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            else if (text[i] == ')') depth--;
            else if (text[i] == ',' && depth == 0)
            {
                yield return text[start..i];
                start = i + 1;
            }
        }
        yield return text[start..];
    }

    private sealed record Requirement(string Key, Relation Relation, string[] Values)
    {
        public bool Holds(string? value) => Relation switch
        {
            Relation.In => value is not null && Values.Contains(value),
            Relation.NotIn => value is null || !Values.Contains(value),
            Relation.Exists => value is not null,
            Relation.Absent => value is null,
            Relation.Above => long.TryParse(value, out var n) && long.TryParse(Values[0], out var bound) && n > bound,
            _ => long.TryParse(value, out var n) && long.TryParse(Values[0], out var bound) && n < bound,
        };
    }
}
