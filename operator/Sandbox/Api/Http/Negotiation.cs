// Which form of a reply the client asked for. We speak JSON; within it, plain objects, Tables (what `kubectl get` prints) and
// metadata-only objects.
using Microsoft.AspNetCore.Http;

namespace Shoal.Sandbox.Api.Http;

internal enum ReplyForm { Object, Table, MetadataOnly }

/// <param name="MetaVersion">API version of the Table or partial object: v1 or v1beta1.</param>
internal sealed record Negotiation(ReplyForm Form, string MetaVersion, bool Pretty)
{
    /// <summary>Picks the first entry of the Accept header we can produce; throws 406 when there is none.</summary>
    public static Negotiation Of(HttpRequest request)
    {
        var pretty = request.Query["pretty"].ToString() is "true" or "1";
        var accept = request.Headers.Accept.ToString();
        if (accept.Length == 0) return new Negotiation(ReplyForm.Object, "v1", pretty);
        foreach (var entry in accept.Split(',', StringSplitOptions.TrimEntries))
        {
            var parts = entry.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "*/*" or "application/*")) continue;
            var form = parts.FirstOrDefault(p => p.StartsWith("as=", StringComparison.Ordinal))?[3..];
            var version = parts.FirstOrDefault(p => p.StartsWith("v=", StringComparison.Ordinal))?[2..] ?? "v1";
            if (form is not null && version is not ("v1" or "v1beta1")) continue;
            if (form is null) return new Negotiation(ReplyForm.Object, "v1", pretty);
            if (form == "Table") return new Negotiation(ReplyForm.Table, version, pretty);
            if (form is "PartialObjectMetadata" or "PartialObjectMetadataList") return new Negotiation(ReplyForm.MetadataOnly, version, pretty);
        }
        // A client that asks for YAML or a binary form alone gets told; browsers and curl send wildcards.
        throw ApiError.NotAcceptable();
    }
}
