// What the tests of the API server share: a server in a folder of its own and a few words to talk HTTP with it.
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api;
using Shoal.Sandbox.Api.Json;
using Shoal.TestKit;

namespace Shoal.Sandbox.Tests.Api;

/// <summary>A reply: its status code and its body.</summary>
internal sealed record Reply(int Code, JsonObject Body, HttpResponseMessage Raw)
{
    public string? Reason => Body.Str("reason");
    public string? Message => Body.Str("message");
    public string Revision => Body.Str("metadata", "resourceVersion") ?? "";
}

public abstract class ApiTest : IAsyncLifetime
{
    private protected const string Pods = "/api/v1/namespaces/default/pods";
    private protected const string Maps = "/api/v1/namespaces/default/configmaps";
    private protected const string Sets = "/apis/apps/v1/namespaces/default/statefulsets";

    private readonly TempFolder folder = new();

    private protected SandboxApiServer Server { get; private set; } = null!;
    private protected HttpClient Http { get; private set; } = null!;
    private protected string Folder => folder.Path;
    private protected virtual SandboxApiOptions Options => new() { Directory = folder.Path };

    public async Task InitializeAsync() => await StartAsync();

    public async Task DisposeAsync()
    {
        await StopAsync();
        folder.Dispose();
    }

    private protected async Task StartAsync()
    {
        Server = await SandboxApiServer.StartAsync(Options);
        Http = new HttpClient { BaseAddress = new Uri(Server.Url), Timeout = TimeSpan.FromMinutes(2) };
        Http.DefaultRequestHeaders.UserAgent.ParseAdd("test/1.0");
    }

    private protected async Task StopAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
    }

    private protected Task<Reply> GetAsync(string path, string? accept = null) => SendAsync("GET", path, null, null, accept);

    private protected Task<Reply> PostAsync(string path, string body) => SendAsync("POST", path, body, "application/json");

    private protected Task<Reply> PutAsync(string path, JsonObject body) => SendAsync("PUT", path, JsonTree.ToText(body), "application/json");

    private protected Task<Reply> DeleteAsync(string path, string? body = null) => SendAsync("DELETE", path, body, "application/json");

    private protected Task<Reply> MergeAsync(string path, string body) => SendAsync("PATCH", path, body, "application/merge-patch+json");

    private protected Task<Reply> StrategicAsync(string path, string body) => SendAsync("PATCH", path, body, "application/strategic-merge-patch+json");

    private protected Task<Reply> JsonPatchAsync(string path, string body) => SendAsync("PATCH", path, body, "application/json-patch+json");

    private protected Task<Reply> ApplyAsync(string path, string manager, string body, bool force = false) =>
        SendAsync("PATCH", $"{path}?fieldManager={manager}&force={(force ? "true" : "false")}", body, "application/apply-patch+yaml");

    private protected async Task<Reply> SendAsync(string method, string path, string? body, string? contentType, string? accept = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, MediaTypeHeaderValue.Parse(contentType!));
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        var raw = await Http.SendAsync(request);
        var bytes = await raw.Content.ReadAsByteArrayAsync();
        var json = bytes is [(byte)'{', ..] ? JsonTree.ParseObject(bytes) : [];
        return new Reply((int)raw.StatusCode, json, raw);
    }

    private protected static string Map(string name, string data = "{}") => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"},"data":{{data}}}""";

    private protected static string Pod(string name, string spec = "", string metadata = "") =>
        $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"{{{metadata}}}},"spec":{"containers":[{"name":"main","image":"x:1"}]{{{spec}}}}}""";

    private protected static string Set(string name, string extra = "", int replicas = 1) => $$$"""
        {"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"{{{name}}}"},"spec":{"replicas":{{{replicas}}},"serviceName":"s",
        "selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"main","image":"x:1",
        "env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":80}]}]}}{{{extra}}}}}
        """;

    /// <summary>Waits until the condition holds; fails after a generous while.</summary>
    private protected static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await condition()) return;
            await Task.Delay(50);
        }
        Assert.Fail($"never happened: {what}");
    }
}

/// <summary>A clock that moves when told to. Timers fire on the caller's thread.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<Timer> timers = [];
    private DateTimeOffset now = start;

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate) return now;
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        lock (gate) timers.Add(timer);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        List<Timer> due;
        lock (gate)
        {
            now += by;
            due = [.. timers.Where(t => t.Due <= now)];
        }
        foreach (var timer in due) timer.Fire();
    }

    private sealed class Timer(ManualTime owner, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan period;

        public DateTimeOffset Due { get; private set; } = DateTimeOffset.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan every)
        {
            period = every;
            Due = dueTime < TimeSpan.Zero ? DateTimeOffset.MaxValue : owner.GetUtcNow() + dueTime;
            return true;
        }

        public void Fire()
        {
            Due = period > TimeSpan.Zero ? owner.GetUtcNow() + period : DateTimeOffset.MaxValue;
            callback(state);
        }

        public void Dispose()
        {
            lock (owner.gate) owner.timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
