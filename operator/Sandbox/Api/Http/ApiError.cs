// Every refusal of the server is one of these: it carries the metav1.Status body a Kubernetes client expects, with the
// standard reasons and wording, because kubectl and controllers decide by reason and users read the message.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Http;

/// <summary>One entry of Status.details.causes.</summary>
internal sealed record Cause(string Reason, string Message, string Field);

internal sealed class ApiError : Exception
{
    private ApiError(int code, string reason, string message) : base(message) => (Code, Reason) = (code, reason);

    public int Code { get; }
    public string Reason { get; }
    public string? Group { get; init; }
    public string? Kind { get; init; }
    public string? Name { get; init; }
    public IReadOnlyList<Cause> Causes { get; init; } = [];
    public int? RetryAfterSeconds { get; init; }

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(),
            ["status"] = "Failure", ["message"] = Message, ["reason"] = Reason,
        };
        var details = new JsonObject();
        if (!string.IsNullOrEmpty(Name)) details["name"] = Name;
        if (!string.IsNullOrEmpty(Group)) details["group"] = Group;
        if (Kind is not null) details["kind"] = Kind;
        if (Causes.Count > 0)
        {
            details["causes"] = new JsonArray([.. Causes.Select(c => (JsonNode)new JsonObject
            {
                ["reason"] = c.Reason, ["message"] = c.Message, ["field"] = c.Field,
            })]);
        }
        if (RetryAfterSeconds is { } seconds) details["retryAfterSeconds"] = seconds;
        if (details.Count > 0) status["details"] = details;
        status["code"] = Code;
        return status;
    }

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiError Forbidden(ResourceType type, string name, string why) =>
        new(403, "Forbidden", $"{type.QualifiedPlural} \"{name}\" is forbidden: {why}") { Group = type.Group, Kind = type.Plural, Name = name };

    public static ApiError NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource");

    public static ApiError NotFound(ResourceType type, string name) =>
        new(404, "NotFound", $"{type.QualifiedPlural} \"{name}\" not found") { Group = type.Group, Kind = type.Plural, Name = name };

    public static ApiError MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    public static ApiError NotAcceptable() => new(406, "NotAcceptable",
        "only the following media types are accepted: application/json, application/json;as=Table;g=meta.k8s.io;v=v1");

    public static ApiError AlreadyExists(ResourceType type, string name) =>
        new(409, "AlreadyExists", $"{type.QualifiedPlural} \"{name}\" already exists") { Group = type.Group, Kind = type.Plural, Name = name };

    public static ApiError Conflict(ResourceType type, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {type.QualifiedPlural} \"{name}\": {why}")
        {
            Group = type.Group, Kind = type.Plural, Name = name,
        };

    public static ApiError Modified(ResourceType type, string name) => Conflict(type, name,
        "the object has been modified; please apply your changes to the latest version and try again");

    /// <summary>Server-side apply met fields of other managers.</summary>
    public static ApiError ApplyConflict(IReadOnlyList<Cause> causes)
    {
        var count = causes.Count == 1 ? "1 conflict" : $"{causes.Count} conflicts";
        var text = causes.Count == 1
            ? $"Apply failed with {count}: {causes[0].Message}: {causes[0].Field}"
            : $"Apply failed with {count}: " + string.Join("\n", causes.GroupBy(c => c.Message).OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => $"{(g.Key.StartsWith("conflict ", StringComparison.Ordinal) ? "conflicts " + g.Key["conflict ".Length..] : g.Key)}:\n"
                    + string.Join("\n", g.Select(c => $"- {c.Field}"))));
        return new(409, "Conflict", text) { Causes = causes };
    }

    public static ApiError Expired(string message) => new(410, "Expired", message);

    public static ApiError UnsupportedMediaType(string accepted) => new(415, "UnsupportedMediaType",
        $"the body of the request was in an unknown format - accepted media types include: {accepted}");

    public static ApiError Invalid(ResourceType type, string name, IReadOnlyList<Cause> causes)
    {
        var kind = type.Group.Length == 0 ? type.Kind : $"{type.Kind}.{type.Group}";
        var lines = causes.Select(c => $"{c.Field}: {c.Message}").Distinct().ToArray();
        var text = lines.Length == 1 ? lines[0] : $"[{string.Join(", ", lines)}]";
        return new(422, "Invalid", $"{kind} \"{name}\" is invalid: {text}") { Group = type.Group, Kind = type.Kind, Name = name, Causes = causes };
    }

    /// <summary>An apply without a name for its writer.</summary>
    public static ApiError NoFieldManager()
    {
        const string Why = "Required value: is required for apply patch";
        return new(422, "Invalid", $"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: {Why}")
        {
            Group = "meta.k8s.io", Kind = "PatchOptions", Causes = [new Cause("FieldValueRequired", Why, "fieldManager")],
        };
    }

    public static ApiError PatchRefused(string message) => new(422, "Invalid", message);

    public static ApiError TooManyRequests(string message, Cause cause) =>
        new(429, "TooManyRequests", message) { Causes = [cause] };

    public static ApiError TooLarge(string message) => new(413, "RequestEntityTooLarge", message);

    public static ApiError Internal(string message) => new(500, "InternalError", $"Internal error occurred: {message}");

    public static ApiError Timeout(string message) => new(504, "Timeout", message)
    {
        Causes = [new Cause("ResourceVersionTooLarge", "Too large resource version", "")], RetryAfterSeconds = 1,
    };
}
