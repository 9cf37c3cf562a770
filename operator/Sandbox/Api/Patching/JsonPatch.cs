// RFC 6902 JSON patch and RFC 7386 merge patch.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Patching;

internal static class JsonPatch
{
    /// <summary>Applies the operations in order to a copy. A path that does not exist or a failed test throws a 422.</summary>
    public static JsonNode? Apply(JsonNode? document, JsonArray operations)
    {
        var root = document?.DeepClone();
        foreach (var each in operations)
        {
            var operation = each.Str("op") ?? throw ApiError.BadRequest("json patch: operation without op");
            var path = Steps(each.Str("path") ?? throw ApiError.BadRequest("json patch: operation without path"));
            switch (operation)
            {
                case "add":
                    root = Put(root, path, each.At("value")?.DeepClone(), adds: true);
                    break;
                case "replace":
                    Get(root, path);
                    root = Put(root, path, each.At("value")?.DeepClone(), adds: false);
                    break;
                case "remove":
                    Remove(root, path);
                    break;
                case "test":
                    if (!JsonTree.Same(Get(root, path, absentIsNull: true), each.At("value")))
                        throw ApiError.PatchRefused($"the server rejected our request due to an error in our request: testing value {each.Str("path")} failed");
                    break;
                case "copy" or "move":
                    var from = Steps(each.Str("from") ?? throw ApiError.BadRequest($"json patch: {operation} without from"));
                    var value = Get(root, from)?.DeepClone();
                    if (operation == "move") Remove(root, from);
                    root = Put(root, path, value, adds: true);
                    break;
                default:
                    throw ApiError.BadRequest($"json patch: unknown operation {operation}");
            }
        }
        return root;
    }

    /// <summary>RFC 7386: null removes, objects merge, everything else replaces.</summary>
    public static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target is JsonObject there ? there.Copy() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null) result.Remove(name);
            else result[name] = Merge(result[name], value);
        }
        return result;
    }

    private static string[] Steps(string pointer)
    {
        if (pointer.Length == 0) return [];
        if (pointer[0] != '/') throw ApiError.BadRequest($"json patch: path {pointer} does not start with /");
        return [.. pointer[1..].Split('/').Select(s => s.Replace("~1", "/").Replace("~0", "~"))];
    }

    private static JsonNode? Get(JsonNode? node, ReadOnlySpan<string> path, bool absentIsNull = false)
    {
        foreach (var step in path)
        {
            if (node is JsonObject tree && tree.ContainsKey(step)) node = tree[step];
            else if (node is JsonArray list && TryIndex(step, list.Count - 1, out var at)) node = list[at];
            else if (absentIsNull) return null;
            else throw Missing(step);
        }
        return node;
    }

    private static JsonNode? Put(JsonNode? root, string[] path, JsonNode? value, bool adds)
    {
        if (path.Length == 0) return value;
        var (parent, last) = (Get(root, path.AsSpan(0, path.Length - 1)), path[^1]);
        if (parent is JsonObject tree) tree[last] = value;
        else if (parent is JsonArray list)
        {
            if (!adds && TryIndex(last, list.Count - 1, out var index)) list[index] = value;
            else if (adds && last == "-") list.Add(value);
            else if (adds && TryIndex(last, list.Count, out var at)) list.Insert(at, value);
            else throw Missing(last);
        }
        else throw Missing(last);
        return root;
    }

    private static void Remove(JsonNode? root, string[] path)
    {
        if (path.Length == 0) throw ApiError.BadRequest("json patch: cannot remove the document");
        var parent = Get(root, path.AsSpan(0, path.Length - 1));
        if (parent is JsonObject tree && tree.Remove(path[^1])) return;
        if (parent is JsonArray list && TryIndex(path[^1], list.Count - 1, out var at)) list.RemoveAt(at);
        else throw Missing(path[^1]);
    }

    private static bool TryIndex(string step, int last, out int index) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out index) && index <= last;

    private static ApiError Missing(string step) =>
        ApiError.PatchRefused($"the server rejected our request due to an error in our request: path step '{step}' does not exist");
}
