// The three paths a kubelet and Prometheus ask for, over real HTTP.
using System.Net;
using Shoal.Operator.Observability;
using Shoal.TestKit;

namespace Shoal.Operator.Tests.Observability;

public sealed class HealthEndpointTests
{
    [Fact]
    public async Task Livez_follows_the_api_server_readyz_answers_and_metrics_count_passes()
    {
        var alive = true;
        var metrics = new OperatorMetrics { IsLeading = true };
        metrics.Pass("clusters", TimeSpan.FromMilliseconds(2), failed: false);
        metrics.Pass("clusters", TimeSpan.FromMilliseconds(3), failed: true);
        var port = FreePort.Take();
        await using var endpoint = await HealthEndpoint.StartAsync("127.0.0.1", port, metrics, () => alive, default);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        Assert.Equal("ok\n", await http.GetStringAsync("/livez"));
        Assert.Equal("ok\n", await http.GetStringAsync("/readyz"));
        using var answer = await http.GetAsync("/metrics");
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        var lines = (await answer.Content.ReadAsStringAsync()).Split('\n');
        Assert.Contains("shoal_operator_leading 1", lines);
        Assert.Contains("shoal_operator_passes_total{controller=\"clusters\"} 2", lines);
        Assert.Contains("shoal_operator_passes_failed_total{controller=\"clusters\"} 1", lines);
        Assert.Contains("shoal_operator_pass_microseconds_total{controller=\"clusters\"} 5000", lines);

        alive = false;
        using var dead = await http.GetAsync("/livez");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, dead.StatusCode);
        using var ready = await http.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }
}
