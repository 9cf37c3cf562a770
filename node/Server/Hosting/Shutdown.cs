// How the node ends: SIGTERM, SIGINT and SHUTDOWN all run the same list of steps, each with its deadline.
using Microsoft.Extensions.Logging;

namespace Shoal.Server.Hosting;

/// <summary>What SHUTDOWN was asked for.</summary>
public enum SaveMode : byte
{
    /// <summary>Save if save points are configured.</summary>
    AsConfigured,
    Save,
    NoSave,
}

/// <summary>One request to end.</summary>
public sealed record ShutdownRequest(SaveMode Save, bool Now, bool Force, string Reason);

/// <summary>A step of shutdown: returns null, or why the node must not end (a failed save); runs off the engine thread and
/// reaches data by <c>IEngine.Post</c>.</summary>
public delegate Task<string?> ShutdownStep(ShutdownRequest request, CancellationToken cancel);

/// <summary>The shutdown steps in order. Thread-safe.</summary>
public sealed class Shutdown(ILogger log)
{
    private readonly List<(int Order, string Name, ShutdownStep Step)> _steps = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;

    /// <summary>Order of the usual steps; the engine turns until the last has run.</summary>
    public const int HandOver = 100, Replicas = 200, Flush = 300, SaveSnapshot = 400;

    /// <summary>Completes when all steps have run and the node may exit.</summary>
    public Task Ended => _ended.Task;

    /// <summary>True between the first request and its failure or the end.</summary>
    public bool IsRunning => Volatile.Read(ref _running) == 1;

    /// <summary>Adds a step; lower <paramref name="order"/> runs first.</summary>
    public void Add(int order, string name, ShutdownStep step)
    {
        lock (_steps)
        {
            _steps.Add((order, name, step));
            _steps.Sort((a, b) => a.Order.CompareTo(b.Order));
        }
    }

    /// <summary>Runs the steps; null when the node ends, or the error that keeps it running. A second call while running answers null.</summary>
    public async Task<string?> RunAsync(ShutdownRequest request)
    {
        if (Interlocked.Exchange(ref _running, 1) == 1) return null;
        log.LogInformation("Shutting down: {Reason}", request.Reason);
        foreach (var (_, name, step) in Steps())
        {
            string? error = await RunStepAsync(name, step, request).ConfigureAwait(false);
            if (error is null) continue;
            log.LogWarning("Shutdown step {Step} failed: {Error}", name, error);
            if (request.Force) continue;
            Volatile.Write(ref _running, 0);
            return error;
        }
        _ended.TrySetResult();
        return null;
    }

    /// <summary>The node ends without any step: the engine itself has failed.</summary>
    internal void EndNow() => _ended.TrySetResult();

    private (int Order, string Name, ShutdownStep Step)[] Steps()
    {
        lock (_steps) return [.. _steps];
    }

    private async Task<string?> RunStepAsync(string name, ShutdownStep step, ShutdownRequest request)
    {
        try
        {
            return await step(request, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            log.LogError(e, "Shutdown step {Step} threw", name);
            return e.Message;
        }
    }
}
