// pods/log: the text the pod runner wrote for a container, from a file under the sandbox's directory.
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Http;

internal sealed class LogVerb(ObjectStore store, string directory, TimeProvider time, CancellationToken stopping)
{
    private const int BlockBytes = 32 * 1024;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    public async Task RunAsync(ApiExchange exchange)
    {
        var (ns, name) = (exchange.Target.Namespace!, exchange.Target.Name!);
        var pod = store.Get("/pods", ns, name)?.Tree ?? throw ApiError.NotFound(exchange.Type, name);
        var container = Container(exchange, pod, name);
        var previous = exchange.Flag("previous");
        var path = Path.Combine(directory, $"{ns}_{name}_{container}{(previous ? ".previous" : "")}.log");
        if (!File.Exists(path))
        {
            if (previous) throw ApiError.BadRequest($"previous terminated container \"{container}\" in pod \"{name}\" not found");
            if (string.IsNullOrEmpty(pod.Str("spec", "nodeName")))
                throw ApiError.BadRequest($"pod {name} does not have a host assigned");
            if (!exchange.Flag("follow") && State(pod, container).Obj("waiting") is { } waiting)
                throw ApiError.BadRequest($"container \"{container}\" in pod \"{name}\" is waiting to start: {waiting.Str("reason")}");
        }
        exchange.Http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        exchange.Http.Response.ContentType = "text/plain";
        await exchange.Http.Response.StartAsync(exchange.Aborted);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(exchange.Aborted, stopping);
        try
        {
            await CopyAsync(exchange, path, () => exchange.Flag("follow") && IsRunning(ns, name, container), ends.Token);
        }
        catch (OperationCanceledException)
        {
            // The reader left or the server stops.
        }
    }

    private async Task CopyAsync(ApiExchange exchange, string path, Func<bool> follows, CancellationToken ct)
    {
        var limit = Number(exchange, "limitBytes") ?? long.MaxValue;
        var position = 0L;
        var placed = false;
        var block = new byte[BlockBytes];
        while (true)
        {
            var more = follows();
            if (File.Exists(path))
            {
                await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                if (!placed) position = Number(exchange, "tailLines") is { } lines ? TailOffset(file, lines) : 0;
                placed = true;
                // A shorter file is a new run of the container.
                if (file.Length < position) position = 0;
                file.Seek(position, SeekOrigin.Begin);
                int read;
                while (limit > 0 && (read = await file.ReadAsync(block.AsMemory(0, (int)Math.Min(block.Length, limit)), ct)) > 0)
                {
                    await exchange.Http.Response.Body.WriteAsync(block.AsMemory(0, read), ct);
                    position += read;
                    limit -= read;
                }
                await exchange.Http.Response.Body.FlushAsync(ct);
            }
            if (!more || limit <= 0) return;
            await Task.Delay(LookAgain, time, ct);
        }
    }

    private static string Container(ApiExchange exchange, JsonObject pod, string name)
    {
        var all = (pod.Arr("spec", "containers") ?? []).Concat(pod.Arr("spec", "initContainers") ?? []).Select(c => c.Str("name") ?? "").ToList();
        if (exchange.Query("container") is { Length: > 0 } asked)
            return all.Contains(asked) ? asked : throw ApiError.BadRequest($"container {asked} is not valid for pod {name}");
        var main = (pod.Arr("spec", "containers") ?? []).Select(c => c.Str("name") ?? "").ToList();
        return main.Count == 1 ? main[0]
            : throw ApiError.BadRequest($"a container name must be specified for pod {name}, choose one of: [{string.Join(" ", main)}]");
    }

    private bool IsRunning(string ns, string name, string container) =>
        store.Get("/pods", ns, name)?.Tree is { } pod && pod.Str("status", "phase") is not ("Succeeded" or "Failed") && State(pod, container).Obj("terminated") is null;

    private static JsonNode? State(JsonObject pod, string container) =>
        (pod.Arr("status", "containerStatuses") ?? []).Concat(pod.Arr("status", "initContainerStatuses") ?? [])
            .FirstOrDefault(s => s.Str("name") == container).At("state");

    private static long? Number(ApiExchange exchange, string name) =>
        long.TryParse(exchange.Query(name), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;

    /// <summary>Where the last <paramref name="lines"/> lines begin.</summary>
    private static long TailOffset(FileStream file, long lines)
    {
        if (lines <= 0) return file.Length;
        var block = new byte[BlockBytes];
        var end = file.Length;
        var found = 0L;
        for (var at = end; at > 0;)
        {
            var size = (int)Math.Min(block.Length, at);
            at -= size;
            file.Seek(at, SeekOrigin.Begin);
            file.ReadExactly(block, 0, size);
            for (var i = size - 1; i >= 0; i--)
                if (block[i] == '\n' && at + i != end - 1 && ++found == lines) return at + i + 1;
        }
        return 0;
    }
}
