// create, update, patch, delete and deletecollection, from the wire to ObjectWriter and ObjectRemover.
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api.Http;

internal sealed class WriteVerbs(ObjectWriter writer, ObjectRemover remover, Lifecycles lifecycles)
{
    public async Task CreateAsync(ApiExchange exchange)
    {
        var request = exchange.ToWrite(null, null);
        var body = await exchange.ReadObjectAsync(request.Validation);
        if (exchange.Type.Namespaced && request.Namespace is null) throw ApiError.MethodNotAllowed();
        var result = writer.Create(request, body);
        await ReplyAsync(exchange, request, result);
    }

    public async Task ReplaceAsync(ApiExchange exchange, string? subresource)
    {
        var request = exchange.ToWrite(exchange.Target.Name, subresource);
        var body = await exchange.ReadObjectAsync(request.Validation);
        await ReplyAsync(exchange, request, writer.Replace(request, body));
    }

    public async Task PatchAsync(ApiExchange exchange, string? subresource)
    {
        var request = exchange.ToWrite(exchange.Target.Name, subresource);
        var patch = await exchange.ReadBodyAsync(request.Validation);
        await ReplyAsync(exchange, request, writer.Patch(request, exchange.ContentType, patch));
    }

    public async Task DeleteAsync(ApiExchange exchange)
    {
        var options = await ReadOptionsAsync(exchange);
        var request = exchange.ToWrite(exchange.Target.Name, null);
        if (options.DryRun) request = request with { DryRun = true };
        var result = remover.Delete(request, options.Request);
        lifecycles.AfterDelete(exchange.Type, request, result);
        if (!result.Deleted)
        {
            await exchange.WriteAsync(result.Tree);
            return;
        }
        var type = exchange.Type;
        var details = new JsonObject { ["name"] = exchange.Target.Name };
        if (type.Group.Length > 0) details["group"] = type.Group;
        details["kind"] = type.Plural;
        details["uid"] = result.Tree.Str("metadata", "uid");
        if (type.Storage is "/pods" or "/services" or "/persistentvolumeclaims" or "/persistentvolumes") await exchange.WriteAsync(result.Tree);
        else await exchange.WriteAsync(new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details,
        });
    }

    public async Task DeleteCollectionAsync(ApiExchange exchange)
    {
        var options = await ReadOptionsAsync(exchange);
        var request = exchange.ToWrite(null, null);
        if (options.DryRun) request = request with { DryRun = true };
        var query = ListQuery.Of(exchange);
        var deleted = remover.DeleteMany(request, options.Request, query.Matches);
        foreach (var each in deleted)
            lifecycles.AfterDelete(exchange.Type, request with { Namespace = each.Namespace, Name = each.Name }, new WriteResult(each.Tree, Deleted: true));
        await exchange.WriteAsync(new JsonObject
        {
            ["kind"] = exchange.Type.ListKind, ["apiVersion"] = exchange.Type.ApiVersion, ["metadata"] = new JsonObject { ["resourceVersion"] = "" },
            ["items"] = new JsonArray([.. deleted.Select(o => Presentation.Of(o, exchange.Type).Copy())]),
        });
    }

    public Task ReplyAsync(ApiExchange exchange, WriteRequest request, WriteResult result)
    {
        if (result.Deleted) lifecycles.AfterDelete(exchange.Type, request, result);
        exchange.Warn(request.Warnings);
        var status = result.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        if (exchange.Negotiation.Form == ReplyForm.MetadataOnly)
            return exchange.WriteAsync(PartialMetadata.Of(result.Tree, exchange.Negotiation.MetaVersion), status);
        return exchange.WriteAsync(result.Tree, status);
    }

    /// <summary>DeleteOptions come in the body, from older clients in the query.</summary>
    public static async Task<(DeleteRequest Request, bool DryRun)> ReadOptionsAsync(ApiExchange exchange)
    {
        var body = await exchange.ReadBodyAsync() as JsonObject;
        var grace = body.Long("gracePeriodSeconds") ?? (long.TryParse(exchange.Query("gracePeriodSeconds"), out var g) ? g : null);
        var policy = body.Str("propagationPolicy") ?? exchange.Query("propagationPolicy");
        var orphan = body.At("orphanDependents").AsBool() ?? (exchange.Query("orphanDependents") is { } o ? o is "true" : null);
        policy ??= orphan switch { true => "Orphan", false => "Background", null => null };
        var dryRun = (body.Arr("dryRun") ?? []).Any(d => d.AsString() == "All");
        return (new DeleteRequest(grace, policy, body.Str("preconditions", "uid"), body.Str("preconditions", "resourceVersion")), dryRun);
    }
}
