// Models lose nothing they do not know; quantities, times and int-or-strings are read and written as Kubernetes does.

using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class ModelTests
{
    [Fact]
    public void Unknown_fields_survive_a_round_trip_at_every_level()
    {
        const string Json = """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","futureMeta":{"x":1}},
             "spec":{"containers":[{"name":"c","futureField":["y"],"livenessProbe":{"grpc":{"port":1}},"ports":[{"containerPort":1,"hostIP":"1.2.3.4"}]}],"futureSpec":true},"futureTop":null}
            """;

        var again = JsonNode.Parse(KubernetesJson.Write(KubernetesJson.Read<V1Pod>(Json)));

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Json), again), again!.ToJsonString());
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("500m", 1)]
    [InlineData("1Ki", 1024)]
    [InlineData("1.5Gi", 1610612736)]
    [InlineData("2G", 2000000000)]
    [InlineData("1e3", 1000)]
    [InlineData("1E", 1000000000000000000)]
    [InlineData("0.1Mi", 104858)]
    public void Quantities_are_read_and_rounded_up(string text, long bytes) => Assert.Equal(bytes, Quantity.Bytes(text));

    [Theory]
    [InlineData("")]
    [InlineData("Gi")]
    [InlineData("1 Gi")]
    [InlineData("1Gb")]
    [InlineData("ten")]
    [InlineData("1e3Gi")]
    public void What_is_no_quantity_is_refused(string text) => Assert.Throws<FormatException>(() => Quantity.Parse(text));

    [Fact]
    public void Equal_amounts_are_equal_however_written()
    {
        Assert.True(Quantity.AreEqual("1Gi", "1024Mi"));
        Assert.True(Quantity.AreEqual("0.5", "500m"));
        Assert.False(Quantity.AreEqual("1Gi", "1G"));
        Assert.Equal("1536Mi", Quantity.FromBytes(1610612736));
    }

    [Fact]
    public void Times_are_written_as_the_server_reads_them()
    {
        var at = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(2));

        var lease = KubernetesJson.Write(new V1Lease { Metadata = new() { CreationTimestamp = at }, Spec = new() { RenewTime = at } });

        Assert.Contains("\"creationTimestamp\":\"2026-01-02T01:04:05Z\"", lease, StringComparison.Ordinal);
        Assert.Contains("\"renewTime\":\"2026-01-02T01:04:05.678000Z\"", lease, StringComparison.Ordinal);
    }

    [Fact]
    public void Int_or_string_stays_what_it_was()
    {
        var budget = KubernetesJson.Read<V1PodDisruptionBudgetSpec>("""{"minAvailable":2,"maxUnavailable":"50%"}""");

        Assert.Equal("""{"minAvailable":2,"maxUnavailable":"50%"}""", KubernetesJson.Write(budget));
        Assert.Equal((2, null), (budget.MinAvailable!.Value.Number, budget.MaxUnavailable!.Value.Number));
    }

    [Theory]
    [InlineData("In", true)]
    [InlineData("NotIn", false)]
    [InlineData("Exists", true)]
    [InlineData("DoesNotExist", false)]
    public void Selectors_match_as_the_server_matches(string op, bool matches)
    {
        var selector = new V1LabelSelector { MatchExpressions = [new() { Key = "tier", Operator = op, Values = ["a", "b"] }] };

        Assert.Equal(matches, selector.Matches(new Dictionary<string, string> { ["tier"] = "b" }));
        Assert.Equal(op is "NotIn" or "DoesNotExist", selector.Matches(null));
    }

    [Fact]
    public async Task The_same_event_again_raises_its_count()
    {
        await using var plane = await ControlPlane.StartAsync(new ControlPlaneOptions { RunPods = false, Kind = ControlPlaneKind.Sandbox });
        var map = await plane.Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = "default", Name = "about" } });
        await using (var events = new EventRecorder(plane.Api, "test", TimeProvider.System, NullLogger.Instance))
        {
            for (var i = 0; i < 3; i++)
            {
                events.Warning(map, "Trouble", "it happened");
            }

            events.Normal(map, "Fine", "all is well");
            for (var i = 0; i < 100; i++)
            {
                events.Normal(map, "Flood", $"number {i}");
            }
        }

        var all = (await plane.Api.ListAsync<V1Event>("default")).Items.Where(e => e.InvolvedObject.Uid == map.Metadata.Uid).ToList();
        Assert.Equal(3, Assert.Single(all, e => e.Reason == "Trouble").Count);
        Assert.Single(all, e => e.Reason == "Fine");
        Assert.InRange(all.Count, 3, 26);
    }
}
