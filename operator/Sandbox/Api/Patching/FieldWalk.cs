// The walks over an object along its shape that server-side apply is made of: which fields it sets, what differs between two
// versions, merging a configuration into the living object, and taking fields out again. Semantics follow the Kubernetes
// "structured merge" design (KEP 555): granular maps, keyed lists, atomic values.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Patching;

/// <summary>What a write changed, as field sets.</summary>
internal sealed record FieldChanges(FieldSet Added, FieldSet Modified, FieldSet Removed)
{
    public FieldSet Set => Added.Union(Modified);
}

internal static class FieldWalk
{
    private static readonly string[] Unowned =
    [
        "f:name", "f:namespace", "f:creationTimestamp", "f:selfLink", "f:uid", "f:clusterName", "f:generation", "f:managedFields",
        "f:resourceVersion", "f:deletionTimestamp", "f:deletionGracePeriodSeconds", "f:generateName",
    ];

    /// <summary>Every field the object sets, except those no manager owns (name, uid, ...).</summary>
    public static FieldSet Fields(JsonObject tree, Shape shape)
    {
        var set = new FieldSet();
        Collect(tree, shape, set);
        return Strip(set);
    }

    public static FieldChanges Compare(JsonObject? before, JsonObject after, Shape shape)
    {
        var changes = new FieldChanges(new FieldSet(), new FieldSet(), new FieldSet());
        Compare(before ?? [], after, shape, changes);
        return new FieldChanges(Strip(changes.Added), Strip(changes.Modified), Strip(changes.Removed));
    }

    /// <summary>The living value with the configuration laid over it. Both arguments stay untouched.</summary>
    public static JsonNode? Merge(JsonNode? live, JsonNode? config, Shape shape)
    {
        switch (config)
        {
            case JsonObject wanted when live is JsonObject there && shape.Form != ShapeForm.Atomic:
                var merged = there.Copy();
                foreach (var (name, value) in wanted) merged[name] = Merge(there[name], value, shape.Field(name));
                return merged;
            case JsonArray list when live is JsonArray existing && shape.Form is ShapeForm.KeyedList or ShapeForm.Set:
                return MergeList(existing, list, shape);
            default:
                return config?.DeepClone();
        }
    }

    /// <summary>Takes the members of <paramref name="remove"/> out of the value, except where <paramref name="keep"/> has them or something below.</summary>
    public static void Remove(JsonNode? value, FieldSet remove, FieldSet keep, Shape shape)
    {
        if (value is JsonObject tree)
        {
            foreach (var (step, child) in remove.Children)
            {
                if (!step.StartsWith("f:", StringComparison.Ordinal) || !tree.ContainsKey(step[2..])) continue;
                var name = step[2..];
                var kept = keep.Find(step);
                if (child.IsMember && (kept is null || kept.IsEmpty)) tree.Remove(name);
                else
                {
                    Remove(tree[name], child, kept ?? new FieldSet(), shape.Field(name));
                    if (tree[name] is JsonObject { Count: 0 } or JsonArray { Count: 0 } && (kept is null || kept.IsEmpty)) tree.Remove(name);
                }
            }
        }
        else if (value is JsonArray list)
        {
            foreach (var (step, child) in remove.Children)
            {
                var element = list.FirstOrDefault(e => Step(e, shape) == step);
                if (element is null) continue;
                var kept = keep.Find(step);
                if (child.IsMember && (kept is null || kept.IsEmpty)) list.Remove(element);
                else Remove(element, child, kept ?? new FieldSet(), shape.Element);
            }
        }
    }

    /// <summary>How a list element is named in a field set.</summary>
    public static string Step(JsonNode? element, Shape shape)
    {
        if (shape.Form == ShapeForm.Set || element is not JsonObject fields) return "v:" + JsonTree.ToText(element);
        var keys = new JsonObject();
        foreach (var name in shape.Keys.Order(StringComparer.Ordinal))
        {
            var value = fields[name] ?? shape.KeyDefaults.GetValueOrDefault(name);
            if (value is not null) keys[name] = value.DeepClone();
        }
        return "k:" + JsonTree.ToText(keys);
    }

