// Values of expressions: null, bool, long, double, string, IReadOnlyList<object?>, CelMap, decimal (a quantity), TimeSpan,
// DateTimeOffset and CelOptional. JSON comes in through From; objects are read in place.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Cel;

/// <summary>A map or object: keys are text for JSON, anything for map literals.</summary>
internal sealed class CelMap(IEnumerable<KeyValuePair<object, object?>> entries)
{
    private readonly Dictionary<object, object?> values = new(entries);

    public int Count => values.Count;

    public IEnumerable<object> Keys => values.Keys;

    public bool TryGet(object? key, out object? value)
    {
        value = null;
        return key is not null && values.TryGetValue(key, out value);
    }
}

internal sealed record CelOptional(bool HasValue, object? Value)
{
    public static readonly CelOptional None = new(false, null);
}

internal static class CelValues
{
    public static object? From(JsonNode? node) => node switch
    {
        null => null,
        JsonObject tree => new CelMap(tree.Select(p => KeyValuePair.Create((object)p.Key, From(p.Value)))),
        JsonArray list => list.Select(From).ToList(),
        _ when node.AsString() is { } text => text,
        _ when node.AsBool() is { } flag => flag,
        _ when node.AsLong() is { } whole => whole,
        _ => node.AsNumber(),
    };

    public static bool AreEqual(object? a, object? b)
    {
        switch (a, b)
        {
            case (null, null): return true;
            case (null, _) or (_, null): return false;
            case (long x, double y): return x == y;
            case (double x, long y): return x == y;
            case (IReadOnlyList<object?> first, IReadOnlyList<object?> second):
                return first.Count == second.Count && first.Zip(second).All(p => AreEqual(p.First, p.Second));
            case (CelMap left, CelMap right):
                return left.Count == right.Count && left.Keys.All(k => right.TryGet(k, out var other) && left.TryGet(k, out var mine) && AreEqual(mine, other));
            case (CelOptional left, CelOptional right): return left.HasValue == right.HasValue && AreEqual(left.Value, right.Value);
            default: return a.Equals(b);
        }
    }

    public static int Compare(object? a, object? b) => (a, b) switch
    {
        (long x, long y) => x.CompareTo(y),
        (long x, double y) => ((double)x).CompareTo(y),
        (double x, long y) => x.CompareTo(y),
        (double x, double y) => x.CompareTo(y),
        (string x, string y) => string.CompareOrdinal(x, y),
        (bool x, bool y) => x.CompareTo(y),
        (decimal x, decimal y) => x.CompareTo(y),
        (TimeSpan x, TimeSpan y) => x.CompareTo(y),
        (DateTimeOffset x, DateTimeOffset y) => x.CompareTo(y),
        _ => throw new CelException("no such overload: the values cannot be compared"),
    };

    /// <summary>Name of the value's type, as type() gives it and error texts name it.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "null_type",
        bool => "bool",
        long => "int",
        double => "double",
        string => "string",
        decimal => "kubernetes.Quantity",
        TimeSpan => "google.protobuf.Duration",
        DateTimeOffset => "google.protobuf.Timestamp",
        IReadOnlyList<object?> => "list",
        CelOptional => "optional_type",
        _ => "map",
    };
}
