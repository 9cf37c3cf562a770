// A cluster of real processes seen from outside: redirects, failover by kill -9, rejoin, full restart, hand-over, real Redis.
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;
using Shoal.TestKit;

namespace Shoal.Integration.Cluster;

public sealed class TopologyTests
{
    [Fact]
    public async Task RequestsAreServedOrRedirected()
    {
        await using var cluster = await TestCluster.FormAsync(3, 0);
        int slot = HashSlot.Of("foo"u8); // 12182: the third node's
        Assert.Equal($"MOVED {slot} {cluster.Nodes[2].Address}", (await cluster.TryAsync(0, "GET", "foo")).Text);
        Assert.True((await cluster.CallAsync(2, "SET", "foo", "1")).IsOk);
        Assert.StartsWith("CROSSSLOT", (await cluster.TryAsync(2, "MGET", "foo", "bar")).Text);
        Assert.Equal(slot, (await cluster.CallAsync(0, "CLUSTER", "KEYSLOT", "foo")).Integer);
        Assert.Equal(1, (await cluster.CallAsync(2, "CLUSTER", "COUNTKEYSINSLOT", $"{slot}")).Integer);
        Assert.Equal("foo", (await cluster.CallAsync(2, "CLUSTER", "GETKEYSINSLOT", $"{slot}", "10")).Items.Single().Text);
        var stats = (await cluster.CallAsync(2, "CLUSTER", "SLOT-STATS", "SLOTSRANGE", $"{slot}", $"{slot}")).Items.Single();
        Assert.Equal(1, stats[1].Field("key-count")!.Integer);
        Assert.True(stats[1].Field("memory-bytes")!.Integer > 0);
        Assert.StartsWith("ERR Slot 0 is already busy", (await cluster.TryAsync(1, "CLUSTER", "ADDSLOTS", "0")).Text);
        var slots = await cluster.CallAsync(0, "CLUSTER", "SLOTS");
        Assert.Equal(3, slots.Items.Count);
        Assert.All(slots.Items, s => Assert.Equal("127.0.0.1", s[2][0].Text));
        Assert.Equal(3, (await cluster.CallAsync(0, "CLUSTER", "SHARDS")).Items.Count);
    }

    [Fact]
    public async Task SlotNobodyOwnsIsNotServed()
    {
        await using var cluster = await TestCluster.StartNodesAsync(1);
        Assert.StartsWith("CLUSTERDOWN", (await cluster.TryAsync(0, "GET", "foo")).Text);
        await cluster.CallAsync(0, "CLUSTER", "ADDSLOTSRANGE", "0", "16382");
        Assert.StartsWith("CLUSTERDOWN The cluster is down", (await cluster.TryAsync(0, "GET", "foo")).Text);
        await cluster.CallAsync(0, "CONFIG", "SET", "cluster-require-full-coverage", "no");
        await cluster.WaitAsync("partial cover is served", async () => (await cluster.TryAsync(0, "GET", "foo")).IsNull);
        await cluster.CallAsync(0, "CLUSTER", "ADDSLOTS", "16383");
        await cluster.WaitHealthyAsync();
    }

    [Fact]
    public async Task KilledPrimaryIsReplacedAndRejoinsAsReplica()
    {
        await using var cluster = await TestCluster.FormAsync(3, 1);
        await using var writer = ClusterWriter.Start(cluster.Seed);
        await writer.WaitForAsync(1000, TestCluster.Patience);
        Assert.StartsWith("MOVED", (await cluster.TryAsync(3, "GET", "bar")).Text);
        await cluster.Nodes[0].KillAsync();
        await cluster.WaitAsync("replica took over", async () => (await cluster.MyselfAsync(3)).IsPrimary);
        await writer.WaitForAsync(1000, TestCluster.Patience);
        await cluster.Nodes[0].StartAgainAsync();
        string newPrimary = await cluster.IdAsync(3);
        await cluster.WaitAsync("old primary follows", async () => (await cluster.MyselfAsync(0)).PrimaryId == newPrimary);
        await cluster.WaitHealthyAsync();
        var report = await writer.StopAsync();
        // Replication is asynchronous: what the dead primary had acknowledged in its last instant may be gone, not more.
        Assert.True(report.Lost.Count <= 16, string.Join('\n', report.Lost));
    }

    [Fact]
    public async Task HandOverLosesNothing()
    {
        await using var cluster = await TestCluster.FormAsync(3, 1);
        await using var writer = ClusterWriter.Start(cluster.Seed);
        for (int round = 0; round < 2; round++)
        {
            await writer.WaitForAsync(500, TestCluster.Patience);
            int replica = round == 0 ? 3 : 0;
            await cluster.CallAsync(replica, "CLUSTER", "FAILOVER");
            await cluster.WaitAsync("roles swapped", async () => (await cluster.MyselfAsync(replica)).IsPrimary && (await cluster.MyselfAsync(3 - replica)).IsReplica);
            await cluster.WaitHealthyAsync();
        }
        // SIGTERM hands over by itself.
        Assert.Equal(0, await cluster.Nodes[0].TerminateAsync());
        Assert.True((await cluster.MyselfAsync(3)).IsPrimary, cluster.Nodes[0].Log + "\n---\n" + cluster.Nodes[3].Log);
        await writer.WaitForAsync(500, TestCluster.Patience);
        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
    }

