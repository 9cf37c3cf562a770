// watch: what a client's cache is kept up to date by.
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Tests.Api;

public sealed class WatchTests : ApiTest
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private protected override SandboxApiOptions Options => base.Options with
    {
        HistoryWindow = 8, TimeProvider = time, BookmarkInterval = TimeSpan.FromSeconds(10), EventTimeToLive = TimeSpan.FromMinutes(30),
    };

    [Fact]
    public async Task A_watch_without_a_version_begins_with_what_is_there()
    {
        await PostAsync(Maps, Map("a"));
        using var watch = await WatchAsync(Maps);
        Assert.Equal(("ADDED", "a"), await watch.NextAsync());
        await PostAsync(Maps, Map("b"));
        Assert.Equal(("ADDED", "b"), await watch.NextAsync());
        await MergeAsync($"{Maps}/a", """{"data":{"x":"1"}}""");
        Assert.Equal(("MODIFIED", "a"), await watch.NextAsync());
        await DeleteAsync($"{Maps}/a");
        Assert.Equal(("DELETED", "a"), await watch.NextAsync());
    }

    [Fact]
    public async Task A_watch_resumes_exactly_where_it_was()
    {
        var a = await PostAsync(Maps, Map("a"));
        await PostAsync(Maps, Map("b"));
        await DeleteAsync($"{Maps}/a");
        using var watch = await WatchAsync(Maps, $"&resourceVersion={a.Revision}");
        Assert.Equal(("ADDED", "b"), await watch.NextAsync());
        Assert.Equal(("DELETED", "a"), await watch.NextAsync());
    }

    [Fact]
    public async Task A_version_outside_the_window_ends_in_410()
    {
        var a = await PostAsync(Maps, Map("a"));
        for (var i = 0; i < 10; i++) await PostAsync(Maps, Map($"m{i}"));
        using var watch = await WatchAsync(Maps, $"&resourceVersion={a.Revision}");
        var (change, status) = await watch.NextObjectAsync();
        Assert.Equal(("ERROR", 410, "Expired"), (change, status.Long("code"), status.Str("reason")));
        Assert.StartsWith("too old resource version", status.Str("message"));
        Assert.Null(await watch.LineAsync());
    }

    [Fact]
    public async Task Entering_and_leaving_a_selection_look_like_coming_and_going()
    {
        await PostAsync(Maps, Map("a"));
        using var watch = await WatchAsync(Maps, "&labelSelector=on%3Dyes");
        await MergeAsync($"{Maps}/a", """{"metadata":{"labels":{"on":"yes"}}}""");
        Assert.Equal(("ADDED", "a"), await watch.NextAsync());
        await MergeAsync($"{Maps}/a", """{"data":{"x":"1"}}""");
        Assert.Equal(("MODIFIED", "a"), await watch.NextAsync());
        var left = await MergeAsync($"{Maps}/a", """{"metadata":{"labels":{"on":"no"}}}""");
        var (change, last) = await watch.NextObjectAsync();
        Assert.Equal(("DELETED", "yes", left.Revision), (change, last.Str("metadata", "labels", "on"), last.Str("metadata", "resourceVersion")));
    }

    [Fact]
    public async Task An_idle_watch_gets_bookmarks_that_can_be_resumed_from()
    {
        await PostAsync(Maps, Map("a"));
        using var watch = await WatchAsync(Maps, "&allowWatchBookmarks=true");
        await watch.NextAsync();
        var pod = await PostAsync(Pods, Pod("p"));
        var next = watch.NextObjectAsync();
        while (!next.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(11));
            await Task.WhenAny(next, Task.Delay(50));
        }
        var (change, mark) = await next;
        Assert.Equal(("BOOKMARK", "ConfigMap", pod.Revision), (change, mark.Str("kind"), mark.Str("metadata", "resourceVersion")));
    }

    [Fact]
    public async Task A_watch_list_marks_the_end_of_its_initial_events()
    {
        await PostAsync(Maps, Map("a"));
        using var watch = await WatchAsync(Maps, "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
        Assert.Equal(("ADDED", "a"), await watch.NextAsync());
        var (change, mark) = await watch.NextObjectAsync();
        Assert.Equal(("BOOKMARK", "true"), (change, mark.Str("metadata", "annotations", "k8s.io/initial-events-end")));
    }

    [Fact]
    public async Task A_watch_ends_when_its_time_is_over()
    {
        using var watch = await WatchAsync(Maps, "&timeoutSeconds=5");
        var line = watch.LineAsync();
        while (!line.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(6));
            await Task.WhenAny(line, Task.Delay(50));
        }
        Assert.Null(await line);
    }

    [Fact]
    public async Task Resume_works_across_a_restart()
    {
        var a = await PostAsync(Maps, Map("a"));
        await PostAsync(Maps, Map("b"));
        await StopAsync();
        await StartAsync();
        using var watch = await WatchAsync(Maps, $"&resourceVersion={a.Revision}");
        Assert.Equal(("ADDED", "b"), await watch.NextAsync());
    }

    [Fact]
    public async Task A_watch_of_tables_sends_headers_once()
    {
        using var watch = await WatchAsync(Maps, "", "application/json;as=Table;g=meta.k8s.io;v=v1");
        await PostAsync(Maps, Map("a", """{"x":"1"}"""));
        await PostAsync(Maps, Map("b"));
        var (_, first) = await watch.NextObjectAsync();
        var (_, second) = await watch.NextObjectAsync();
        Assert.Equal(3, first.Arr("columnDefinitions")!.Count);
        Assert.Equal("a", first.Arr("rows")![0].Arr("cells")![0].AsString());
        Assert.Empty(second.Arr("columnDefinitions")!);
    }

    [Fact]
    public async Task Old_events_are_forgotten()
    {
        await PostAsync("/api/v1/namespaces/default/events", """{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p"},"lastTimestamp":"2026-01-01T00:00:00Z"}""");
        time.Advance(TimeSpan.FromMinutes(31));
        await UntilAsync(async () => (await GetAsync("/api/v1/events")).Body.Arr("items")!.Count == 0, "the event is gone");
    }

    private async Task<Watch> WatchAsync(string path, string query = "", string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{path}?watch=true{query}");
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        var reply = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(200, (int)reply.StatusCode);
        return new Watch(reply, new StreamReader(await reply.Content.ReadAsStreamAsync(), Encoding.UTF8));
    }

    private sealed class Watch(HttpResponseMessage reply, StreamReader lines) : IDisposable
    {
        public async Task<string?> LineAsync() => await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));

        public async Task<(string Change, JsonObject Tree)> NextObjectAsync()
        {
            var line = await LineAsync() ?? throw new InvalidOperationException("the watch ended");
            var json = JsonTree.ParseObject(Encoding.UTF8.GetBytes(line));
            return (json.Str("type")!, json.Obj("object")!);
        }

        public async Task<(string Change, string Name)> NextAsync()
        {
            var (change, tree) = await NextObjectAsync();
            return (change, tree.Str("metadata", "name") ?? tree.Str("message") ?? "");
        }

        public void Dispose() => reply.Dispose();
    }
}
