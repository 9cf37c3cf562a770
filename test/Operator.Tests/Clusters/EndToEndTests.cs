// The road of issue 2 on a control plane with real nodes: the same tests run on the sandbox, on kube-apiserver
// (KUBEBUILDER_ASSETS) and on a cluster (KUBECONFIG).
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;
using Shoal.Protocol.Client;
using Shoal.TestKit;
using Seed = Shoal.TestKit.NodeAddress;

namespace Shoal.Operator.Tests.Clusters;

[Collection("cluster bench")]
[Trait("Suite", "Kube")]
public sealed class EndToEndTests(ClusterBench bench)
{
    [Fact]
    public async Task Three_to_five_to_three_under_a_writer_with_the_operator_restarted_on_the_way()
    {
        await bench.HealthyAsync("grow");
        var start = await bench.ViewAsync("grow");
        await using var writer = ClusterWriter.Start(new Seed(await bench.SeedAsync("grow"), 6379), writers: 4);
        await writer.WaitForAsync(500, TimeSpan.FromSeconds(60));

        await bench.ScaleAsync("grow", 5);
        await bench.UntilAsync("grow", "slots are moving", c => c.Status?.Operation?.Progress is { Done: > 500 });
        await bench.StopOperatorAsync();
        bench.StartOperator();
        var grown = await bench.UntilHealthyAsync("grow");
        var wide = await bench.ViewAsync("grow");
        Assert.Equal(6553, ClusterBench.Moved(start, wide));
        Assert.Equal([3276, 3277, 3277, 3277, 3277], grown.Status!.ShardStatus!.Select(s => s.SlotCount).Order());
        Assert.Equal("10/10", grown.Status.ReadyNodes);

        await bench.ScaleAsync("grow", 3);
        await bench.UntilAsync("grow", "slots are moving back", c => c.Status?.Phase == Phases.ScalingIn && c.Status.Operation?.Progress is { Done: > 500 });
        await bench.StopOperatorAsync();
        bench.StartOperator();
        var shrunk = await bench.UntilHealthyAsync("grow");
        Assert.Equal([5461, 5461, 5462], shrunk.Status!.ShardStatus!.Select(s => s.SlotCount).Order());
        await ClusterBench.EventuallyAsync("only six pods are left", async () => (await bench.PodsAsync("grow")).Count == 6);
        Assert.Equal(6, (await bench.ViewAsync("grow")).Nodes.Count);

        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        Assert.Empty(report.Errors);
        Assert.True(report.Acknowledged > 500);
        await bench.DeleteAsync("grow");
        await ClusterBench.EventuallyAsync("volumes with reclaimPolicy Delete go with the cluster", async () =>
            (await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1PersistentVolumeClaim>(ClusterBench.Namespace, "cache.shoal.dev/cluster=grow"))).Items.Count == 0);
    }

    [Fact]
    public async Task All_pods_deleted_at_once_come_back_with_data_and_ids_and_a_killed_primary_is_replaced()
    {
        var before = await bench.HealthyAsync("phoenix");
        await using var client = new ClusterClient([new Seed(await bench.SeedAsync("phoenix"), 6379)]);
        for (var i = 0; i < 200; i++)
        {
            (await client.CallAsync("k" + i, "SET", "k" + i, i.ToString())).ThrowIfError();
        }

        foreach (var pod in await bench.PodsAsync("phoenix"))
        {
            await ClusterBench.AgainAsync(() => bench.Api.DeleteAsync<V1Pod>(ClusterBench.Namespace, pod.Metadata.Name!));
        }

        await bench.UntilAsync("phoenix", "the loss is seen", c => c.Status?.Phase != Phases.Healthy);
        var after = await bench.UntilHealthyAsync("phoenix");
        Assert.Equal(before.Status!.NodeStatus!.Select(n => n.NodeId).Order(), after.Status!.NodeStatus!.Select(n => n.NodeId).Order());
        await AssertHoldsAsync("phoenix", 200);

        var primary = after.Status.ShardStatus![0].Primary!;
        var node = after.Status.NodeStatus!.Single(n => n.Pod == primary);
        await ClusterBench.KillAsync(node.Address!.Split(':')[0]);
        await bench.UntilAsync("phoenix", "the replica has taken over", c =>
            c.Status?.ShardStatus?.Find(s => s.Index == 0)?.PrimaryNodeId is { } now && now != node.NodeId);
        var healed = await bench.UntilHealthyAsync("phoenix");
        Assert.Equal("Replica", healed.Status!.NodeStatus!.Single(n => n.NodeId == node.NodeId).Role);
        await AssertHoldsAsync("phoenix", 200);
        await bench.DeleteAsync("phoenix");
    }

    [Fact]
    public async Task Memory_doubles_and_halves_and_a_shrink_below_the_data_is_refused()
    {
        await bench.HealthyAsync("memo", s => s.Shards = 1);
        var pods = (await bench.PodsAsync("memo")).ToDictionary(p => p.Metadata.Name!, p => p.Metadata.Uid);
        await bench.PatchAsync("memo", new { memory = new { maxMemory = "128Mi" } });
        var grown = await bench.UntilHealthyAsync("memo");
        Assert.All(grown.Status!.NodeStatus!, n => Assert.Equal(128L << 20, n.MaxMemory));
        if (await bench.Api.ServesAsync<V1Pod>("resize"))
        {
            var now = await bench.PodsAsync("memo");
            Assert.All(now, p => Assert.Equal(pods[p.Metadata.Name!], p.Metadata.Uid));
            Assert.All(now, p => Assert.Equal("235Mi", p.Spec!.Containers[0].Resources!.Limits!["memory"]));
        }

        await bench.PatchAsync("memo", new { memory = new { maxMemory = "64Mi" } });
        var halved = await bench.UntilHealthyAsync("memo");
        Assert.All(halved.Status!.NodeStatus!, n => Assert.Equal(64L << 20, n.MaxMemory));

        await using var client = new ClusterClient([new Seed(await bench.SeedAsync("memo"), 6379)]);
        var value = new string('x', 1 << 20);
        for (var i = 0; i < 12; i++)
        {
            (await client.CallAsync("big" + i, "SET", "big" + i, value)).ThrowIfError();
        }

        await bench.PatchAsync("memo", new { memory = new { maxMemory = "8Mi" } });
        var refused = await bench.UntilAsync("memo", "the shrink is refused", c =>
            c.Status?.Conditions?.Exists(x => x is { Type: Conditions.ResourcesApplied, Status: "False", Reason: "DataWouldNotFit" }) == true);
        Assert.Contains("bytes more than 85%", refused.Status!.Conditions!.Single(c => c.Type == Conditions.ResourcesApplied).Message, StringComparison.Ordinal);
        Assert.All(refused.Status.NodeStatus!, n => Assert.Equal(64L << 20, n.MaxMemory));
        await bench.DeleteAsync("memo");
    }

    [Fact]
    public async Task An_operator_idle_for_a_minute_writes_nothing()
    {
        await bench.HealthyAsync("idle", s => s.Shards = 1);
        await Task.Delay(TimeSpan.FromSeconds(2));   // events of becoming healthy are on their way
        var before = await VersionsAsync();
        await Task.Delay(TimeSpan.FromMinutes(1));
        Assert.Equal(before, await VersionsAsync());
        await bench.DeleteAsync("idle");

        async Task<string> VersionsAsync()
        {
            var found = new List<IKubernetesObject>();
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<CacheCluster>(ClusterBench.Namespace))).Items);
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1StatefulSet>(ClusterBench.Namespace, "cache.shoal.dev/cluster=idle"))).Items);
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1ConfigMap>(ClusterBench.Namespace, "cache.shoal.dev/cluster=idle"))).Items);
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1Service>(ClusterBench.Namespace, "cache.shoal.dev/cluster=idle"))).Items);
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1PersistentVolumeClaim>(ClusterBench.Namespace, "cache.shoal.dev/cluster=idle"))).Items);
            found.AddRange((await bench.PodsAsync("idle")).Where(p => p.Metadata.DeletionTimestamp is null));
            found.AddRange((await ClusterBench.AgainAsync(() => bench.Api.ListAsync<V1Event>(ClusterBench.Namespace))).Items
                .Where(e => e.InvolvedObject is { Name: "idle", Kind: "CacheCluster" }));   // other controllers write events of their own objects
            return string.Join('\n', found.Select(o => $"{o.Kind}/{o.Metadata.Name} {o.Metadata.ResourceVersion}").Order());
        }
    }

    [Fact]
    public async Task A_new_image_rolls_replicas_first_and_keeps_the_data()
    {
        await bench.HealthyAsync("roll", s => s.Shards = 1);
        await using var client = new ClusterClient([new Seed(await bench.SeedAsync("roll"), 6379)]);
        for (var i = 0; i < 50; i++)
        {
            (await client.CallAsync("k" + i, "SET", "k" + i, i.ToString())).ThrowIfError();
        }

        var old = (await bench.PodsAsync("roll")).Select(p => p.Metadata.Uid).ToHashSet();
        await bench.PatchAsync("roll", new { podTemplate = new { metadata = new { annotations = new Dictionary<string, string> { ["team"] = "blue" } } } });
        await bench.UntilAsync("roll", "the roll has begun", c => c.Status?.Phase != Phases.Healthy);
        await bench.UntilHealthyAsync("roll");
        var pods = await bench.PodsAsync("roll");
        Assert.All(pods, p => Assert.DoesNotContain(p.Metadata.Uid, old));
        Assert.All(pods, p => Assert.Equal("blue", p.Metadata.Annotations!["team"]));
        await AssertHoldsAsync("roll", 50);
        await bench.DeleteAsync("roll");
    }

    [Theory]
    [InlineData("spec.shards", "shards", "2")]
    [InlineData("spec.mode", "mode", "\"Dragonfly\"")]
    [InlineData("spec.memory.maxMemory", "memory", "{\"maxMemory\":\"0\"}")]
    [InlineData("spec.replicasPerShard", "replicasPerShard", "-1")]
    public async Task The_api_refuses_by_field(string field, string name, string json)
    {
        var body = KubernetesJson.Read<UntypedObject>(
            $$$"""{"apiVersion":"cache.shoal.dev/v1","kind":"CacheCluster","metadata":{"name":"bad","namespace":"default"},"spec":{"{{{name}}}":{{{json}}} } }""");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => ClusterBench.AgainAsync(() => bench.Api.CreateAsync(ResourceType.Of<CacheCluster>(), body)));
        Assert.Equal(422, refused.Status);
        Assert.Contains(field, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shrinking_volume_is_refused_by_the_api_or_else_by_a_condition()
    {
        await bench.HealthyAsync("volume", s => (s.Shards, s.ReplicasPerShard) = (1, 0));
        try
        {
            await bench.PatchAsync("volume", new { storage = new { size = "500Mi" } });
            var condition = await bench.UntilAsync("volume", "the spec is refused", c =>
                c.Status?.Conditions?.Exists(x => x is { Type: Conditions.SpecAccepted, Status: "False" } && x.Message!.Contains("spec.storage.size", StringComparison.Ordinal)) == true);
            Assert.Equal(ControlPlaneKind.Real, bench.Plane.Kind); // only a server without CEL lets it pass
        }
        catch (KubernetesException e)
        {
            Assert.Contains("size can only grow", e.Message, StringComparison.Ordinal);
        }

        await bench.DeleteAsync("volume");
    }

    private async Task AssertHoldsAsync(string name, int keys)
    {
        await using var fresh = new ClusterClient([new Seed(await bench.SeedAsync(name), 6379)]);
        for (var i = 0; i < keys; i++)
        {
            Assert.Equal(i.ToString(), (await fresh.CallAsync("k" + i, "GET", "k" + i)).ThrowIfError().Text);
        }
    }
}