    [Fact]
    public async Task RestartOfAllNodesKeepsIdentityAndData()
    {
        await using var cluster = await TestCluster.FormAsync(3, 1, "--appendfsync", "always");
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 6).Select(cluster.IdAsync));
        await using (var client = new ClusterClient([cluster.Seed]))
            for (int i = 0; i < 100; i++) await client.CallAsync($"k{i}", "SET", $"k{i}", $"{i}");
        foreach (var node in cluster.Nodes) await node.KillAsync();
        await Task.WhenAll(cluster.Nodes.Select(n => n.StartAgainAsync()));
        await cluster.WaitHealthyAsync();
        string log = string.Join("\n---\n", cluster.Nodes.Select(n => n.Log));
        Assert.Equal(ids, await Task.WhenAll(Enumerable.Range(0, 6).Select(cluster.IdAsync)));
        await using var reader = new ClusterClient([cluster.Seed]);
        for (int i = 0; i < 100; i++) Assert.True($"{i}" == (await reader.CallAsync($"k{i}", "GET", $"k{i}")).Text, $"k{i} is lost\n{log}");
    }

    [Fact]
    public async Task PrimaryThatLostItsDataIsReplacedNotObeyed()
    {
        await using var cluster = await TestCluster.FormAsync(3, 1);
        await using (var client = new ClusterClient([cluster.Seed]))
            for (int i = 0; i < 100; i++) await client.CallAsync($"k{i}", "SET", $"k{i}", $"{i}");
        await cluster.WaitAsync("the data mark is saved", () => Task.FromResult(
            File.ReadAllText(Path.Combine(cluster.Nodes[0].Folder, "nodes.conf")).Contains("shoal-holds-data 1", StringComparison.Ordinal)));
        await cluster.Nodes[0].KillAsync();
        Directory.Delete(Path.Combine(cluster.Nodes[0].Folder, "appendonlydir"), recursive: true);
        await cluster.Nodes[0].StartAgainAsync();
        await cluster.WaitAsync("replica took over", async () => (await cluster.MyselfAsync(3)).IsPrimary && (await cluster.MyselfAsync(0)).IsReplica);
        await cluster.WaitHealthyAsync();
        await using var reader = new ClusterClient([cluster.Seed]);
        for (int i = 0; i < 100; i++) Assert.Equal($"{i}", (await reader.CallAsync($"k{i}", "GET", $"k{i}")).Text);
    }

    [FactNeeds("redis-server")]
    public async Task RealRedisJoinsAndSeesTheSameTopology()
    {
        await using var cluster = await TestCluster.FormAsync(2, 0);
        int busPort = FreePort.Take();
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server", "--cluster-enabled", "yes", "--cluster-port", $"{busPort}", "--cluster-node-timeout", "2000");
        await cluster.CallAsync(0, "CLUSTER", "MEET", "127.0.0.1", $"{redis.Port}", $"{busPort}");
        await cluster.WaitAsync("Redis knows all and is ok", async () =>
            (await TestCluster.NodesAsync(redis)).Count == 3 && (await TestCluster.TextAsync(redis, "CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal));
        await cluster.WaitAsync("the views agree", async () =>
        {
            var views = new List<string>();
            foreach (var node in cluster.Nodes.Append(redis))
                views.Add(string.Join(';', (await TestCluster.NodesAsync(node)).OrderBy(n => n.Id).Select(n => $"{n.Id} {n.Port} {n.BusPort} {n.IsPrimary} {n.Slots}")));
            return views.Distinct().Count() == 1;
        });
        // Classic resharding between the two kinds.
        int slot = HashSlot.Of("bar"u8);
        string ours = await cluster.IdAsync(0), theirs = await TestCluster.TextAsync(redis, "CLUSTER", "MYID");
        await cluster.CallAsync(0, "SET", "{bar}1", "kept");
        await TestCluster.TextAsync(redis, "CLUSTER", "SETSLOT", $"{slot}", "IMPORTING", ours);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", $"{slot}", "MIGRATING", theirs);
        Assert.True((await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", $"{redis.Port}", "{bar}1", "0", "5000")).IsOk);
        await TestCluster.TextAsync(redis, "CLUSTER", "SETSLOT", $"{slot}", "NODE", theirs);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", $"{slot}", "NODE", theirs);
        await cluster.WaitAsync("Redis serves it", async () => await TestCluster.TextAsync(redis, "GET", "{bar}1") == "kept");
        await cluster.WaitAsync("the second node redirects there", async () => (await cluster.TryAsync(1, "GET", "{bar}1")).Text == $"MOVED {slot} {redis.Address}");
    }
}
