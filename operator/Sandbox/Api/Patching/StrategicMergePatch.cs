// Strategic merge patch, which kubectl sends for built-in types: lists merge by a key of their type instead of being replaced.
// Directives inside the patch:
//   $patch: replace | delete | merge      on an object or list element
//   $setElementOrder/<list>               the order of elements afterwards
//   $deleteFromPrimitiveList/<list>       scalars to take out of a merging list
//   $retainKeys                           names that may stay in this object
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Patching;

internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string Order = "$setElementOrder/";
    private const string DeletePrimitives = "$deleteFromPrimitiveList/";

    /// <summary>Returns a patched copy.</summary>
    public static JsonObject Apply(JsonObject target, JsonObject patch, Shape shape)
    {
        if (patch.Str(Directive) == "replace") return Plain(patch);
        if (patch.Str(Directive) == "delete") return [];
        var result = target.Copy();
        if (patch.Arr(RetainKeys) is { } retained)
        {
            var names = retained.Select(n => n.AsString()).ToHashSet();
            foreach (var name in result.Select(p => p.Key).Where(n => !names.Contains(n)).ToList()) result.Remove(name);
        }
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith('$')) continue;
            var below = shape.Field(name);
            if (value is null) result.Remove(name);
            else if (value is JsonObject fields) result[name] = Apply(result[name] as JsonObject ?? [], fields, below);
            else if (value is JsonArray list && below.PatchMerges) result[name] = MergeList(result[name] as JsonArray ?? [], list, patch.Arr(Order + name) ?? list, below);
            else result[name] = value is JsonArray whole ? PlainList(whole) : value.DeepClone();
        }
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(Order, StringComparison.Ordinal) && !patch.ContainsKey(name[Order.Length..]) && value is JsonArray order
                && result[name[Order.Length..]] is JsonArray unsorted)
            {
                result[name[Order.Length..]] = Sort(unsorted, unsorted, order, shape.Field(name[Order.Length..]));
            }
            if (name.StartsWith(DeletePrimitives, StringComparison.Ordinal) && result[name[DeletePrimitives.Length..]] is JsonArray from)
                foreach (var gone in value as JsonArray ?? []) RemoveScalar(from, gone);
        }
        return result;
    }

    private static JsonArray MergeList(JsonArray target, JsonArray patch, JsonArray order, Shape shape)
    {
        if (patch.Any(e => e.Str(Directive) == "replace" && e is JsonObject { Count: 1 }))
            return PlainList([.. patch.Where(e => e is not JsonObject { Count: 1 } || e.Str(Directive) is null).Select(e => e?.DeepClone())]);
        var result = target.Copy();
        foreach (var element in patch)
        {
            if (element is not JsonObject fields || shape.PatchKey is not { } key)
            {
                if (!result.Any(e => JsonTree.Same(e, element))) result.Add(element?.DeepClone());
                continue;
            }
            if (fields[key] is not { } identity)
                throw ApiError.BadRequest($"map: {JsonTree.ToText(fields)} does not contain declared merge key: {key}");
            var at = IndexOf(result, key, identity);
            switch (fields.Str(Directive))
            {
                case "delete":
                    while (at >= 0)
                    {
                        result.RemoveAt(at);
                        at = IndexOf(result, key, identity);
                    }
                    break;
                case "replace" when at >= 0:
                    result[at] = Plain(fields);
                    break;
                default:
                    if (at >= 0) result[at] = Apply(result[at]!.AsObject(), fields, shape.Element ?? Shape.Open);
                    else result.Add(Apply([], fields, shape.Element ?? Shape.Open));
                    break;
            }
        }
        return Sort(result, target, order, shape);
    }

    private static int IndexOf(JsonArray list, string key, JsonNode identity)
    {
        for (var i = 0; i < list.Count; i++)
            if (JsonTree.Same(list[i].At(key), identity)) return i;
        return -1;
    }

    /// <summary>
    /// Elements named by the order come in it. The others keep their order, and one of them comes before a named element only if
    /// it stood before it in the list being patched.
    /// </summary>
    private static JsonArray Sort(JsonArray merged, JsonArray before, JsonArray order, Shape shape)
    {
        var ranks = order.Select(e => Identity(e, shape)).ToList();
        var places = before.Select(e => Identity(e, shape)).ToList();
        var named = merged.Where(e => Rank(ranks, e) >= 0).OrderBy(e => Rank(ranks, e)).ToList();
        var others = merged.Where(e => Rank(ranks, e) < 0).ToList();
        var result = new JsonArray();
        var (i, j) = (0, 0);
        while (i < others.Count || j < named.Count)
        {
            var othersTurn = j == named.Count || (i < others.Count && Rank(places, others[i]) is >= 0 and var first && Rank(places, named[j]) is >= 0 and var second && first < second);
            result.Add((othersTurn ? others[i++] : named[j++])?.DeepClone());
        }
        return result;

        int Rank(List<JsonNode?> list, JsonNode? element) => list.FindIndex(identity => JsonTree.Same(identity, Identity(element, shape)));
    }

    private static JsonNode? Identity(JsonNode? element, Shape shape) => shape.PatchKey is { } key && element is JsonObject ? element.At(key) : element;

    private static void RemoveScalar(JsonArray from, JsonNode? gone)
    {
        for (var i = from.Count - 1; i >= 0; i--)
            if (JsonTree.Same(from[i], gone)) from.RemoveAt(i);
    }

    /// <summary>A copy without directives and nulls, for places where there is nothing to merge with.</summary>
    private static JsonObject Plain(JsonObject patch)
    {
        var result = new JsonObject();
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith('$') || value is null) continue;
            result[name] = value switch { JsonObject o => Plain(o), JsonArray a => PlainList(a), _ => value.DeepClone() };
        }
        return result;
    }

    private static JsonArray PlainList(JsonArray list) =>
        [.. list.Select(e => e switch { JsonObject o => Plain(o), JsonArray a => PlainList(a), _ => e?.DeepClone() })];
}
