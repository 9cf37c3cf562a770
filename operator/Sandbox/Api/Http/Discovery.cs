// Discovery: which groups, versions and resources there are. The unaggregated form only, which every client falls back to.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Http;

internal sealed class Discovery(ResourceCatalog catalog)
{
    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    /// <summary>The reply for a discovery path, or null when the path is none.</summary>
    public JsonObject? Find(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            [] => Paths(),
            ["version"] => ServerVersion.Json,
            ["api"] => new JsonObject
            {
                ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1"), ["serverAddressByClientCIDRs"] = new JsonArray(),
            },
            ["apis"] => new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. Groups().Select(Group)]) },
            ["api", "v1"] => Resources("", "v1"),
            ["apis", var group] when Groups().Contains(group) => Group(group, standalone: true),
            ["apis", var group, var version] => Resources(group, version),
            _ => null,
        };
    }

    private IEnumerable<string> Groups() => catalog.All.Select(t => t.Group).Where(g => g.Length > 0).Append(AccessReviews.Group).Distinct();

    private JsonObject Group(string group) => Group(group, standalone: false);

    private JsonObject Group(string group, bool standalone)
    {
        var versions = group == AccessReviews.Group ? ["v1"] : catalog.Versions(group);
        var json = new JsonObject();
        if (standalone) (json["kind"], json["apiVersion"]) = ("APIGroup", "v1");
        json["name"] = group;
        json["versions"] = new JsonArray([.. versions.Select(v => Version(group, v))]);
        json["preferredVersion"] = Version(group, versions[0]);
        return json;
    }

    private static JsonObject Version(string group, string version) => new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };

    private JsonObject? Resources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var type in catalog.All.Where(t => t.Group == group && t.Version == version)) AddRows(resources, type);
        if (group == AccessReviews.Group && version == "v1") AccessReviews.AddRows(resources);
        if (resources.Count == 0) return null;
        return new JsonObject
        {
            ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}", ["resources"] = resources,
        };
    }

    private static void AddRows(JsonArray resources, ResourceType type)
    {
        var row = Row(type.Plural, type.Namespaced, type.Kind, Verbs);
        row["singularName"] = type.Singular;
        if (type.ShortNames.Count > 0) row["shortNames"] = Strings(type.ShortNames);
        if (type.Categories.Count > 0) row["categories"] = Strings(type.Categories);
        row["storageVersionHash"] = "";
        resources.Add(row);
        if (type.HasStatus) resources.Add(Row($"{type.Plural}/status", type.Namespaced, type.Kind, ["get", "patch", "update"]));
        if (type.Scale is not null)
        {
            var scale = Row($"{type.Plural}/scale", type.Namespaced, "Scale", ["get", "patch", "update"]);
            (scale["group"], scale["version"]) = ("autoscaling", "v1");
            resources.Add(scale);
        }
        foreach (var (name, kind, verb) in type.Actions)
        {
            var action = Row($"{type.Plural}/{name}", type.Namespaced, kind, verb.Split(','));
            if (kind == "Eviction") (action["group"], action["version"]) = ("policy", "v1");
            resources.Add(action);
        }
    }

    private static JsonObject Row(string name, bool namespaced, string kind, IEnumerable<string> verbs) => new()
    {
        ["name"] = name, ["singularName"] = "", ["namespaced"] = namespaced, ["kind"] = kind, ["verbs"] = Strings(verbs),
    };

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);

    private JsonObject Paths()
    {
        var paths = new List<string> { "/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version" };
        foreach (var group in Groups())
        {
            paths.Add($"/apis/{group}");
            paths.AddRange(catalog.Versions(group).Select(v => $"/apis/{group}/{v}"));
        }
        return new JsonObject { ["paths"] = Strings(paths.Order(StringComparer.Ordinal)) };
    }
}

internal static class ServerVersion
{
    /// <summary>Clients compare major and minor; the rest says plainly what this is.</summary>
    public static JsonObject Json => new()
    {
        ["major"] = "1", ["minor"] = "33", ["gitVersion"] = "v1.33.0+shoal-sandbox", ["gitCommit"] = "0000000000000000000000000000000000000000",
        ["gitTreeState"] = "clean", ["buildDate"] = "1970-01-01T00:00:00Z", ["goVersion"] = "none", ["compiler"] = "dotnet", ["platform"] = "sandbox/any",
    };
}
