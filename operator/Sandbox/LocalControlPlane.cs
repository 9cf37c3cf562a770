// Everything an API server needs beside it to run pods on this machine: the controllers that make pods out of workloads,
// and the runner that makes processes out of pods. Works against our sandbox API server and against a real one.

using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;
using Shoal.Sandbox.Controllers;
using Shoal.Sandbox.Pods;

namespace Shoal.Sandbox;

/// <summary>Settings of <see cref="LocalControlPlane"/>.</summary>
public sealed record LocalControlPlaneOptions
{
    /// <summary>Holds logs, volumes and everything else of the pods; created when missing.</summary>
    public required string Directory { get; init; }

    /// <summary>Where the programs that images stand for are looked up, <c>artifacts/bin</c> as a rule.</summary>
    public string? BinDirectory { get; init; }

    /// <summary>Off when a kube-controller-manager runs beside the API server; claims are bound and expanded either way.</summary>
    public bool RunControllers { get; init; } = true;

    /// <summary>Names of the Node objects to register; pods are spread over them, all run here.</summary>
    public IReadOnlyList<string> Nodes { get; init; } = ["sandbox"];

    /// <summary>First wait after a container died for the second time in a row; doubles up to <see cref="MaxCrashBackoff"/>.</summary>
    public TimeSpan CrashBackoff { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan MaxCrashBackoff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Run containers as this user id when we are root; null = as we are.</summary>
    public int? RunAsUser { get; init; }

    /// <summary>Capacity each node reports; pods whose requests do not fit stay Pending.</summary>
    public string NodeCpu { get; init; } = "64";

    public string NodeMemory { get; init; } = "256Gi";

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public ILoggerFactory? LoggerFactory { get; init; }
}

/// <summary>Controllers and pod runner. Disposing stops every process it started.</summary>
public sealed class LocalControlPlane : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PodRunner _runner;
    private readonly Task _running;

    private LocalControlPlane(PodRunner runner, Task running, CancellationTokenSource stop) =>
        (_runner, _running, _stop) = (runner, running, stop);

    /// <summary>Completes when it ends, which it does only when disposed or on a defect.</summary>
    public Task Completion => _running;

    /// <summary>Registers the nodes, starts everything and returns when the first lists are in.</summary>
    public static async Task<LocalControlPlane> StartAsync(IKubernetes api, LocalControlPlaneOptions options, CancellationToken ct = default)
    {
        var logs = options.LoggerFactory ?? Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;
        var stop = new CancellationTokenSource();
        var runner = new PodRunner(api, options, logs.CreateLogger("pods"));
        var controllers = new ControllerSet(api, options, logs.CreateLogger("controllers"));
        var running = Task.WhenAll(runner.RunAsync(stop.Token), controllers.RunAsync(stop.Token));
        var plane = new LocalControlPlane(runner, running, stop);
        try
        {
            await Task.WhenAny(Task.WhenAll(runner.WhenReadyAsync(ct), controllers.WhenReadyAsync(ct)), running).ConfigureAwait(false);
            if (running.IsFaulted)
            {
                await running.ConfigureAwait(false);
            }

            ct.ThrowIfCancellationRequested();
            return plane;
        }
        catch
        {
            await plane.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await _running.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // That is how it stops.
        }

        await _runner.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }
}
