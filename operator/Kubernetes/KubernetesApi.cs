// Our IKubernetes over HTTP: builds paths and queries, sends, turns refusals into KubernetesException. The only file that
// knows the API server's URLs and media types; connections are Transport's, credentials are Credentials', discovery and
// watching have files of their own.

using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>Talks to an API server over HTTP(S).</summary>
public sealed class KubernetesApi : IKubernetes, IDisposable
{
    private const int ThrottleRetries = 5;

    private readonly KubernetesConfig _config;
    private readonly Credentials _credentials;
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly Discovery _discovery;

    public KubernetesApi(KubernetesConfig config, TimeProvider clock, ILogger log)
    {
        (_config, _clock) = (config, clock);
        _ = log;
        _credentials = new Credentials(config, clock);
        _http = new HttpClient(Transport.Create(config, _credentials)) { Timeout = Timeout.InfiniteTimeSpan };
        _discovery = new Discovery(this, clock);
    }

    /// <summary>Time one request may take; a watch only until its headers arrive.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after its agreed end a silent watch is given up.</summary>
    public TimeSpan WatchGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a request is tried again while the server does not accept connections, or drops one under a request that
    /// may safely be repeated. API servers restart; nobody should have to notice.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    public string DefaultNamespace => _config.Namespace;

