// The JSONPath subset printer columns use: .a.b, ['a'], [0], [-1], [*], [?(@.type=="Ready")] with == and !=.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal sealed class JsonPath
{
    private readonly List<Func<JsonNode, IEnumerable<JsonNode?>>> steps;

    private JsonPath(List<Func<JsonNode, IEnumerable<JsonNode?>>> steps) => this.steps = steps;

    public static bool TryParse(string text, out JsonPath path)
    {
        path = new JsonPath([]);
        var steps = new List<Func<JsonNode, IEnumerable<JsonNode?>>>();
        if (text.Length == 0 || (text[0] != '.' && text[0] != '[')) return false;
        var at = 0;
        while (at < text.Length)
        {
            if (text[at] == '.')
            {
                var end = at + 1;
                while (end < text.Length && text[end] is not ('.' or '['))
                {
                    if (text[end] == '\\') end++;
                    end++;
                }
                end = Math.Min(end, text.Length);
                var name = text[(at + 1)..end].Replace("\\", "");
                if (name.Length == 0 && !(end < text.Length && text[end] == '[')) return false;
                if (name.Length > 0) steps.Add(name == "*" ? Every : Member(name));
                at = end;
            }
            else if (text[at] == '[')
            {
                var end = text.IndexOf(']', at);
                if (end < 0 || Bracket(text[(at + 1)..end].Trim()) is not { } step) return false;
                steps.Add(step);
                at = end + 1;
            }
            else return false;
        }
        path = new JsonPath(steps);
        return true;
    }

    /// <summary>Everything the path leads to.</summary>
    public IEnumerable<JsonNode> Find(JsonNode tree)
    {
        IEnumerable<JsonNode> found = [tree];
        foreach (var step in steps) found = found.SelectMany(step).OfType<JsonNode>();
        return found;
    }

    private static Func<JsonNode, IEnumerable<JsonNode?>> Member(string name) => node => node is JsonObject tree ? [tree[name]] : [];

    private static IEnumerable<JsonNode?> Every(JsonNode node) => node switch
    {
        JsonArray list => list,
        JsonObject tree => tree.Select(p => p.Value),
        _ => [],
    };

    private static Func<JsonNode, IEnumerable<JsonNode?>>? Bracket(string inside)
    {
        if (inside == "*") return Every;
        if (inside.Length > 1 && inside[0] is '\'' or '"') return Member(inside[1..^1]);
        if (int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index))
        {
            return node => node is JsonArray list && (index < 0 ? index + list.Count : index) is var i && i >= 0 && i < list.Count ? [list[i]] : [];
        }
        if (!inside.StartsWith("?(", StringComparison.Ordinal) || !inside.EndsWith(')')) return null;
        var condition = inside[2..^1].Trim();
        foreach (var sign in new[] { "==", "!=" })
        {
            var split = condition.IndexOf(sign, StringComparison.Ordinal);
            if (split < 0 || !condition.StartsWith("@.", StringComparison.Ordinal)) continue;
            var fields = condition[2..split].Trim().Split('.');
            var wanted = condition[(split + 2)..].Trim().Trim('\'', '"');
            return node => node is JsonArray list ? list.Where(e => (e.At(fields).AsText() == wanted) == (sign == "==")) : [];
        }
        return null;
    }
}
