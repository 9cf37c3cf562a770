// Three paths for the kubelet and Prometheus: /livez (the API server has talked to us lately), /readyz, /metrics.
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Shoal.Operator.Observability;

/// <summary>A running health endpoint; dispose stops it.</summary>
public sealed class HealthEndpoint : IAsyncDisposable
{
    private readonly WebApplication app;

    private HealthEndpoint(WebApplication app) => this.app = app;

    /// <summary>Listens.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<HealthEndpoint> StartAsync(
        string address, int port, OperatorMetrics metrics, Func<bool> isAlive, CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://{address}:{port}");
        var app = builder.Build();
        app.MapGet("/livez", () => isAlive() ? Results.Text("ok\n") : Results.Text("the API server has been silent too long\n", statusCode: 503));
        app.MapGet("/readyz", () => Results.Text("ok\n"));
        app.MapGet("/metrics", () => Results.Text(metrics.Text(), "text/plain; version=0.0.4"));
        await app.StartAsync(ct).ConfigureAwait(false);
        return new HealthEndpoint(app);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
    }
}
