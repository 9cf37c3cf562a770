// One stored object can be asked for under several API versions. Versions of a type differ in their apiVersion only, except
// events, which events.k8s.io words differently.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Writing;

internal static class Presentation
{
    /// <summary>core/v1 name on the left, events.k8s.io/v1 name on the right.</summary>
    private static readonly (string Core, string Events)[] EventNames =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ];

    public static JsonObject Of(StoredObject stored, ResourceType type) => Of(stored.Tree, type);

    /// <summary>The tree under the type's API version; the very same tree when it is stored under it.</summary>
    public static JsonObject Of(JsonObject tree, ResourceType type)
    {
        if (tree.Str("apiVersion") == type.ApiVersion) return tree;
        var shown = tree.Copy();
        shown["apiVersion"] = type.ApiVersion;
        if (type.Group == "events.k8s.io") Rename(shown, toCore: false);
        return shown;
    }

    public static byte[] BytesOf(StoredObject stored, ResourceType type) =>
        stored.Tree.Str("apiVersion") == type.ApiVersion ? stored.Bytes : JsonTree.ToBytes(Of(stored.Tree, type));

    public static JsonObject ForStorage(JsonObject tree, ResourceType type)
    {
        if (type.Group != "events.k8s.io") return tree;
        tree["apiVersion"] = "v1";
        Rename(tree, toCore: true);
        return tree;
    }

    private static void Rename(JsonObject tree, bool toCore)
    {
        foreach (var (core, events) in EventNames)
        {
            var (from, to) = toCore ? (events, core) : (core, events);
            if (!tree.ContainsKey(from)) continue;
            var value = tree[from]?.DeepClone();
            tree.Remove(from);
            tree[to] = value;
        }
    }
}
