// Columns of custom resources, from additionalPrinterColumns.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal static class PrinterColumns
{
    private const string AgePath = ".metadata.creationTimestamp";

    /// <summary>The name, then what the definition declares; age alone when it declares nothing.</summary>
    public static IReadOnlyList<Column> Of(JsonArray? declared)
    {
        var columns = new List<Column> { Column.ObjectName };
        foreach (var each in declared ?? []) columns.Add(Declared(each!.AsObject()));
        if (declared is not { Count: > 0 }) columns.Add(Column.Age);
        return columns;
    }

    private static Column Declared(JsonObject column)
    {
        var (name, type, text) = (column.Str("name") ?? "", column.Str("type") ?? "string", column.Str("jsonPath") ?? "");
        JsonPath.TryParse(text, out var path);
        var description = column.Str("description") ?? (text == AgePath ? "CreationTimestamp is the time when the object was created." : $"Custom resource definition column (in JSONPath format): {text}");
        return new Column(name, type, column.Str("format") ?? "", description, (int)(column.Long("priority") ?? 0), (tree, time) => Cell(path.Find(tree), type, time));
    }

    private static JsonNode? Cell(IEnumerable<JsonNode> found, string type, TimeProvider time)
    {
        var values = found.ToList();
        if (values.Count == 0) return null;
        var first = values[0];
        switch (type)
        {
            case "integer": return first.AsLong();
            case "number": return first.AsNumber();
            case "boolean": return first.AsBool();
            case "date": return Ages.Since(first.AsString(), time);
            default: return values.Count == 1 ? Text(first) : string.Join(",", values.Select(Text));
        }
    }

    private static string Text(JsonNode value) => value.AsText() ?? JsonTree.ToText(value);
}