    private static JsonArray MergeList(JsonArray live, JsonArray config, Shape shape)
    {
        var wanted = config.Select(e => (Step: Step(e, shape), Element: e)).ToList();
        var steps = wanted.Select(w => w.Step).ToHashSet();
        var there = new Dictionary<string, JsonNode?>();
        foreach (var element in live) there.TryAdd(Step(element, shape), element);
        var result = new JsonArray();
        var next = 0;
        // Elements the configuration names come in its order; the others keep their place between them.
        foreach (var element in live)
        {
            var step = Step(element, shape);
            if (!steps.Contains(step))
            {
                result.Add(element?.DeepClone());
                continue;
            }
            var at = wanted.FindIndex(w => w.Step == step);
            for (; next <= at; next++) result.Add(Merge(there.GetValueOrDefault(wanted[next].Step), wanted[next].Element, shape.Element ?? Shape.Open));
        }
        for (; next < wanted.Count; next++) result.Add(Merge(there.GetValueOrDefault(wanted[next].Step), wanted[next].Element, shape.Element ?? Shape.Open));
        return result;
    }

    /// <param name="everyNode">True: what came or went as a whole counts with every map and list in it, not only with its leaves.</param>
    private static void Collect(JsonNode? value, Shape shape, FieldSet into, bool everyNode = false)
    {
        switch (value)
        {
            case JsonObject tree when shape.Form != ShapeForm.Atomic:
                foreach (var (name, child) in tree)
                {
                    var below = into.Below("f:" + name);
                    Collect(child, shape.Field(name), below, everyNode);
                    if (everyNode || child is null or JsonObject { Count: 0 } || shape.Form == ShapeForm.Map) below.IsMember = true;
                }
                break;
            case JsonArray list when shape.Form is ShapeForm.KeyedList or ShapeForm.Set:
                foreach (var element in list)
                {
                    var below = into.Below(Step(element, shape));
                    if (shape.Form == ShapeForm.KeyedList) Collect(element, shape.Element, below, everyNode);
                    below.IsMember = true;
                }
                break;
            default:
                into.IsMember = true;
                break;
        }
    }

    private static void Compare(JsonNode? before, JsonNode? after, Shape shape, FieldChanges changes)
    {
        if (before is JsonObject old && after is JsonObject fresh && shape.Form != ShapeForm.Atomic)
        {
            foreach (var name in old.Select(p => p.Key).Union(fresh.Select(p => p.Key)).ToList())
            {
                var (had, has) = (old.ContainsKey(name), fresh.ContainsKey(name));
                CompareChild("f:" + name, had, old[name], has, fresh[name], shape.Field(name), changes);
            }
        }
        else if (before is JsonArray oldList && after is JsonArray freshList && shape.Form is ShapeForm.KeyedList or ShapeForm.Set)
        {
            var (first, second) = (Index(oldList), Index(freshList));
            foreach (var step in first.Keys.Union(second.Keys).ToList())
            {
                var (had, has) = (first.TryGetValue(step, out var a), second.TryGetValue(step, out var b));
                CompareChild(step, had, a, has, b, shape.Form == ShapeForm.Set ? Shape.Atomic : shape.Element, changes);
            }
        }
        else if (!JsonTree.Same(before, after))
        {
            if (IsGranular(before, shape) || IsGranular(after, shape))
            {
                Collect(before, shape, changes.Removed);
                Collect(after, shape, changes.Added);
            }
            else changes.Modified.IsMember = true;
        }

        Dictionary<string, JsonNode?> Index(JsonArray list)
        {
            var index = new Dictionary<string, JsonNode?>();
            foreach (var element in list) index[Step(element, shape)] = element;
            return index;
        }
    }

    private static void CompareChild(
        string step, bool had, JsonNode? before, bool has, JsonNode? after, Shape shape, FieldChanges changes)
    {
        if (had && has)
        {
            if (ReferenceEquals(before, after)) return;
            Compare(before, after, shape, new FieldChanges(changes.Added.Below(step), changes.Modified.Below(step), changes.Removed.Below(step)));
            return;
        }
        var (set, value) = has ? (changes.Added.Below(step), after) : (changes.Removed.Below(step), before);
        Collect(value, shape, set, everyNode: true);
        set.IsMember = true;
    }

    private static bool IsGranular(JsonNode? value, Shape shape) =>
        (value is JsonObject && shape.Form != ShapeForm.Atomic) || (value is JsonArray && shape.Form is ShapeForm.KeyedList or ShapeForm.Set);

    private static FieldSet Strip(FieldSet set)
    {
        set.Forget("f:apiVersion");
        set.Forget("f:kind");
        if (set.Find("f:metadata") is { } metadata)
        {
            foreach (var step in Unowned) metadata.Forget(step);
            metadata.IsMember = false;
            if (metadata.IsEmpty) set.Forget("f:metadata");
        }
        return set;
    }
}
