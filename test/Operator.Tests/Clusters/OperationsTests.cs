// What is done to a running cluster by its administrators, with real nodes: passwords given and rotated, volumes grown, a reshard
// that died half-way. No pod is restarted by any of it.
using System.Globalization;
using System.Text;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Clusters;

[Collection("cluster bench")]
[Trait("Suite", "Kube")]
public sealed class OperationsTests(ClusterBench bench)
{
    [Fact]
    public async Task A_password_comes_from_a_secret_and_is_rotated_without_a_restart()
    {
        await bench.CreateAsync("guarded", s => (s.Shards, s.Auth) = (1, new() { DefaultUserSecretRef = new() { Name = "users" } }));
        await bench.UntilAsync("guarded", "the missing Secret is reported", c => c.Status?.Phase == Phases.WaitingForUser
            && c.Status.Conditions!.Exists(x => x is { Type: Conditions.UsersApplied, Status: "False", Reason: "SecretMissing" }));
        Assert.Empty(await bench.PodsAsync("guarded"));

        await ClusterBench.AgainAsync(() => bench.Api.CreateAsync(new V1Secret
        {
            Metadata = new() { Name = "users", Namespace = ClusterBench.Namespace }, Data = new() { ["password"] = "first \"one\""u8.ToArray() },
        }));
        await bench.UntilAsync("guarded", "it goes on with the Secret", c => c.Status?.Phase is not (null or Phases.WaitingForUser));
        await bench.UntilHealthyAsync("guarded");
        var pods = await bench.PodsAsync("guarded");
        Assert.Equal(2, pods.Count);
        foreach (var pod in pods)
        {
            await using var stranger = await RespClient.ConnectAsync(pod.Status!.PodIP!, Names.ClientPort);
            Assert.StartsWith("NOAUTH", (await stranger.CallAsync("GET", "k")).Text, StringComparison.Ordinal);
        }

        var cluster = await bench.Api.GetAsync<CacheCluster>(ClusterBench.Namespace, "guarded");
        var primary = cluster!.Status!.NodeStatus!.Single(n => n.Role == "Primary");
        var address = primary.Address!.Split(':')[0];
        await using var early = await LogInAsync(address, "first \"one\"");
        await early.ExecuteAsync("SET", "k", "v");
        await ClusterBench.AgainAsync(() => bench.Api.CreateAsync(new CacheBackup
        {
            Metadata = new() { Name = "b-guarded", Namespace = ClusterBench.Namespace },
            Spec = new() { ClusterRef = new() { Name = "guarded" }, ObjectStore = new() { Provider = "Directory", Path = bench.BackupDirectory } },
        }));
        CacheBackup? backup = null;
        await ClusterBench.EventuallyAsync("the backup's Job logs in", async () =>
            (backup = await bench.Api.GetAsync<CacheBackup>(ClusterBench.Namespace, "b-guarded"))?.Status?.Phase is "Completed" or "Failed", 240);
        Assert.Equal("Completed", backup!.Status!.Phase);

        // Rotation: everybody follows, nobody restarts, and whoever is logged in stays so.
        await SetSecretAsync("second");
        await ClusterBench.EventuallyAsync("every node asks for the second password", async () =>
        {
            foreach (var pod in pods)
            {
                if (await TryLogInAsync(pod.Status!.PodIP!, "first \"one\"") || !await TryLogInAsync(pod.Status!.PodIP!, "second"))
                {
                    return false;
                }
            }

            return true;
        }, 240);
        Assert.Equal("v", (await early.ExecuteAsync("GET", "k")).Text);
        await bench.UntilHealthyAsync("guarded");
        Assert.Equal(Restarts(pods), Restarts(await bench.PodsAsync("guarded")));

        // A node that starts later has it too, and the replica that takes over asks for it.
        await ClusterBench.KillAsync(address, "second");
        await ClusterBench.EventuallyAsync("the killed node's pod is ready again", async () =>
            (await bench.PodsAsync("guarded")).Exists(p => p.Metadata.Name == primary.Pod
                && p.Status!.ContainerStatuses!.Exists(c => c.RestartCount > 0 && c.Ready)), 240);
        await ClusterBench.EventuallyAsync("it asks for the second password and has the value", async () =>
        {
            await using var again = await LogInAsync(address, "second");
            return (await again.CallAsync("GET", "k")).Text == "v";
        }, 240);
        await bench.UntilAsync("guarded", "its replica is linked", c => c.Status?.Phase == Phases.Healthy
            && c.Status.NodeStatus!.Exists(n => n is { Role: "Replica", LinkStatus: "up" }));

        await ClusterBench.AgainAsync(() => bench.Api.DeleteAsync<V1Secret>(ClusterBench.Namespace, "users"));
        await bench.UntilAsync("guarded", "the deleted Secret is reported, the password stays", c => c.Status!.Phase == Phases.Healthy
            && c.Status.Conditions!.Exists(x => x is { Type: Conditions.UsersApplied, Status: "False", Reason: "SecretMissing" }));
        Assert.True(await TryLogInAsync(address, "second"));

        await bench.PatchAsync("guarded", new { auth = new { enabled = false } });
        await bench.UntilHealthyAsync("guarded");
        await using var open = await RespClient.ConnectAsync(address, Names.ClientPort);
        Assert.False((await open.CallAsync("DBSIZE")).IsError);
        await bench.DeleteAsync("guarded");
    }

