// Builds meta.k8s.io Tables, the form `kubectl get` asks for, from the columns of a type.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Tables;

/// <param name="includeObject">None, Metadata (default) or Object: what each row carries beside its cells.</param>
internal sealed class TableBuilder(ResourceType type, TimeProvider time, string metaVersion, string? includeObject)
{
    public JsonObject Build(IReadOnlyList<JsonObject> objects, string resourceVersion, bool withHeaders = true) => new()
    {
        ["kind"] = "Table",
        ["apiVersion"] = $"meta.k8s.io/{metaVersion}",
        ["metadata"] = new JsonObject { ["resourceVersion"] = resourceVersion },
        ["columnDefinitions"] = withHeaders ? Headers() : new JsonArray(),
        ["rows"] = new JsonArray([.. objects.Select(Row)]),
    };

    private JsonArray Headers() => new([.. type.Columns.Select(c => new JsonObject
    {
        ["name"] = c.Name, ["type"] = c.Type, ["format"] = c.Format, ["description"] = c.Description, ["priority"] = c.Priority,
    })]);

    private JsonObject Row(JsonObject tree)
    {
        var row = new JsonObject { ["cells"] = new JsonArray([.. type.Columns.Select(c => c.Cell(tree, time))]) };
        if (includeObject == "Object") row["object"] = tree.Copy();
        else if (includeObject != "None") row["object"] = PartialMetadata.Of(tree, metaVersion);
        return row;
    }
}
