// The front door: takes a request to discovery, OpenAPI, health, or to the verb of a resource, and turns every refusal into
// a Status reply.
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Http;

internal sealed class ApiHandler(
    ResourceCatalog catalog, Discovery discovery, OpenApi openApi, ReadVerbs reads, WatchVerb watch, WriteVerbs writes,
    Subresources subresources, LogVerb log, Credentials credentials, ILogger logger)
{
    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            await RouteAsync(http);
        }
        catch (ApiError error)
        {
            await RefuseAsync(http, error);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left; there is nobody to answer.
        }
        catch (Exception error) when (!http.Response.HasStarted)
        {
            logger.LogError(error, "{Method} {Path} failed", http.Request.Method, http.Request.Path);
            await RefuseAsync(http, ApiError.Internal(error.Message));
        }
    }

    private async Task RouteAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        if (!IsLoopback(http.Request.Host.Host)) throw ApiError.BadRequest("the sandbox answers on loopback addresses only");
        http.Response.Headers["Audit-Id"] = http.TraceIdentifier;
        if (path is "/healthz" or "/livez" or "/readyz")
        {
            await http.Response.WriteAsync("ok", http.RequestAborted);
            return;
        }
        if (!credentials.Accept(http.Request)) throw ApiError.Unauthorized();
        if (path.StartsWith("/openapi/", StringComparison.Ordinal))
        {
            if (!await openApi.TryHandleAsync(http, path)) throw ApiError.NoSuchPath();
            return;
        }
        if (RequestTarget.Parse(path) is { } target)
        {
            await ResourceAsync(http, target);
            return;
        }
        if (!HttpMethods.IsGet(http.Request.Method)) throw ApiError.MethodNotAllowed();
        var found = discovery.Find(path) ?? throw ApiError.NoSuchPath();
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(JsonTree.ToBytes(found), http.RequestAborted);
    }

    private async Task ResourceAsync(HttpContext http, RequestTarget target)
    {
        if (AccessReviews.Answers(target) && HttpMethods.IsPost(http.Request.Method))
        {
            await AccessReviews.AnswerAsync(http);
            return;
        }
        var type = catalog.Find(target.Group, target.Version, target.Resource) ?? throw ApiError.NoSuchPath();
        if (target.Namespace is not null && !type.Namespaced) throw ApiError.NoSuchPath();
        if (target.Name is not null && type.Namespaced && target.Namespace is null) throw ApiError.NoSuchPath();
        var exchange = new ApiExchange(http, target, type);
        await (target.Subresource is null ? ObjectAsync(exchange) : SubresourceAsync(exchange));
    }

    private Task ObjectAsync(ApiExchange exchange)
    {
        var method = exchange.Http.Request.Method;
        var watches = exchange.Flag("watch");
        return (method, exchange.Target.Name) switch
        {
            ("GET", _) when watches => watch.RunAsync(exchange),
            ("GET", null) => reads.ListAsync(exchange),
            ("GET", _) => reads.GetAsync(exchange),
            ("POST", null) => writes.CreateAsync(exchange),
            ("PUT", not null) => writes.ReplaceAsync(exchange, null),
            ("PATCH", not null) => writes.PatchAsync(exchange, null),
            ("DELETE", not null) => writes.DeleteAsync(exchange),
            ("DELETE", null) => writes.DeleteCollectionAsync(exchange),
            _ => throw ApiError.MethodNotAllowed(),
        };
    }

    private Task SubresourceAsync(ApiExchange exchange)
    {
        var (type, method) = (exchange.Type, exchange.Http.Request.Method);
        var name = exchange.Target.Subresource!;
        var exists = name switch { "status" => type.HasStatus, "scale" => type.Scale is not null, _ => type.Actions.Any(a => a.Name == name) };
        if (!exists) throw ApiError.NoSuchPath();
        return (name, method) switch
        {
            ("scale", "GET") => subresources.GetScaleAsync(exchange),
            ("scale", "PUT" or "PATCH") => subresources.WriteScaleAsync(exchange, method == "PATCH"),
            ("status" or "resize", "GET") => reads.GetAsync(exchange),
            ("status", "PUT" or "PATCH") => subresources.WriteStatusAsync(exchange, method == "PATCH"),
            ("resize" or "finalize", "PUT") => writes.ReplaceAsync(exchange, name),
            ("resize", "PATCH") => writes.PatchAsync(exchange, name),
            ("binding", "POST") => subresources.BindAsync(exchange),
            ("eviction", "POST") => subresources.EvictAsync(exchange),
            ("log", "GET") => log.RunAsync(exchange),
            _ => throw ApiError.MethodNotAllowed(),
        };
    }

    /// <summary>A page in a browser can reach loopback under a name of its own; only our own addresses are answered.</summary>
    private static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static async Task RefuseAsync(HttpContext http, ApiError error)
    {
        if (http.Response.HasStarted) return;
        http.Response.StatusCode = error.Code;
        http.Response.ContentType = "application/json";
        if (error.RetryAfterSeconds is { } seconds) http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Code == StatusCodes.Status401Unauthorized) http.Response.Headers.WWWAuthenticate = "Bearer";
        await http.Response.Body.WriteAsync(JsonTree.ToBytes(error.ToStatus()), CancellationToken.None);
    }
}