    [Fact]
    public async Task A_bigger_volume_is_asked_for_everywhere_and_no_pod_restarts()
    {
        await bench.HealthyAsync("store", s => s.Shards = 1);
        var pods = await bench.PodsAsync("store");
        await bench.PatchAsync("store", new { storage = new { size = "2Gi" } });
        await bench.UntilHealthyAsync("store");
        var claims = (await bench.Api.ListAsync<V1PersistentVolumeClaim>(ClusterBench.Namespace, Names.Selector("store"))).Items;
        Assert.Equal(2, claims.Count);
        Assert.All(claims, c => Assert.Equal("2Gi", c.Spec!.Resources!.Requests!["storage"]));
        var ready = await bench.UntilAsync("store", "the volumes have grown", c => c.Status?.Phase == Phases.Healthy
            && c.Status.Conditions!.Exists(x => x is { Type: Conditions.StorageReady, Status: "True" }));
        Assert.Equal(ready.Metadata.Generation, ready.Status!.ObservedGeneration);

        // The set was deleted without its pods and made again with the bigger claim: the same pods, adopted.
        V1StatefulSet? set = null;
        await ClusterBench.EventuallyAsync("the set is there again", async () =>
            (set = await bench.Api.GetAsync<V1StatefulSet>(ClusterBench.Namespace, Names.Shard("store", 0))) is not null);
        Assert.Equal("2Gi", set!.Spec!.VolumeClaimTemplates![0].Spec!.Resources!.Requests!["storage"]);
        await ClusterBench.EventuallyAsync("the new set owns the pods", async () => (await bench.PodsAsync("store")).TrueForAll(p =>
            p.Metadata.OwnerReferences?.Exists(o => o.Controller == true && o.Uid == set.Metadata.Uid) == true));
        Assert.Equal(Restarts(pods), Restarts(await bench.PodsAsync("store")));
        await bench.DeleteAsync("store");
    }

