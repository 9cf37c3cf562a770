// What the store holds and what a watch delivers. Stored trees are frozen: whoever wants to change one copies it first.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Storage;

/// <summary>One version of one object. <see cref="Tree"/> is never changed after construction.</summary>
internal sealed class StoredObject(string resource, JsonObject tree, long revision)
{
    private byte[]? bytes;

    /// <summary>Storage name of its type, for example <c>apps/statefulsets</c> or <c>/pods</c>.</summary>
    public string Resource { get; } = resource;

    public JsonObject Tree { get; } = tree;

    public long Revision { get; } = revision;

    public string Namespace { get; } = tree.Str("metadata", "namespace") ?? "";

    public string Name { get; } = tree.Str("metadata", "name") ?? "";

    public string Uid => Tree.Str("metadata", "uid") ?? "";

    public bool IsTerminating => Tree.At("metadata", "deletionTimestamp") is not null;

    public string Key => KeyOf(Namespace, Name);

    /// <summary>The JSON text, made once.</summary>
    public byte[] Bytes => bytes ??= JsonTree.ToBytes(Tree);

    public static string KeyOf(string? ns, string name) => $"{ns}/{name}";
}

internal enum Change { Added, Modified, Deleted }

/// <summary>A change of one object; <see cref="Previous"/> is what selectors saw before it.</summary>
internal sealed record WatchEvent(Change Change, StoredObject Object, StoredObject? Previous)
{
    public long Revision => Object.Revision;
}
