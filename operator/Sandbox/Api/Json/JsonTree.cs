// Objects travel through the server as JsonObject trees. Trees are built eagerly (a lazily parsed JsonObject is not safe to
// share between threads), numbers are normalised to long or double, and duplicate keys are reported instead of hidden.
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shoal.Sandbox.Api.Json;

internal static class JsonTree
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 128 };

    /// <summary>Parses one JSON value. Throws JsonException. Paths of duplicate keys are added to <paramref name="duplicates"/>.</summary>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8, List<string>? duplicates = null)
    {
        var reader = new Utf8JsonReader(utf8, Strict);
        if (!reader.Read()) throw new JsonException("the body is empty");
        var node = ReadValue(ref reader, "", duplicates);
        if (reader.Read()) throw new JsonException("text after the end of the JSON value");
        return node;
    }

    public static JsonObject ParseObject(ReadOnlySpan<byte> utf8) =>
        Parse(utf8) as JsonObject ?? throw new JsonException("a JSON object is expected");

    private static JsonNode? ReadValue(ref Utf8JsonReader reader, string path, List<string>? duplicates)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var obj = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    reader.Read();
                    var child = path.Length == 0 ? name : $"{path}.{name}";
                    if (obj.ContainsKey(name)) duplicates?.Add(child);
                    obj[name] = ReadValue(ref reader, child, duplicates);
                }
                return obj;
            case JsonTokenType.StartArray:
                var array = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    array.Add(ReadValue(ref reader, $"{path}[{array.Count}]", duplicates));
                return array;
            case JsonTokenType.String: return JsonValue.Create(reader.GetString()!);
            case JsonTokenType.True: return JsonValue.Create(true);
            case JsonTokenType.False: return JsonValue.Create(false);
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var whole) ? JsonValue.Create(whole) : JsonValue.Create(reader.GetDouble());
            default: return null;
        }
    }

    public static byte[] ToBytes(JsonNode? node)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, Compact);
        if (node is null) writer.WriteNullValue();
        else node.WriteTo(writer);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    public static string ToText(JsonNode? node) => System.Text.Encoding.UTF8.GetString(ToBytes(node));

    public static T Copy<T>(this T node) where T : JsonNode => (T)node.DeepClone();

    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path) node = (node as JsonObject)?[step];
        return node;
    }

    public static JsonObject? Obj(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonObject;

    public static JsonArray? Arr(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonArray;

    public static string? Str(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsString();

    public static long? Long(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsLong();

    public static bool IsTrue(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue v && v.TryGetValue<bool>(out var b) && b;

    public static string? AsString(this JsonNode? node) =>
        node is JsonValue v && v.TryGetValue<string>(out var s) ? s : null;

    public static long? AsLong(this JsonNode? node)
    {
        if (node is not JsonValue v) return null;
        if (v.TryGetValue<long>(out var l)) return l;
        if (v.TryGetValue<int>(out var i)) return i;
        return v.TryGetValue<double>(out var d) && d == Math.Floor(d) && Math.Abs(d) < 9e15 ? (long)d : null;
    }

    public static double? AsNumber(this JsonNode? node)
    {
        if (node is not JsonValue v) return null;
        if (v.TryGetValue<long>(out var l)) return l;
        if (v.TryGetValue<int>(out var i)) return i;
        return v.TryGetValue<double>(out var d) ? d : null;
    }

    public static bool? AsBool(this JsonNode? node) => node is JsonValue v && v.TryGetValue<bool>(out var b) ? b : null;

    /// <summary>A scalar as kubectl would print it; null for objects, arrays and null.</summary>
    public static string? AsText(this JsonNode? node) => node switch
    {
        null or JsonObject or JsonArray => null,
        _ when node.AsString() is { } s => s,
        _ when node.AsBool() is { } b => b ? "true" : "false",
        _ when node.AsLong() is { } l => l.ToString(CultureInfo.InvariantCulture),
        _ => node.AsNumber()?.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>The object under <paramref name="name"/>, created when it is absent or not an object.</summary>
    public static JsonObject Ensure(this JsonObject obj, string name)
    {
        if (obj[name] is JsonObject there) return there;
        var made = new JsonObject();
        obj[name] = made;
        return made;
    }

    public static void Default(this JsonObject obj, string name, JsonNode? value)
    {
        if (obj[name] is null) obj[name] = value;
    }

    /// <summary>Puts a copy of <paramref name="from"/>'s member into <paramref name="obj"/>, or removes it when absent there.</summary>
    public static void TakeFrom(this JsonObject obj, string name, JsonObject? from)
    {
        if (from is not null && from.TryGetPropertyValue(name, out var value)) obj[name] = value?.DeepClone();
        else obj.Remove(name);
    }

    /// <summary>Equality by value: key order does not matter, 1 equals 1.0.</summary>
    public static bool Same(JsonNode? a, JsonNode? b)
    {
        if (ReferenceEquals(a, b)) return true;
        if (a is null || b is null) return false;
        switch (a)
        {
            case JsonObject left:
                if (b is not JsonObject right || left.Count != right.Count) return false;
                foreach (var (name, value) in left)
                    if (!right.TryGetPropertyValue(name, out var other) || !Same(value, other)) return false;
                return true;
            case JsonArray first:
                if (b is not JsonArray second || first.Count != second.Count) return false;
                for (var i = 0; i < first.Count; i++)
                    if (!Same(first[i], second[i])) return false;
                return true;
            default:
                if (b is JsonObject or JsonArray) return false;
                if (a.AsString() is { } s) return s == b.AsString();
                if (a.AsBool() is { } flag) return b.AsBool() == flag;
                return a.AsNumber() is { } n && b.AsNumber() is { } m && n.Equals(m) && a.AsLong() == b.AsLong();
        }
    }

    public static string Timestamp(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