    [Fact]
    public async Task A_reshard_that_died_half_way_is_brought_to_its_end()
    {
        await bench.HealthyAsync("halfway", s => s.ReplicasPerShard = 0);
        var shards = (await bench.Api.GetAsync<CacheCluster>(ClusterBench.Namespace, "halfway"))!.Status!.ShardStatus!;
        var slot = HashSlot.Of("bar"u8);
        var owner = shards.Single(s => s.Slots!.Split(' ', ',').Select(SlotRange.Parse).Any(r => r.Start <= slot && slot <= r.End));
        var other = shards.First(s => s != owner);
        var pods = (await bench.PodsAsync("halfway")).ToDictionary(p => p.Metadata.Name!, p => p.Status!.PodIP!);
        await using (var from = await RespClient.ConnectAsync(pods[owner.Primary!], Names.ClientPort))
        await using (var to = await RespClient.ConnectAsync(pods[other.Primary!], Names.ClientPort))
        {
            for (var i = 0; i < 25; i++)
            {
                await from.ExecuteAsync("SET", $"{{bar}}{i}", $"{i}");
            }

            var number = slot.ToString(CultureInfo.InvariantCulture);
            await to.ExecuteAsync("CLUSTER", "SETSLOT", number, "IMPORTING", owner.PrimaryNodeId!);
            await from.ExecuteAsync("CLUSTER", "SETSLOT", number, "MIGRATING", other.PrimaryNodeId!);
            await from.ExecuteAsync("MIGRATE", pods[other.Primary!], "6379", "{bar}3", "0", "5000");
        }

        await bench.UntilAsync("halfway", "the open slot is seen", c => c.Status?.Operation?.Type == "Repair");
        await bench.UntilHealthyAsync("halfway");
        await using var client = new TestKit.ClusterClient([new TestKit.NodeAddress(pods[other.Primary!], Names.ClientPort)]);
        for (var i = 0; i < 25; i++)
        {
            Assert.Equal($"{i}", (await client.CallAsync("bar", "GET", $"{{bar}}{i}")).Text);
        }

        foreach (var ip in pods.Values)
        {
            await using var node = await RespClient.ConnectAsync(ip, Names.ClientPort);
            Assert.DoesNotContain('[', (await node.ExecuteAsync("CLUSTER", "NODES")).Text);
        }

        await bench.DeleteAsync("halfway");
    }

    [Fact]
    public async Task A_hibernated_cluster_stops_its_pods_and_wakes_with_its_data_and_ids()
    {
        var before = await bench.HealthyAsync("bear", s => s.Shards = 1);
        await using (var client = new TestKit.ClusterClient([new TestKit.NodeAddress(await bench.SeedAsync("bear"), Names.ClientPort)]))
        {
            (await client.CallAsync("honey", "SET", "honey", "pot")).ThrowIfError();
        }

        await bench.PatchAsync("bear", new { hibernated = true });
        await bench.UntilAsync("bear", "it sleeps", c => c.Status is { Phase: Phases.Hibernated, Nodes: 0 });
        await ClusterBench.EventuallyAsync("no pod is left", async () => (await bench.PodsAsync("bear")).Count == 0);
        await bench.PatchAsync("bear", new { hibernated = false });
        var after = await bench.UntilHealthyAsync("bear");
        Assert.Equal(before.Status!.NodeStatus!.Select(n => n.NodeId).Order(), after.Status!.NodeStatus!.Select(n => n.NodeId).Order());
        await using (var client = new TestKit.ClusterClient([new TestKit.NodeAddress(await bench.SeedAsync("bear"), Names.ClientPort)]))
        {
            Assert.Equal("pot", (await client.CallAsync("honey", "GET", "honey")).Text);
        }

        await bench.DeleteAsync("bear");
    }

    private static List<(string?, int)> Restarts(List<V1Pod> pods) =>
        [.. pods.Select(p => (p.Metadata.Uid, p.Status!.ContainerStatuses!.Sum(c => c.RestartCount))).OrderBy(p => p.Uid)];

    private static Task<RespClient> LogInAsync(string ip, string password) =>
        RespClient.ConnectAsync(ip, Names.ClientPort, new RespClientOptions { Password = password });

    private static async Task<bool> TryLogInAsync(string ip, string password)
    {
        try
        {
            await using var client = await LogInAsync(ip, password);
            return true;
        }
        catch (RespException)
        {
            return false;
        }
    }

    private Task SetSecretAsync(string password) => ClusterBench.AgainAsync(() => bench.Api.PatchAsync<V1Secret>(ClusterBench.Namespace, "users",
        Patch.Merge(new { data = new { password = Convert.ToBase64String(Encoding.UTF8.GetBytes(password)) } })));
}