    public async Task<T?> GetAsync<T>(ResourceType type, string? ns, string name, CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        try
        {
            return await SendAsync<T>(HttpMethod.Get, Required(type, ns).Path(ns, name), null, null, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    public async Task<KubernetesList<T>> ListAsync<T>(ResourceType type, string? ns, ListOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        try
        {
            return await ListPagesAsync<T>(type, ns, options, options.PageSize, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsGone)
        {
            // The continue token outlived the server's history: take everything in one page instead.
            return await ListPagesAsync<T>(type, ns, options, 0, ct).ConfigureAwait(false);
        }
    }

    public Task<T> CreateAsync<T>(ResourceType type, T obj, CancellationToken ct = default)
        where T : class, IKubernetesObject =>
        SendAsync<T>(HttpMethod.Post, Required(type, obj.Metadata.Namespace).Path(obj.Metadata.Namespace), KubernetesJson.Write(obj), "application/json", ct);

    public async Task PostAsync<T>(ResourceType type, string? ns, string name, string subresource, T body, CancellationToken ct = default)
    {
        using var reply = await SendRawAsync(
            HttpMethod.Post, Required(type, ns).Path(ns, name, subresource), KubernetesJson.Write(body!), "application/json", false, ct).ConfigureAwait(false);
    }

    public Task<T> ReplaceAsync<T>(ResourceType type, T obj, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject =>
        SendAsync<T>(HttpMethod.Put, ObjectPath(type, obj, subresource), KubernetesJson.Write(obj), "application/json", ct);

    public Task<T> ApplyAsync<T>(ResourceType type, T obj, ApplyOptions options, CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        var body = JsonSerializer.SerializeToNode(obj, KubernetesJson.Options)!.AsObject();
        if (body["metadata"] is JsonObject metadata)
        {
            // The server refuses an apply that carries these.
            metadata.Remove("managedFields");
        }

        var query = $"?fieldManager={Uri.EscapeDataString(options.FieldManager)}" + (options.Force ? "&force=true" : "");
        return SendAsync<T>(
            HttpMethod.Patch, ObjectPath(type, obj, options.Subresource) + query, body.ToJsonString(KubernetesJson.Options), "application/apply-patch+yaml", ct);
    }

    public Task<T> PatchAsync<T>(ResourceType type, string? ns, string name, Patch patch, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        var media = patch.Type switch
        {
            PatchType.Merge => "application/merge-patch+json",
            PatchType.Json => "application/json-patch+json",
            _ => "application/strategic-merge-patch+json",
        };
        var query = $"?fieldManager={KubernetesCalls.FieldManager}";
        return SendAsync<T>(HttpMethod.Patch, Required(type, ns).Path(ns, name, subresource) + query, patch.Json, media, ct);
    }

    public async Task<bool> DeleteAsync(ResourceType type, string? ns, string name, DeleteOptions options, CancellationToken ct = default)
    {
        var body = new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1" };
        if (options.Propagation is { } propagation)
        {
            body["propagationPolicy"] = propagation;
        }

        if (options.GracePeriodSeconds is { } grace)
        {
            body["gracePeriodSeconds"] = grace;
        }

        if (options.Uid is not null || options.ResourceVersion is not null)
        {
            var preconditions = new JsonObject();
            body["preconditions"] = preconditions;
            Set(preconditions, "uid", options.Uid);
            Set(preconditions, "resourceVersion", options.ResourceVersion);
        }

        try
        {
            using var reply = await SendRawAsync(
                HttpMethod.Delete, Required(type, ns).Path(ns, name), body.ToJsonString(), "application/json", false, ct).ConfigureAwait(false);
            return true;
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ResourceType type, string? ns, WatchOptions options, [EnumeratorCancellation] CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        var query = new QueryText()
            .Add("watch", "true")
            .Add("allowWatchBookmarks", options.Bookmarks ? "true" : null)
            .Add("labelSelector", options.LabelSelector)
            .Add("fieldSelector", options.FieldSelector)
            .Add("resourceVersion", options.ResourceVersion)
            .Add("timeoutSeconds", ((long)Math.Ceiling(options.Timeout.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture));
        using var stall = new CancellationTokenSource(options.Timeout + WatchGrace, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, stall.Token);
        using var reply = await SendRawAsync(HttpMethod.Get, type.Path(ns) + query, null, null, true, ct).ConfigureAwait(false);
        var stream = await reply.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        var lines = new WatchReader(stream);
        while (await lines.NextAsync(both.Token, stall.Token).ConfigureAwait(false) is { } line)
        {
            yield return WatchReader.Parse<T>(line, type);
        }
    }

    public Task<bool> ServesAsync(string apiVersion, string plural, CancellationToken ct = default) => _discovery.ServesAsync(apiVersion, plural, ct);

    public Task<IReadOnlyList<ApiResource>> DiscoverAsync(CancellationToken ct = default) => _discovery.AllAsync(ct);

    public async Task<string> VersionAsync(CancellationToken ct = default) =>
        (await ReadAsync("/version", ct).ConfigureAwait(false))?["gitVersion"]?.GetValue<string>() ?? "unknown";

    public void Dispose()
    {
        _http.Dispose();
        _credentials.Dispose();
    }

    /// <summary>Any JSON document of the server; null when there is none at that path.</summary>
    internal async Task<JsonNode?> ReadAsync(string path, CancellationToken ct)
    {
        try
        {
            return await SendAsync<JsonNode>(HttpMethod.Get, path, null, null, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    private static void Set(JsonObject o, string name, string? value)
    {
        if (value is not null)
        {
            o[name] = value;
        }
    }

    private static string ObjectPath(ResourceType type, IKubernetesObject obj, string? subresource) =>
        Required(type, obj.Metadata.Namespace).Path(obj.Metadata.Namespace, obj.Metadata.Name
            ?? throw new ArgumentException("the object has no name"), subresource);

    private static ResourceType Required(ResourceType type, string? ns) =>
        type.Namespaced && string.IsNullOrEmpty(ns) ? throw new ArgumentException($"{type} is namespaced: give a namespace") : type;

    private async Task<KubernetesList<T>> ListPagesAsync<T>(ResourceType type, string? ns, ListOptions options, int pageSize, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        KubernetesList<T>? all = null;
        string? next = null;
        do
        {
            var query = new QueryText()
                .Add("labelSelector", options.LabelSelector)
                .Add("fieldSelector", options.FieldSelector)
                .Add("resourceVersion", next is null ? options.ResourceVersion : null)
                .Add("limit", pageSize > 0 ? pageSize.ToString(System.Globalization.CultureInfo.InvariantCulture) : null)
                .Add("continue", next);
            var page = await SendAsync<KubernetesList<T>>(HttpMethod.Get, type.Path(ns) + query, null, null, ct).ConfigureAwait(false);
            foreach (var item in page.Items)
            {
                item.ApiVersion ??= type.ApiVersion;
                item.Kind ??= type.Kind;
            }

            if (all is null)
            {
                all = page;
            }
            else
            {
                all.Items.AddRange(page.Items);
            }

            next = page.Metadata.Continue;
        }
        while (!string.IsNullOrEmpty(next));

        all.Metadata.Continue = null;
        return all;
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, string? body, string? media, CancellationToken ct)
    {
        using var reply = await SendRawAsync(method, path, body, media, false, ct).ConfigureAwait(false);
        var stream = await reply.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(stream, KubernetesJson.Options, ct).ConfigureAwait(false)
                ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new IOException($"the answer to {method} {path} is not what it should be: {e.Message}", e);
        }
    }

    private async Task<HttpResponseMessage> SendRawAsync(HttpMethod method, string path, string? body, string? media, bool stream, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(RequestTimeout);
        var refreshed = false;
        var started = _clock.GetTimestamp();
        for (var attempt = 0; ; attempt++)
        {
            HttpResponseMessage reply;
            try
            {
                reply = await TryPatientlyAsync(method, path, body, media, stream, limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
            {
                throw new HttpRequestException($"{method} {path}: no answer within {RequestTimeout.TotalSeconds:0} s", e);
            }

            if (reply.IsSuccessStatusCode)
            {
                return reply;
            }

            using (reply)
            {
                if (reply.StatusCode == HttpStatusCode.Unauthorized && !refreshed && _credentials.Refresh())
                {
                    refreshed = true;
                    continue;
                }

                if (reply.StatusCode == HttpStatusCode.ServiceUnavailable && reply.Headers.RetryAfter is not null && _clock.GetElapsedTime(started) < Patience)
                {
                    // "server is starting": it refused before doing anything.
                    await Task.Delay(TimeSpan.FromMilliseconds(300), _clock, ct).ConfigureAwait(false);
                    continue;
                }

                if (reply.StatusCode == HttpStatusCode.TooManyRequests && attempt < ThrottleRetries && reply.Headers.RetryAfter?.Delta is { } pause
                    && !path.EndsWith("/eviction", StringComparison.Ordinal))
                {
                    // A throttled request was not carried out, whatever its verb. An eviction's 429 is an answer: the budget forbids it.
                    await Task.Delay(pause < TimeSpan.FromSeconds(10) ? pause : TimeSpan.FromSeconds(10), _clock, ct).ConfigureAwait(false);
                    continue;
                }

                throw await RefusalAsync(method, path, reply, limit.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task<HttpResponseMessage> TryPatientlyAsync(HttpMethod method, string path, string? body, string? media, bool stream, CancellationToken ct)
    {
        var started = _clock.GetTimestamp();

        // Creating twice, or applying the operations of a JSON patch twice, is not the same as once; everything else is.
        var isRepeatable = method != HttpMethod.Post && media != "application/json-patch+json";
        for (var pause = TimeSpan.FromMilliseconds(50); ; pause *= pause < TimeSpan.FromMilliseconds(400) ? 2 : 1)
        {
            try
            {
                return await TryOnceAsync(method, path, body, media, stream, ct).ConfigureAwait(false);
            }
            catch (HttpRequestException e) when (
                (e.HttpRequestError == HttpRequestError.ConnectionError || (isRepeatable && e.InnerException is IOException))
                && _clock.GetElapsedTime(started) < Patience)
            {
                await Task.Delay(pause, _clock, ct).ConfigureAwait(false);
            }
        }
    }

    private async Task<HttpResponseMessage> TryOnceAsync(HttpMethod method, string path, string? body, string? media, bool stream, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(_config.Server, path));
        request.Headers.Authorization = await _credentials.HeaderAsync(ct).ConfigureAwait(false);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("shoal-operator", "1.0"));
        if (body is not null)
        {
            request.Content = new StringContent(body);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(media!);
        }

        return await _http.SendAsync(
            request, stream ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead, ct).ConfigureAwait(false);
    }

    private static async Task<KubernetesException> RefusalAsync(HttpMethod method, string path, HttpResponseMessage reply, CancellationToken ct)
    {
        var text = await reply.Content.ReadAsStringAsync(ct).ConfigureAwait(false);
        V1Status? status = null;
        try
        {
            status = JsonSerializer.Deserialize<V1Status>(text, KubernetesJson.Options);
        }
        catch (JsonException)
        {
            // Plain text then: proxies and old paths answer so.
        }

        var code = (int)reply.StatusCode;
        return new KubernetesException(
            code,
            status?.Reason is { Length: > 0 } reason ? reason : reply.StatusCode.ToString(),
            status?.Message is { Length: > 0 } message ? message : $"{method} {path}: {code} {text.Trim()}",
            status);
    }
}
