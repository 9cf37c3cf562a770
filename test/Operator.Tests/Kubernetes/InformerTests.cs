// The informer keeps its copy right whatever the stream does to it.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using static Shoal.Operator.Tests.Kubernetes.KubernetesApiTests;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class InformerTests
{
    private const string Gone = """{"type":"ERROR","object":{"kind":"Status","reason":"Expired","message":"too old","code":410}}""" + "\n";

    [Fact]
    public async Task It_resumes_from_the_last_event_after_a_cut_and_from_a_bookmark_after_an_end()
    {
        var watches = 0;
        await using var server = new FakeApiServer(r => r.Parameter("watch") is null
            ? new FakeReply(200, Page("10", "", "a"))
            : ++watches switch
            {
                1 => new FakeReply(200, "") { Stream = Pieces(Event("MODIFIED", "a", "11"), """{"type":"ADDED","obj"""), CutOff = true },
                2 => new FakeReply(200, "") { Stream = Pieces(Event("BOOKMARK", "", "42")) },
                _ => new FakeReply(200, "") { Stream = Forever(Event("ADDED", "b", "43")) },
            });
        await using var running = new Running(server);

        await running.UntilAsync(i => i.Get(new NamespacedName("ns", "b")) is not null);

        Assert.Equal(["10", "11", "42"], server.Requests.Where(r => r.Parameter("watch") is not null).Select(r => r.Parameter("resourceVersion")));
        Assert.Single(server.Requests, r => r.Parameter("watch") is null);
        Assert.Equal(["+a", "~a", "+b"], running.Changes);
    }

    [Fact]
    public async Task Gone_makes_it_list_again_and_report_what_was_missed()
    {
        var lists = 0;
        await using var server = new FakeApiServer(r => r.Parameter("watch") is null
            ? new FakeReply(200, ++lists == 1 ? Page("10", "", "a", "b") : Page("20", "", "b", "c"))
            : r.Parameter("resourceVersion") == "10" ? new FakeReply(200, "") { Stream = Pieces(Gone) } : new FakeReply(200, "") { Stream = Forever() });
        await using var running = new Running(server);

        await running.UntilAsync(i => i.Get(new NamespacedName("ns", "c")) is not null && i.Get(new NamespacedName("ns", "a")) is null);

        Assert.Equal(["+a", "+b", "+c", "-a", "~b"], running.Changes.Order(StringComparer.Ordinal).OrderBy(c => "+-~".IndexOf(c[0], StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_watch_refused_with_410_lists_again()
    {
        var lists = 0;
        await using var server = new FakeApiServer(r => r.Parameter("watch") is null
            ? new FakeReply(200, Page(++lists == 1 ? "10" : "20", "", "a"))
            : r.Parameter("resourceVersion") == "10" ? new FakeReply(410, """{"kind":"Status","reason":"Gone","code":410,"message":"too old"}""") : new FakeReply(200, "") { Stream = Forever(Event("ADDED", "b", "21")) });
        await using var running = new Running(server);

        await running.UntilAsync(i => i.Get(new NamespacedName("ns", "b")) is not null);

        Assert.Equal(2, lists);
    }

    [Fact]
    public async Task A_missed_deletion_is_found_by_the_periodic_list()
    {
        var lists = 0;
        await using var server = new FakeApiServer(r => r.Parameter("watch") is null
            ? new FakeReply(200, ++lists == 1 ? Page("10", "", "a", "b") : Page("10", "", "a"))
            : new FakeReply(200, "") { Stream = Forever() });
        await using var running = new Running(server, new InformerOptions { RelistEvery = TimeSpan.FromSeconds(1), WatchTimeout = TimeSpan.FromSeconds(1), MinBackoff = TimeSpan.FromMilliseconds(1) });

        await running.UntilAsync(i => i.Get(new NamespacedName("ns", "b")) is null && i.Get(new NamespacedName("ns", "a")) is not null && lists > 1);

        Assert.Contains("-b", running.Changes);
    }

    [Fact]
    public async Task An_absent_api_is_an_empty_synced_cache_until_it_appears()
    {
        var served = false;
        await using var server = new FakeApiServer(r => !Volatile.Read(ref served) ? new FakeReply(404, "404 page not found")
            : r.Parameter("watch") is null ? new FakeReply(200, Page("10", "", "a")) : new FakeReply(200, "") { Stream = Forever() });
        await using var running = new Running(server, new InformerOptions { AbsentApiRetry = TimeSpan.FromMilliseconds(20) });
        await running.Informer.WhenSyncedAsync();
        Assert.False(running.Informer.IsServed);

        Volatile.Write(ref served, true);

        await running.UntilAsync(i => i.All().Count == 1);
        Assert.True(running.Informer.IsServed);
    }

    [Fact]
    public async Task An_unreachable_server_is_tried_again_and_liveness_tells()
    {
        var down = true;
        await using var server = new FakeApiServer(r => Volatile.Read(ref down) ? new FakeReply(500, "no")
            : r.Parameter("watch") is null ? new FakeReply(200, Page("10", "", "a")) : new FakeReply(200, "") { Stream = Forever() });
        await using var running = new Running(server);
        await Task.Delay(100);
        Assert.Null(running.Informer.LastContact);

        Volatile.Write(ref down, false);

        await running.UntilAsync(i => i.IsSynced);
        Assert.NotNull(running.Informer.LastContact);
    }

    [Fact]
    public async Task A_late_subscriber_is_told_what_is_there()
    {
        await using var server = new FakeApiServer(r => r.Parameter("watch") is null ? new FakeReply(200, Page("10", "", "a", "b")) : new FakeReply(200, "") { Stream = Forever() });
        await using var running = new Running(server);
        await running.Informer.WhenSyncedAsync();

        var seen = new List<string>();
        running.Informer.Subscribe(c => seen.Add(c.Object.Metadata.Name!));

        Assert.Equal(["a", "b"], seen.Order(StringComparer.Ordinal));
    }

    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly KubernetesApi _api;
        private readonly Task _task;

        public Running(FakeApiServer server, InformerOptions? options = null)
        {
            _api = server.Client();
            Informer = new Informer<V1ConfigMap>(_api, (options ?? new InformerOptions()) with { Namespace = "ns", MinBackoff = TimeSpan.FromMilliseconds(5), MaxBackoff = TimeSpan.FromMilliseconds(50) }, TimeProvider.System, NullLogger.Instance);
            Informer.Subscribe(c => Changes.Enqueue((c.Old is null ? "+" : c.New is null ? "-" : "~") + c.Object.Metadata.Name));
            _task = Informer.RunAsync(_stop.Token);
        }

        public Informer<V1ConfigMap> Informer { get; }

        public ConcurrentQueue<string> Changes { get; } = new();

        public async Task UntilAsync(Func<Informer<V1ConfigMap>, bool> holds)
        {
            for (var deadline = DateTime.UtcNow.AddSeconds(60); !holds(Informer);)
            {
                Assert.True(DateTime.UtcNow < deadline, "gave up waiting; changes: " + string.Join(' ', Changes));
                await Task.Delay(10);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _task;
            _api.Dispose();
            _stop.Dispose();
        }
    }
}
