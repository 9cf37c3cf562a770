// One request with its reply: reading bodies and parameters, writing JSON.
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Writing;
using YamlDotNet.Serialization;

namespace Shoal.Sandbox.Api.Http;

internal sealed class ApiExchange(HttpContext http, RequestTarget target, ResourceType type)
{
    private const int BodyLimitBytes = 3 * 1024 * 1024;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public HttpContext Http { get; } = http;
    public RequestTarget Target { get; } = target;
    public ResourceType Type { get; } = type;
    public Negotiation Negotiation { get; } = Negotiation.Of(http.Request);
    public CancellationToken Aborted => Http.RequestAborted;

    public string? Query(string name) => Http.Request.Query.TryGetValue(name, out var values) ? values[^1] : null;

    public bool Flag(string name) => Query(name) is "true" or "1" or "" or "t" or "True";

    /// <summary>The content type without parameters, lower case.</summary>
    public string ContentType => (Http.Request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public WriteRequest ToWrite(string? name, string? subresource)
    {
        var manager = Query("fieldManager");
        if (manager is { Length: > 128 }) throw ApiError.BadRequest("fieldManager: Too long: may not be longer than 128");
        if (string.IsNullOrEmpty(manager))
        {
            if (ContentType == ObjectWriter.ApplyPatch && HttpMethods.IsPatch(Http.Request.Method))
                throw ApiError.NoFieldManager();
            manager = Http.Request.Headers.UserAgent.ToString().Split('/', ' ')[0];
        }
        if (Query("dryRun") is { } dry and not ("All" or "")) throw ApiError.BadRequest($"dryRun: Unsupported value: \"{dry}\": supported values: \"All\"");
        return new WriteRequest(Type, Type.Namespaced ? Target.Namespace : null, name, subresource)
        {
            Manager = string.IsNullOrEmpty(manager) ? "unknown" : manager,
            DryRun = Query("dryRun") == "All",
            Force = Flag("force"),
            Validation = Query("fieldValidation") switch
            {
                null or "" or "Warn" => FieldValidation.Warn,
                "Strict" => FieldValidation.Strict,
                "Ignore" => FieldValidation.Ignore,
                var other => throw ApiError.BadRequest($"fieldValidation: Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""),
            },
        };
    }

    /// <summary>The body as JSON, converted when it is YAML; null when there is none.</summary>
    public async Task<JsonNode?> ReadBodyAsync(FieldValidation validation = FieldValidation.Ignore)
    {
        var bytes = await ReadBytesAsync();
        if (bytes.Length == 0) return null;
        var duplicates = new List<string>();
        JsonNode? node;
        try
        {
            node = ContentType switch
            {
                ProtobufBody.MediaType => ProtobufBody.Read(bytes),
                "application/cbor" => throw ApiError.UnsupportedMediaType("application/json, application/yaml"),
                "application/yaml" or ObjectWriter.ApplyPatch => Yaml(bytes),
                _ => JsonTree.Parse(bytes, duplicates),
            };
        }
        catch (JsonException e)
        {
            throw ApiError.BadRequest($"the object provided is unrecognized (must be of type {Type.Kind}): {e.Message}");
        }
        catch (YamlDotNet.Core.YamlException e)
        {
            throw ApiError.BadRequest($"error decoding YAML: {e.Message}");
        }
        if (duplicates.Count > 0 && validation == FieldValidation.Strict)
            throw ApiError.BadRequest($"strict decoding error: {string.Join(", ", duplicates.Select(d => $"duplicate field \"{d}\""))}");
        return node;
    }

    public async Task<JsonObject> ReadObjectAsync(FieldValidation validation = FieldValidation.Ignore) =>
        await ReadBodyAsync(validation) as JsonObject ?? throw ApiError.BadRequest("the request body must be an object");

    public Task WriteAsync(JsonNode body, int status = StatusCodes.Status200OK) => Negotiation.Pretty
        ? WriteAsync(Encoding.UTF8.GetBytes(body.ToJsonString(Indented) + "\n"), status)
        : WriteAsync(JsonTree.ToBytes(body), status);

    public async Task WriteAsync(ReadOnlyMemory<byte> json, int status = StatusCodes.Status200OK)
    {
        Http.Response.StatusCode = status;
        Http.Response.ContentType = "application/json";
        Http.Response.ContentLength = json.Length;
        await Http.Response.Body.WriteAsync(json, Aborted);
    }

    public void Warn(IEnumerable<string> warnings)
    {
        foreach (var text in warnings)
            Http.Response.Headers.Append("Warning", $"299 - \"{text.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"");
    }

    private async Task<byte[]> ReadBytesAsync()
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = BodyLimitBytes;
        using var buffer = new MemoryStream();
        try
        {
            await Http.Request.Body.CopyToAsync(buffer, Aborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw ApiError.TooLarge($"Request entity too large: limit is {BodyLimitBytes}");
        }
        return buffer.ToArray();
    }

    private static JsonNode? Yaml(byte[] bytes)
    {
        // JSON is YAML; most clients apply JSON, which needs no detour.
        if (bytes.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..]) return JsonTree.Parse(bytes);
        var graph = new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build()
            .Deserialize(new StringReader(Encoding.UTF8.GetString(bytes)));
        return JsonTree.Parse(JsonSerializer.SerializeToUtf8Bytes(graph));
    }
}
