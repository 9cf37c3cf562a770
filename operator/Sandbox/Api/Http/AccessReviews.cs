// authorization.k8s.io: the sandbox has no users to tell apart, so every review answers yes. `kubectl auth can-i` and operators
// that check their rights at start need the question to be answerable.
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Http;

internal static class AccessReviews
{
    public const string Group = "authorization.k8s.io";

    private static readonly (string Plural, string Kind, bool Namespaced)[] Reviews =
    [
        ("localsubjectaccessreviews", "LocalSubjectAccessReview", true), ("selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview", false), ("subjectaccessreviews", "SubjectAccessReview", false),
    ];

    public static bool Answers(RequestTarget target) =>
        target is { Group: Group, Version: "v1", Name: null } && Reviews.Any(r => r.Plural == target.Resource);

    public static async Task AnswerAsync(HttpContext http)
    {
        using var buffer = new MemoryStream();
        await http.Request.Body.CopyToAsync(buffer, http.RequestAborted);
        var isBinary = http.Request.ContentType?.StartsWith(ProtobufBody.MediaType, StringComparison.Ordinal) == true;
        var review = isBinary ? ProtobufBody.Read(buffer.ToArray()) : JsonTree.ParseObject(buffer.ToArray());
        review["status"] = review.Str("kind") == "SelfSubjectRulesReview"
            ? new JsonObject
            {
                ["incomplete"] = false, ["nonResourceRules"] = new JsonArray(),
                ["resourceRules"] = new JsonArray(new JsonObject
                {
                    ["verbs"] = new JsonArray("*"), ["apiGroups"] = new JsonArray("*"), ["resources"] = new JsonArray("*"),
                }),
            }
            : new JsonObject { ["allowed"] = true, ["reason"] = "the sandbox allows everything" };
        http.Response.StatusCode = StatusCodes.Status201Created;
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(JsonTree.ToBytes(review), http.RequestAborted);
    }

    public static void AddRows(JsonArray resources)
    {
        foreach (var (plural, kind, namespaced) in Reviews)
            resources.Add(new JsonObject { ["name"] = plural, ["singularName"] = kind.ToLowerInvariant(), ["namespaced"] = namespaced, ["kind"] = kind, ["verbs"] = new JsonArray("create") });
    }
}
