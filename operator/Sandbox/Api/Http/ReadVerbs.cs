// get and list.
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Selectors;
using Shoal.Sandbox.Api.Storage;
using Shoal.Sandbox.Api.Tables;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api.Http;

internal sealed class ReadVerbs(ObjectStore store, TimeProvider time)
{
    private readonly ListPages pages = new();

    public Task GetAsync(ApiExchange exchange)
    {
        var type = exchange.Type;
        var ns = type.Namespaced ? exchange.Target.Namespace : null;
        var stored = store.Get(type.Storage, ns, exchange.Target.Name!) ?? throw ApiError.NotFound(type, exchange.Target.Name!);
        return exchange.Negotiation.Form switch
        {
            ReplyForm.Table => exchange.WriteAsync(Table(exchange).Build([Presentation.Of(stored, type)], stored.Tree.Str("metadata", "resourceVersion") ?? "")),
            ReplyForm.MetadataOnly => exchange.WriteAsync(PartialMetadata.Of(stored.Tree, exchange.Negotiation.MetaVersion)),
            _ when exchange.Negotiation.Pretty => exchange.WriteAsync(Presentation.Of(stored, type)),
            _ => exchange.WriteAsync(Presentation.BytesOf(stored, type)),
        };
    }

    public Task ListAsync(ApiExchange exchange)
    {
        var type = exchange.Type;
        var query = ListQuery.Of(exchange);
        var (snapshot, after) = Start(exchange, type);
        var limit = int.TryParse(exchange.Query("limit"), NumberStyles.None, CultureInfo.InvariantCulture, out var l) ? l : 0;
        var found = new List<StoredObject>();
        var (more, remaining) = (false, 0L);
        foreach (var (key, stored) in snapshot.Objects)
        {
            if (after is not null && string.CompareOrdinal(key, after) <= 0) continue;
            if (!query.Matches(stored)) continue;
            if (limit > 0 && found.Count == limit)
            {
                more = true;
                remaining++;
            }
            else found.Add(stored);
        }
        var metadata = new JsonObject { ["resourceVersion"] = snapshot.Revision.ToString(CultureInfo.InvariantCulture) };
        if (more)
        {
            metadata["continue"] = pages.Keep(type.Storage, snapshot, found[^1].Key);
            if (query.IsWholeList) metadata["remainingItemCount"] = remaining;
        }
        return Write(exchange, type, found, metadata);
    }

    private Task Write(ApiExchange exchange, ResourceType type, List<StoredObject> found, JsonObject metadata)
    {
        switch (exchange.Negotiation.Form)
        {
            case ReplyForm.Table:
                var table = Table(exchange).Build([.. found.Select(o => Presentation.Of(o, type))], "");
                table["metadata"] = metadata;
                return exchange.WriteAsync(table);
            case ReplyForm.MetadataOnly:
                return exchange.WriteAsync(new JsonObject
                {
                    ["kind"] = "PartialObjectMetadataList", ["apiVersion"] = $"meta.k8s.io/{exchange.Negotiation.MetaVersion}", ["metadata"] = metadata,
                    ["items"] = new JsonArray([.. found.Select(o => PartialMetadata.Of(o.Tree, exchange.Negotiation.MetaVersion))]),
                });
            default:
                return exchange.WriteAsync(ListBytes(type, found, metadata));
        }
    }

    private static byte[] ListBytes(ResourceType type, List<StoredObject> found, JsonObject metadata)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("kind", type.ListKind);
            writer.WriteString("apiVersion", type.ApiVersion);
            writer.WritePropertyName("metadata");
            metadata.WriteTo(writer);
            writer.WriteStartArray("items");
            foreach (var stored in found) writer.WriteRawValue(Presentation.BytesOf(stored, type), skipInputValidation: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private (ListSnapshot Snapshot, string? After) Start(ApiExchange exchange, ResourceType type)
    {
        if (exchange.Query("continue") is { Length: > 0 } token) return pages.Find(type.Storage, token);
        var snapshot = store.List(type.Storage);
        var asked = exchange.Query("resourceVersion");
        if (string.IsNullOrEmpty(asked) || asked == "0") return (snapshot, null);
        if (!long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
            throw ApiError.BadRequest($"resourceVersion: Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax");
        if (revision > snapshot.Revision)
            throw ApiError.Timeout($"Too large resource version: {revision}, current: {snapshot.Revision}");
        if (exchange.Query("resourceVersionMatch") == "Exact" && revision != snapshot.Revision)
            return (pages.At(type.Storage, revision) ?? throw ApiError.Expired($"The resourceVersion for the provided list is too old."), null);
        return (snapshot, null);
    }

    private TableBuilder Table(ApiExchange exchange) => new(exchange.Type, time, exchange.Negotiation.MetaVersion, exchange.Query("includeObject"));
}

/// <summary>The filter part of a list, watch or deletecollection.</summary>
internal sealed record ListQuery(string? Namespace, string? Name, LabelSelector Labels, FieldSelector Fields, ResourceType Type)
{
    public static ListQuery Of(ApiExchange exchange) => new(
        exchange.Type.Namespaced ? exchange.Target.Namespace : null, exchange.Target.Name,
        LabelSelector.Parse(exchange.Query("labelSelector")), FieldSelector.Parse(exchange.Query("fieldSelector"), exchange.Type), exchange.Type);

    public bool IsWholeList => Labels.IsEverything && Fields.IsEverything;

    public bool Matches(StoredObject stored) =>
        (Namespace is null || stored.Namespace == Namespace) && (Name is null || stored.Name == Name)
        && Labels.Matches(stored.Tree) && Fields.Matches(Presentation.Of(stored, Type));
}

/// <summary>Remembers the snapshots that continue tokens point into, the last few of them.</summary>
internal sealed class ListPages
{
    private const int Remembered = 64;
    private readonly Lock gate = new();
    private readonly List<(string Storage, ListSnapshot Snapshot)> kept = [];

    public string Keep(string storage, ListSnapshot snapshot, string lastKey)
    {
        lock (gate)
        {
            if (!kept.Exists(k => k.Storage == storage && k.Snapshot.Revision == snapshot.Revision)) kept.Add((storage, snapshot));
            if (kept.Count > Remembered) kept.RemoveAt(0);
        }
        var token = new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = snapshot.Revision, ["start"] = lastKey };
        return Base64Url.EncodeToString(JsonTree.ToBytes(token));
    }

    public ListSnapshot? At(string storage, long revision)
    {
        lock (gate) return kept.Find(k => k.Storage == storage && k.Snapshot.Revision == revision).Snapshot;
    }

    public (ListSnapshot, string) Find(string storage, string token)
    {
        JsonNode? read;
        try
        {
            read = JsonTree.Parse(Base64Url.DecodeFromChars(token));
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw ApiError.BadRequest("continue key is not valid");
        }
        if (read.Long("rv") is not { } revision || read.Str("start") is not { } start) throw ApiError.BadRequest("continue key is not valid");
        var snapshot = At(storage, revision) ?? throw ApiError.Expired(
            "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.");
        return (snapshot, start);
    }
}

internal static class PartialMetadata
{
    public static JsonObject Of(JsonObject tree, string metaVersion) => new()
    {
        ["kind"] = "PartialObjectMetadata", ["apiVersion"] = $"meta.k8s.io/{metaVersion}", ["metadata"] = tree["metadata"]?.DeepClone(),
    };
}
