// Short hands for writing columns.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal static class Cells
{
    public const string None = "<none>";

    public static Column Text(string name, Func<JsonObject, string?> cell, int priority = 0) => new(name, "string", "", "", priority, (tree, _) => cell(tree));

    public static Column Text(string name, Func<JsonObject, TimeProvider, string?> cell, int priority = 0) => new(name, "string", "", "", priority, (tree, time) => cell(tree, time));

    public static Column Number(string name, Func<JsonObject, long?> cell, int priority = 0) => new(name, "integer", "", "", priority, (tree, _) => cell(tree) ?? 0);

    /// <summary>The text at a path, or <c>&lt;none&gt;</c>.</summary>
    public static string At(JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsText() is { Length: > 0 } text ? text : None;

    public static string Join(IEnumerable<string?> parts, string empty = None)
    {
        var text = string.Join(",", parts.Where(p => !string.IsNullOrEmpty(p)));
        return text.Length == 0 ? empty : text;
    }

    /// <summary>Containers and images of a pod template, for wide output.</summary>
    public static IEnumerable<Column> Template(params string[] path)
    {
        yield return Text("Containers", tree => Join((tree.Arr([.. path, "containers"]) ?? []).Select(c => c.Str("name"))), 1);
        yield return Text("Images", tree => Join((tree.Arr([.. path, "containers"]) ?? []).Select(c => c.Str("image"))), 1);
    }

    public static Column Selector(string name = "Selector") =>
        Text(name, tree => Selectors.LabelSelectorText.Of(tree.Obj("spec", "selector")) is { Length: > 0 } text ? text : None, 1);
}
