// A set of field paths, as managedFields records who owns what. The wire form (FieldsV1) is the tree itself:
//
//   {"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{}}}}}
//
//   f:<name>   a field          k:<keys>   the list element with these key fields, names sorted
//   v:<value>  a scalar in a set list      .   the path itself is a member, besides what is below it
//   A node without children is a member.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Patching;

internal sealed class FieldSet
{
    private readonly SortedDictionary<string, FieldSet> children = new(StringComparer.Ordinal);

    /// <summary>True when this very path is in the set.</summary>
    public bool IsMember { get; set; }

    public IEnumerable<KeyValuePair<string, FieldSet>> Children => children;

    public bool IsEmpty => !IsMember && children.Values.All(c => c.IsEmpty);

    /// <summary>The node below <paramref name="step"/>, made when missing.</summary>
    public FieldSet Below(string step)
    {
        if (!children.TryGetValue(step, out var child)) children[step] = child = new FieldSet();
        return child;
    }

    public FieldSet? Find(string step) => children.GetValueOrDefault(step);

    public void Forget(string step) => children.Remove(step);

    public FieldSet Copy()
    {
        var copy = new FieldSet { IsMember = IsMember };
        foreach (var (step, child) in children) copy.children[step] = child.Copy();
        return copy;
    }

    public FieldSet Union(FieldSet other)
    {
        var result = Copy();
        result.Absorb(other);
        return result;
    }

    public FieldSet Without(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember && !other.IsMember };
        foreach (var (step, child) in children)
        {
            var rest = other.children.TryGetValue(step, out var against) ? child.Without(against) : child.Copy();
            if (!rest.IsEmpty) result.children[step] = rest;
        }
        return result;
    }

    public FieldSet Intersect(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember && other.IsMember };
        foreach (var (step, child) in children)
        {
            if (!other.children.TryGetValue(step, out var with)) continue;
            var both = child.Intersect(with);
            if (!both.IsEmpty) result.children[step] = both;
        }
        return result;
    }

    public bool SameAs(FieldSet other) => Without(other).IsEmpty && other.Without(this).IsEmpty;

    /// <summary>The members as dotted paths, the way conflicts are reported: <c>.spec.containers[name="a"].image</c>.</summary>
    public IEnumerable<string> Paths(string prefix = "")
    {
        if (IsMember && prefix.Length > 0) yield return prefix;
        foreach (var (step, child) in children)
            foreach (var path in child.Paths(prefix + Readable(step))) yield return path;
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (IsMember && children.Values.Any(c => !c.IsEmpty)) json["."] = new JsonObject();
        foreach (var (step, child) in children)
            if (!child.IsEmpty) json[step] = child.ToJson();
        return json;
    }

    public static FieldSet FromJson(JsonObject json, bool isRoot = true)
    {
        var set = new FieldSet { IsMember = !isRoot && (json.Count == 0 || json.ContainsKey(".")) };
        foreach (var (step, child) in json)
            if (step != "." && child is JsonObject below) set.children[step] = FromJson(below, isRoot: false);
        return set;
    }

    private void Absorb(FieldSet other)
    {
        IsMember |= other.IsMember;
        foreach (var (step, child) in other.children) Below(step).Absorb(child);
    }

    private static string Readable(string step)
    {
        if (step.StartsWith("f:", StringComparison.Ordinal)) return "." + step[2..];
        if (step.StartsWith("v:", StringComparison.Ordinal)) return $"[={step[2..]}]";
        var keys = JsonNode.Parse(step[2..]) as JsonObject ?? [];
        return "[" + string.Join(",", keys.Select(k => $"{k.Key}={JsonTree.ToText(k.Value)}")) + "]";
    }
}
