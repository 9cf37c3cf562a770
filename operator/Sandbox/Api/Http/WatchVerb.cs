// watch: a stream of changes from a resource version on. Events pass the request's selectors by comparing the object before and
// after, so an object that leaves the selection is DELETED and one that enters it is ADDED, as clients' caches expect.
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Storage;
using Shoal.Sandbox.Api.Tables;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api.Http;

internal sealed class WatchVerb(ObjectStore store, ResourceCatalog catalog, TimeProvider time, TimeSpan bookmarkInterval, CancellationToken stopping)
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(45);
    private const string InitialEventsEnd = "k8s.io/initial-events-end";

    public async Task RunAsync(ApiExchange exchange)
    {
        var stream = new Stream(exchange, time);
        var seconds = int.TryParse(exchange.Query("timeoutSeconds"), NumberStyles.None, CultureInfo.InvariantCulture, out var s) && s > 0 ? s : 0;
        using var deadline = new CancellationTokenSource(seconds > 0 ? TimeSpan.FromSeconds(seconds) : DefaultTimeout, time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(exchange.Aborted, stopping, deadline.Token);
        var query = ListQuery.Of(exchange);
        var cursor = Cursor(exchange, out var lists);
        await stream.OpenAsync();
        try
        {
            if (lists) cursor = await SendInitialAsync(exchange, stream, query, ends.Token);
            await FollowAsync(exchange, stream, query, cursor, ends.Token);
        }
        catch (OperationCanceledException)
        {
            // Timed out, the client left, or the server stops: each ends the stream quietly.
            if (deadline.IsCancellationRequested && !exchange.Aborted.IsCancellationRequested) await exchange.Http.Response.CompleteAsync();
        }
        catch (IOException)
        {
            // The client closed the connection while we were writing.
        }
    }

    private static long Cursor(ApiExchange exchange, out bool lists)
    {
        var asked = exchange.Query("resourceVersion");
        lists = string.IsNullOrEmpty(asked) || asked == "0" || exchange.Flag("sendInitialEvents");
        if (string.IsNullOrEmpty(asked)) return 0;
        if (long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)) return revision;
        throw ApiError.BadRequest($"invalid resource version \"{asked}\"");
    }

    private async Task<long> SendInitialAsync(ApiExchange exchange, Stream stream, ListQuery query, CancellationToken ct)
    {
        if (exchange.Query("sendInitialEvents") == "false") return store.Revision;
        var snapshot = store.List(exchange.Type.Storage);
        foreach (var stored in snapshot.Objects.Values)
            if (query.Matches(stored)) await stream.SendAsync("ADDED", Presentation.Of(stored, exchange.Type), ct);
        if (exchange.Query("sendInitialEvents") is not null && exchange.Flag("allowWatchBookmarks"))
        {
            var end = Bookmark(exchange.Type, snapshot.Revision);
            end["metadata"]!["annotations"] = new JsonObject { [InitialEventsEnd] = "true" };
            await stream.SendAsync("BOOKMARK", end, ct);
        }
        return snapshot.Revision;
    }

    private async Task FollowAsync(ApiExchange exchange, Stream stream, ListQuery query, long cursor, CancellationToken ct)
    {
        var type = exchange.Type;
        var history = store.History(type.Storage);
        var bookmarks = exchange.Flag("allowWatchBookmarks");
        var happened = new List<WatchEvent>();
        var bookmarked = cursor;
        if (cursor > store.Revision)
        {
            // Only possible when the state directory was replaced under a living client: it must list again.
            await stream.SendErrorAsync(ApiError.Expired($"too large resource version: {cursor} (current: {store.Revision})"), ct);
            return;
        }
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var changed = history.Changed;
            var upTo = store.Revision;
            happened.Clear();
            if (!history.TryRead(cursor, happened))
            {
                await stream.SendErrorAsync(ApiError.Expired($"too old resource version: {cursor} ({history.OldestResumable})"), ct);
                return;
            }
            foreach (var each in happened)
            {
                cursor = each.Revision;
                await ForwardAsync(stream, query, each, type, ct);
            }
            cursor = Math.Max(cursor, upTo);
            await stream.FlushAsync(ct);
            if (catalog.Find(type.Group, type.Version, type.Plural) is null) return;
            if (changed.IsCompleted) continue;
            var woken = await WaitAsync(changed, bookmarks ? bookmarkInterval : Timeout.InfiniteTimeSpan, ct);
            if (woken || cursor == bookmarked && store.Revision == cursor) continue;
            // Nothing came for a while: tell the client how far it is, so that it can resume from here.
            upTo = store.Revision;
            if (changed.IsCompleted) continue;
            bookmarked = cursor = Math.Max(cursor, upTo);
            await stream.SendAsync("BOOKMARK", Bookmark(type, cursor), ct);
        }
    }

    /// <returns>True when a change came, false when the time is over.</returns>
    private async Task<bool> WaitAsync(Task changed, TimeSpan limit, CancellationToken ct)
    {
        try
        {
            await changed.WaitAsync(limit, time, ct);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static async Task ForwardAsync(Stream stream, ListQuery query, WatchEvent happened, ResourceType type, CancellationToken ct)
    {
        var before = happened.Previous is { } previous && query.Matches(previous);
        var after = happened.Change != Change.Deleted && query.Matches(happened.Object);
        if (!before && !after) return;
        if (before && !after && happened.Change == Change.Modified)
        {
            // It left the selection: the client sees its last selected state, under the revision of the change.
            var last = Presentation.Of(happened.Previous!, type).Copy();
            last["metadata"]!["resourceVersion"] = happened.Revision.ToString(CultureInfo.InvariantCulture);
            await stream.SendAsync("DELETED", last, ct);
            return;
        }
        var word = !before ? "ADDED" : after ? "MODIFIED" : "DELETED";
        await stream.SendAsync(word, Presentation.Of(happened.Object, type), ct);
    }

    private static JsonObject Bookmark(ResourceType type, long revision) => new()
    {
        ["kind"] = type.Kind, ["apiVersion"] = type.ApiVersion,
        ["metadata"] = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null },
    };

    /// <summary>The reply: one JSON document per line.</summary>
    private sealed class Stream(ApiExchange exchange, TimeProvider time)
    {
        private readonly HttpResponse response = exchange.Http.Response;
        private readonly TableBuilder table = new(exchange.Type, time, exchange.Negotiation.MetaVersion, exchange.Query("includeObject"));
        private bool sentHeaders;

        public async Task OpenAsync()
        {
            exchange.Http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            response.StatusCode = StatusCodes.Status200OK;
            response.ContentType = "application/json";
            await response.StartAsync(exchange.Aborted);
        }

        public async Task SendAsync(string change, JsonObject tree, CancellationToken ct)
        {
            var shown = exchange.Negotiation.Form switch
            {
                ReplyForm.Table => AsTable(tree),
                ReplyForm.MetadataOnly => PartialMetadata.Of(tree, exchange.Negotiation.MetaVersion),
                _ => tree,
            };
            await WriteAsync(change, shown, ct);
        }

        public Task SendErrorAsync(ApiError error, CancellationToken ct) => WriteAsync("ERROR", error.ToStatus(), ct);

        public async Task FlushAsync(CancellationToken ct) => await response.BodyWriter.FlushAsync(ct);

        private JsonObject AsTable(JsonObject tree)
        {
            var shown = table.Build([tree], tree.Str("metadata", "resourceVersion") ?? "", withHeaders: !sentHeaders);
            sentHeaders = true;
            return shown;
        }

        private async Task WriteAsync(string change, JsonObject tree, CancellationToken ct)
        {
            var body = JsonTree.ToBytes(tree);
            await response.Body.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"{{\"type\":\"{change}\",\"object\":"), ct);
            await response.Body.WriteAsync(body, ct);
            await response.Body.WriteAsync("}\n"u8.ToArray(), ct);
        }
    }
}
