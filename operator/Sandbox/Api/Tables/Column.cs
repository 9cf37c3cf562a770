// One column of a Table reply: its header, and how the cell is read from an object.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

/// <param name="Type">string, integer, date or boolean.</param>
/// <param name="Priority">0 is always shown, more only in wide output.</param>
internal sealed record Column(string Name, string Type, string Format, string Description, int Priority, Func<JsonObject, TimeProvider, JsonNode?> Cell)
{
    public static readonly Column ObjectName = new("Name", "string", "name",
        "Name must be unique within a namespace.", 0, (tree, _) => tree.Str("metadata", "name"));

    public static readonly Column Age = new("Age", "string", "",
        "CreationTimestamp is the time when the object was created.", 0,
        (tree, time) => Ages.Since(tree.Str("metadata", "creationTimestamp"), time));

    public static readonly IReadOnlyList<Column> NameAndAge = [ObjectName, new("Created At", "date", "",
        "CreationTimestamp is the time when the object was created.", 0, (tree, _) => tree.Str("metadata", "creationTimestamp"))];
}
