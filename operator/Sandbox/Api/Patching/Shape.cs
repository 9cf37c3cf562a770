// How the parts of an object merge: which lists are keyed and by what, which values are atomic. One description serves
// strategic merge patch (PatchKey) and server-side apply (Keys); custom resources derive theirs from their schema.
using System.Text.Json.Nodes;

namespace Shoal.Sandbox.Api.Patching;

internal enum ShapeForm
{
    /// <summary>Not described: maps merge key by key, lists are replaced.</summary>
    Open,
    /// <summary>An object with named fields; fields not named are Open.</summary>
    Fields,
    /// <summary>An object used as a map; each key is owned by itself.</summary>
    Map,
    /// <summary>A list of objects identified by Keys.</summary>
    KeyedList,
    /// <summary>A list of distinct scalars.</summary>
    Set,
    /// <summary>Replaced and owned as a whole.</summary>
    Atomic,
}

internal sealed class Shape
{
    public static readonly Shape Open = new(ShapeForm.Open);
    public static readonly Shape Atomic = new(ShapeForm.Atomic);
    public static readonly Shape Map = new(ShapeForm.Map);
    public static readonly Shape Set = new(ShapeForm.Set);

    private Shape(ShapeForm form) => Form = form;

    public ShapeForm Form { get; private init; }

    public IReadOnlyDictionary<string, Shape> Named { get; private init; } = new Dictionary<string, Shape>();

    /// <summary>Shape of list elements or map values.</summary>
    public Shape Element { get; private init; } = null!;

    public IReadOnlyList<string> Keys { get; private init; } = [];

    /// <summary>Defaults of key fields that an object may leave out (protocol: TCP).</summary>
    public IReadOnlyDictionary<string, JsonNode> KeyDefaults { get; private init; } = new Dictionary<string, JsonNode>();

    /// <summary>The one field strategic merge identifies elements by; null when it replaces the list.</summary>
    public string? PatchKey { get; private init; }

    /// <summary>Strategic merge unites this list of scalars.</summary>
    public bool PatchMerges => Form == ShapeForm.Set || PatchKey is not null;

    /// <summary>strategic merge's retainKeys strategy: fields not in the patch go when the patch says so.</summary>
    public static Shape Fields(params (string Name, Shape Shape)[] fields) =>
        new(ShapeForm.Fields) { Named = fields.ToDictionary(f => f.Name, f => f.Shape), Element = Open };

    public static Shape MapOf(Shape element) => new(ShapeForm.Map) { Element = element };

    /// <summary>A list keyed by <paramref name="keys"/>; the first is also the strategic merge key.</summary>
    public static Shape KeyedBy(string keys, Shape? element = null, string? patchKey = null)
    {
        var names = keys.Split(',');
        return new(ShapeForm.KeyedList)
        {
            Keys = names, Element = element ?? Open, PatchKey = patchKey ?? names[0],
            KeyDefaults = names.Contains("protocol") ? new Dictionary<string, JsonNode> { ["protocol"] = JsonValue.Create("TCP") } : new(),
        };
    }

    public static Shape KeyedBy(IReadOnlyList<string> keys, Shape element, IReadOnlyDictionary<string, JsonNode> defaults) =>
        new(ShapeForm.KeyedList) { Keys = keys, Element = element, KeyDefaults = defaults };

    /// <summary>Atomic for apply, but strategic merge identifies elements by this field (topologySpreadConstraints in old clients).</summary>
    public static Shape AtomicPatchedBy(string patchKey) => new(ShapeForm.Atomic) { PatchKey = patchKey, Element = Open };

    public Shape Field(string name) => Form switch
    {
        ShapeForm.Map => Element ?? Open,
        ShapeForm.Fields => Named.GetValueOrDefault(name, Open),
        _ => Open,
    };
}
