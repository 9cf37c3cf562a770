// Runs a container's probes: the startup probe first, then readiness and liveness side by side. Probes connect to the
// pod's own address, as kubelet does.

using System.Globalization;
using System.Net.Sockets;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

/// <summary>What probes need from the pod they look at.</summary>
internal sealed record ProbeTarget(
    ContainerRun Run,
    string PodIP,
    Func<IReadOnlyList<string>, TimeSpan, CancellationToken, Task<int?>> ExecAsync,
    Action Changed,
    Action<string, string> Unhealthy,
    Action<string> Kill);

internal sealed class ContainerProbes : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ProbeTarget _target;
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly Task _running;

    public ContainerProbes(ProbeTarget target, HttpClient http, TimeProvider clock)
    {
        (_target, _http, _clock) = (target, http, clock);
        _running = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var spec = _target.Run.Spec;
        try
        {
            if (spec.StartupProbe is { } startup)
            {
                await UntilStartedAsync(startup).ConfigureAwait(false);
            }

            var readiness = spec.ReadinessProbe is { } ready ? LoopAsync(ready, "Readiness", SetReady) : Task.CompletedTask;
            var liveness = spec.LivenessProbe is { } live
                ? LoopAsync(live, "Liveness", alive =>
                {
                    if (!alive)
                    {
                        _target.Kill($"Container {spec.Name} failed liveness probe, will be restarted");
                    }
                })
                : Task.CompletedTask;
            await Task.WhenAll(readiness, liveness).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The container ended or is being stopped.
        }
    }

    private async Task UntilStartedAsync(V1Probe probe)
    {
        var started = new TaskCompletionSource();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var run = _target.Run;
        await LoopAsync(probe, "Startup", ok =>
        {
            if (ok)
            {
                run.IsStarted = true;
                run.IsReady = run.Spec.ReadinessProbe is null;
                _target.Changed();
                started.TrySetResult();
            }
            else
            {
                _target.Kill($"Container {run.Spec.Name} failed startup probe, will be restarted");
            }
        }, () => started.Task.IsCompleted).ConfigureAwait(false);
    }

    private void SetReady(bool ready)
    {
        if (_target.Run.IsReady != ready)
        {
            _target.Run.IsReady = ready;
            _target.Changed();
        }
    }

    /// <summary>Probes until stopped and reports each time a threshold is reached.</summary>
    private async Task LoopAsync(V1Probe probe, string name, Action<bool> report, Func<bool>? until = null)
    {
        var period = TimeSpan.FromSeconds(Math.Max(1, probe.PeriodSeconds ?? 10));
        var (successes, failures) = (0, 0);
        await Task.Delay(TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0), _clock, _stop.Token).ConfigureAwait(false);
        while (until?.Invoke() != true)
        {
            var error = await ProbeAsync(probe).ConfigureAwait(false);
            _stop.Token.ThrowIfCancellationRequested();
            if (error is null)
            {
                failures = 0;
                if (++successes >= (probe.SuccessThreshold ?? 1))
                {
                    report(true);
                }
            }
            else
            {
                successes = 0;
                _target.Unhealthy("Unhealthy", $"{name} probe failed: {error}");
                if (++failures >= (probe.FailureThreshold ?? 3))
                {
                    report(false);
                    failures = name == "Readiness" ? failures : 0;
                }
            }

            if (until?.Invoke() != true)
            {
                await Task.Delay(period, _clock, _stop.Token).ConfigureAwait(false);
            }
        }
    }

    /// <returns>Null when healthy, else what is wrong.</returns>
    private async Task<string?> ProbeAsync(V1Probe probe)
    {
        var timeout = TimeSpan.FromSeconds(Math.Max(1, probe.TimeoutSeconds ?? 1));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(timeout);
        try
        {
            return probe switch
            {
                { HttpGet: { } http } => await HttpAsync(http, limit.Token).ConfigureAwait(false),
                { TcpSocket: { } tcp } => await TcpAsync(tcp, limit.Token).ConfigureAwait(false),
                { Exec: { Command: { Count: > 0 } command } } => await _target.ExecAsync(command, timeout, _stop.Token).ConfigureAwait(false) switch
                {
                    0 => null,
                    null => $"command {command[0]} gave no answer within {timeout.TotalSeconds} s",
                    var code => $"command {command[0]} ended with {code}",
                },
                _ => null,
            };
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {timeout.TotalSeconds} s";
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or UriFormatException or FormatException)
        {
            return e.Message;
        }
    }

    private async Task<string?> HttpAsync(V1HttpGetAction http, CancellationToken ct)
    {
        var scheme = string.Equals(http.Scheme, "HTTPS", StringComparison.OrdinalIgnoreCase) ? "https" : "http";
        var path = http.Path is { Length: > 0 } p ? (p[0] == '/' ? p : "/" + p) : "/";
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"{scheme}://{http.Host ?? _target.PodIP}:{Port(http.Port)}{path}"));
        foreach (var header in http.HttpHeaders ?? [])
        {
            request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        using var reply = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct).ConfigureAwait(false);
        return (int)reply.StatusCode is >= 200 and < 400 ? null : $"HTTP probe failed with statuscode: {(int)reply.StatusCode}";
    }

    private async Task<string?> TcpAsync(V1TcpSocketAction tcp, CancellationToken ct)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(tcp.Host ?? _target.PodIP, Port(tcp.Port), ct).ConfigureAwait(false);
        return null;
    }

    private int Port(IntOrString? port) =>
        port?.Number
        ?? _target.Run.Spec.Ports?.Find(p => p.Name == port?.ToString())?.ContainerPort
        ?? throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"port {port} is not a number nor the name of a port"));
}
