// OpenAPI, as far as kubectl needs it: `apply` and `explain` read the schemas of custom resources, and every version of kubectl
// looks in the paths whether PATCH takes dryRun and fieldValidation. kubectl up to 1.26 reads v2 in protobuf, later ones v3.
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Http;

internal sealed class OpenApi(ResourceCatalog catalog)
{
    /// <summary>What is asked for has an @ in it, which Go's own parser refuses in a reply; servers answer with a dot instead.</summary>
    private const string ProtobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    private static readonly string[] PatchParameters = ["dryRun", "fieldManager", "fieldValidation", "force"];

    public async Task<bool> TryHandleAsync(HttpContext http, string path)
    {
        if (path == "/openapi/v2")
        {
            var document = V2();
            var binary = http.Request.Headers.Accept.ToString().Contains("proto-openapi", StringComparison.Ordinal);
            await WriteAsync(http, binary ? ProtobufV2 : "application/json", binary ? OpenApiProtobuf.Encode(document) : JsonTree.ToBytes(document));
            return true;
        }
        if (path is "/openapi/v3" or "/openapi/v3/")
        {
            await WriteAsync(http, "application/json", JsonTree.ToBytes(V3Index()));
            return true;
        }
        const string V3 = "/openapi/v3/";
        if (!path.StartsWith(V3, StringComparison.Ordinal) || V3Document(path[V3.Length..]) is not { } found) return false;
        await WriteAsync(http, "application/json", JsonTree.ToBytes(found));
        return true;
    }

    private static async Task WriteAsync(HttpContext http, string contentType, byte[] body)
    {
        http.Response.ContentType = contentType;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    private JsonObject V2()
    {
        var (paths, definitions) = (new JsonObject(), new JsonObject());
        foreach (var type in catalog.All)
        {
            paths[PathOf(type, withName: true)] = new JsonObject { ["patch"] = Operation(type, "patch", PatchParameters.Select(name => new JsonObject
            {
                ["name"] = name, ["in"] = "query", ["type"] = "string", ["uniqueItems"] = true,
            })) };
            if (type.Schema is { } schema) definitions[DefinitionName(type)] = Definition(type, OpenApiSchemas.ForV2(schema.Source));
        }
        return new JsonObject
        {
            ["swagger"] = "2.0", ["info"] = Info(), ["paths"] = paths, ["definitions"] = definitions,
        };
    }

    private JsonObject V3Index()
    {
        var paths = new JsonObject();
        foreach (var (group, version) in catalog.All.Select(t => (t.Group, t.Version)).Distinct())
        {
            var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
            paths[path] = new JsonObject { ["serverRelativeURL"] = string.Create(CultureInfo.InvariantCulture, $"/openapi/v3/{path}?hash={catalog.Edition:X8}") };
        }
        return new JsonObject { ["paths"] = paths };
    }

    private JsonObject? V3Document(string path)
    {
        var types = catalog.All.Where(t => (t.Group.Length == 0 ? $"api/{t.Version}" : $"apis/{t.Group}/{t.Version}") == path).ToList();
        if (types.Count == 0) return null;
        var (paths, schemas) = (new JsonObject(), new JsonObject());
        foreach (var type in types)
        {
            paths[PathOf(type, withName: false)] = new JsonObject { ["get"] = Operation(type, "list", []) };
            paths[PathOf(type, withName: true)] = new JsonObject
            {
                ["get"] = Operation(type, "get", []),
                ["patch"] = Operation(type, "patch", PatchParameters.Select(name => new JsonObject
                {
                    ["name"] = name, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
                })),
            };
            if (type.Schema is { } schema) schemas[DefinitionName(type)] = Definition(type, OpenApiSchemas.ForV3(schema.Source));
        }
        return new JsonObject
        {
            ["openapi"] = "3.0.0", ["info"] = Info(), ["paths"] = paths, ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static JsonObject Info() => new() { ["title"] = "Kubernetes (Shoal sandbox)", ["version"] = ServerVersion.Json["gitVersion"]!.DeepClone() };

    private static string PathOf(ResourceType type, bool withName)
    {
        var root = type.Group.Length == 0 ? $"/api/{type.Version}" : $"/apis/{type.Group}/{type.Version}";
        return root + (type.Namespaced ? "/namespaces/{namespace}" : "") + $"/{type.Plural}" + (withName ? "/{name}" : "");
    }

    private static JsonObject Operation(ResourceType type, string action, IEnumerable<JsonObject> parameters) => new()
    {
        ["operationId"] = $"{action}{type.Group.Replace(".", "")}{type.Version}{type.Kind}",
        ["parameters"] = new JsonArray([.. parameters]),
        ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
        ["x-kubernetes-action"] = action,
        ["x-kubernetes-group-version-kind"] = KindOf(type),
    };

    private static JsonObject Definition(ResourceType type, JsonObject schema)
    {
        schema["x-kubernetes-group-version-kind"] = new JsonArray(KindOf(type));
        var properties = schema.Ensure("properties");
        properties.Default("apiVersion", new JsonObject { ["type"] = "string", ["description"] = "The versioned schema of this representation of an object." });
        properties.Default("kind", new JsonObject { ["type"] = "string", ["description"] = "The REST resource this object represents." });
        return schema;
    }

    private static JsonObject KindOf(ResourceType type) => new() { ["group"] = type.Group, ["kind"] = type.Kind, ["version"] = type.Version };

    /// <summary>Definitions are named by reversed group, as in dev.shoal.cache.v1.CacheCluster.</summary>
    private static string DefinitionName(ResourceType type) => string.Join('.', type.Group.Split('.').Reverse().Append(type.Version).Append(type.Kind));
}

/// <summary>Turns a definition's schema into what clients of each OpenAPI version can read.</summary>
internal static class OpenApiSchemas
{
    private static readonly string[] NotInV2 = ["anyOf", "oneOf", "allOf", "not", "nullable", "default", "x-kubernetes-validations"];

    public static JsonObject ForV3(JsonObject schema)
    {
        var copy = schema.Copy();
        copy.Remove("x-kubernetes-validations");
        return copy;
    }

    /// <summary>v2 cannot say "a number or text", "or null" or "one of"; such parts become arbitrary.</summary>
    public static JsonObject ForV2(JsonObject schema)
    {
        var copy = new JsonObject();
        var arbitrary = schema.IsTrue("x-kubernetes-int-or-string") || schema.IsTrue("nullable");
        foreach (var (name, value) in schema)
        {
            if (NotInV2.Contains(name) || (arbitrary && name is "type" or "properties" or "items" && arbitrary)) continue;
            copy[name] = (name, value) switch
            {
                ("properties", JsonObject properties) => new JsonObject(properties.Select(p => KeyValuePair.Create(p.Key, p.Value is JsonObject o ? (JsonNode?)ForV2(o) : null))),
                ("items" or "additionalProperties", JsonObject inner) => ForV2(inner),
                _ => value?.DeepClone(),
            };
        }
        return copy;
    }
}
