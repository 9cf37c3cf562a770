// Every sub-command of `redis-cli --cluster`, as redis-cli 7.0 has them, against our nodes: what an administrator types works as it
// does against Redis. Words and checks are redis-cli's own.
using System.Diagnostics;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;
using Shoal.TestKit;

namespace Shoal.Integration.Cluster;

public sealed class RedisCliTests
{
    private static readonly int Slot = HashSlot.Of("bar"u8); // 5061: the first node's, with three even nodes

    [FactNeeds("redis-cli")]
    public async Task CreatesChecksAndReshards()
    {
        await using var cluster = await TestCluster.StartNodesAsync(4);
        string[] addresses = [.. cluster.Nodes.Select(n => n.Address)];
        string[] withBusPort = await WithBusPortsAsync(cluster);
        string create = await RunAsync(["create", .. withBusPort.Take(3), "--cluster-yes"]);
        Assert.Contains("[OK] All 16384 slots covered", create);
        using (var client = await cluster.Nodes[2].ConnectAsync())
            await cluster.WaitAsync("serves", async () => (await client.CallAsync("SET", "foo", "1")).IsOk);
        string[] ids = [await cluster.IdAsync(0), await cluster.IdAsync(1)];
        await RunAsync("reshard", addresses[0], "--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", "20", "--cluster-yes");
        await RunAsync("add-node", withBusPort[3], withBusPort[0]);
        await AllKnowAsync(cluster, 4);
        await RunAsync("reshard", addresses[0], "--cluster-from", ids[1], "--cluster-to", await cluster.IdAsync(3), "--cluster-slots", "30", "--cluster-yes");
        await CheckedAsync(cluster, 1);
        Assert.Equal(30, (await cluster.MyselfAsync(3)).Slots.Count);
        Assert.Contains("keys in 4 masters", await RunAsync("info", addresses[0]));
    }

    [FactNeeds("redis-cli", "redis-server")]
    public async Task AddsRebalancesCallsBacksUpImportsAndRemoves()
    {
        await using var cluster = await TestCluster.FormAsync(3, 0);
        string seed = cluster.Nodes[0].Address;
        await FillAsync(cluster, 100);

        // A fourth primary and a replica of it; rebalancing fills it, weight 0 empties it again.
        var fourth = TestCluster.Prepare();
        var replica = TestCluster.Prepare();
        cluster.Nodes.AddRange([fourth, replica]);
        await Task.WhenAll(fourth.StartAgainAsync(), replica.StartAgainAsync());
        string[] all = await WithBusPortsAsync(cluster);
        await RunAsync("add-node", all[3], all[0]);
        await AllKnowAsync(cluster, 4, except: replica);
        string id = await cluster.IdAsync(3);
        await RunAsync("add-node", all[4], all[0], "--cluster-slave", "--cluster-master-id", id);
        await AllKnowAsync(cluster, 5);
        await cluster.WaitAsync("the replica follows the fourth", async () => (await cluster.MyselfAsync(4)).PrimaryId == id);
        await RunAsync("rebalance", seed, "--cluster-use-empty-masters");
        await CheckedAsync(cluster, 0);
        Assert.Equal(4096, (await cluster.MyselfAsync(3)).Slots.Count);

        string calls = await RunAsync("call", seed, "DBSIZE");
        Assert.Equal(cluster.Nodes.Count, calls.Split('\n').Count(l => l.Contains("127.0.0.1:", StringComparison.Ordinal)));
        using var backup = new TempFolder("shoal-cli-backup-");
        Assert.Contains("[OK] Backup created into", await RunAsync("backup", seed, backup.Path));
        Assert.Equal(4, Directory.GetFiles(backup.Path, "*.rdb").Length);
        Assert.Contains(id, await File.ReadAllTextAsync(Path.Combine(backup.Path, "nodes.json")));

        await using (var redis = await NodeProcess.StartReferenceAsync("redis-server"))
        {
            using var source = await redis.ConnectAsync();
            for (int i = 0; i < 30; i++) await source.ExecuteAsync("SET", $"imported{i}", $"{i}");
            await source.ExecuteAsync("RPUSH", "imported-list", "a", "b");
            await RunAsync("import", seed, "--cluster-from", redis.Address, "--cluster-copy");
            Assert.Equal(31, (await source.ExecuteAsync("DBSIZE")).Integer);
        }

        await using (var client = new ClusterClient([cluster.Seed]))
        {
            for (int i = 0; i < 30; i++) Assert.Equal($"{i}", (await client.CallAsync($"imported{i}", "GET", $"imported{i}")).Text);
            Assert.Equal(2, (await client.CallAsync("imported-list", "LLEN", "imported-list")).Integer);
        }

        await RunAsync("rebalance", seed, "--cluster-weight", $"{id}=0");
        await cluster.WaitAsync("the fourth is empty", async () => (await cluster.MyselfAsync(3)).Slots.IsEmpty);
        await RunAsync("del-node", seed, await cluster.IdAsync(4));
        await RunAsync("del-node", seed, id);
        foreach (var gone in cluster.Nodes.Skip(3)) Assert.Single(await TestCluster.NodesAsync(gone));
        await CheckedAsync(cluster, 0);
        Assert.Equal(3, (await TestCluster.NodesAsync(cluster.Nodes[0])).Count);
        await HoldsAsync(cluster, 100);
    }

    [FactNeeds("redis-cli")]
    public async Task SetsTheTimeoutOfEveryNodeAndItsFile()
    {
        using var folder = new TempFolder("shoal-cli-conf-");
        string file = Path.Combine(folder.Path, "node.conf");
        await File.WriteAllTextAsync(file, "cluster-node-timeout 2000\n");
        await using var cluster = await TestCluster.StartNodesAsync(1, file);
        await cluster.CallAsync(0, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
        await cluster.WaitHealthyAsync();
        Assert.Contains("1 OK, 0 ERR", await RunAsync("set-timeout", cluster.Nodes[0].Address, "3500"));
        Assert.Equal("3500", (await cluster.CallAsync(0, "CONFIG", "GET", "cluster-node-timeout"))[1].Text);
        Assert.Contains("cluster-node-timeout 3500", await File.ReadAllTextAsync(file));
    }

    [FactNeeds("redis-cli")]
    public async Task FixesOpenSlotsAndUncoveredOnesWithoutLosingAKey()
    {
        await using var cluster = await TestCluster.FormAsync(3, 0);
        await FillAsync(cluster, 20);
        string[] ids = [await cluster.IdAsync(0), await cluster.IdAsync(1), await cluster.IdAsync(2)];
        string port = $"{cluster.Nodes[1].Port}", slot = $"{Slot}";

        // A reshard that died half-way through a slot: open on both sides, a key on either.
        await cluster.CallAsync(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1]);
        await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", port, "{bar}1", "0", "5000");
        await FixedAsync(cluster);

        // One that died before or after: open on one side.
        await cluster.CallAsync(2, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]);
        await FixedAsync(cluster);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[2]);
        await FixedAsync(cluster);

        // Slots nobody owns: with keys on one node, with none, with keys on two.
        foreach (int i in (int[])[0, 1, 2]) await cluster.CallAsync(i, "CLUSTER", "DELSLOTS", slot, "1", "2");
        await FixedAsync(cluster);
        await cluster.CallAsync(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1]);
        await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", port, "{bar}2", "0", "5000");
        foreach (int i in (int[])[0, 1]) await cluster.CallAsync(i, "CLUSTER", "SETSLOT", slot, "STABLE");
        foreach (int i in (int[])[0, 1, 2]) await cluster.CallAsync(i, "CLUSTER", "DELSLOTS", slot);
        await FixedAsync(cluster);
    }

    private static async Task FixedAsync(TestCluster cluster)
    {
        await RunAsync("fix", cluster.Nodes[0].Address, "--cluster-yes");
        await CheckedAsync(cluster, 1);
        await cluster.WaitHealthyAsync();
        foreach (int i in (int[])[0, 1, 2]) Assert.DoesNotContain('[', (await cluster.MyselfAsync(i)).ToString());
        await HoldsAsync(cluster, 20);
    }

    private static async Task FillAsync(TestCluster cluster, int keys)
    {
        await using var client = new ClusterClient([cluster.Seed]);
        for (int i = 0; i < keys; i++)
        {
            (await client.CallAsync($"k{i}", "SET", $"k{i}", $"{i}")).ThrowIfError();
            if (i < 5) (await client.CallAsync("bar", "SET", $"{{bar}}{i}", $"{i}")).ThrowIfError();
        }
    }

    private static async Task HoldsAsync(TestCluster cluster, int keys)
    {
        await using var client = new ClusterClient([cluster.Seed]);
        for (int i = 0; i < keys; i++)
        {
            Assert.Equal($"{i}", (await client.CallAsync($"k{i}", "GET", $"k{i}")).Text);
            if (i < 5) Assert.Equal($"{i}", (await client.CallAsync("bar", "GET", $"{{bar}}{i}")).Text);
        }
    }

    // Free ports: the bus is not at client port + 10000, which redis-cli is told by host:port@bus.
    private static async Task<string[]> WithBusPortsAsync(TestCluster cluster) =>
        await Task.WhenAll(cluster.Nodes.Select(async n => $"{n.Address}@{await TestCluster.BusPortAsync(n)}"));

    private static Task AllKnowAsync(TestCluster cluster, int count, NodeProcess? except = null) => cluster.WaitAsync($"all know {count} nodes", async () =>
    {
        foreach (var node in cluster.Nodes.Where(n => n != except))
            if ((await TestCluster.NodesAsync(node)).Count(n => !n.Flags.HasFlag(NodeFlags.Handshake)) != count) return false;
        return true;
    });

    private static Task CheckedAsync(TestCluster cluster, int node) => cluster.WaitAsync("all agree, nothing is open", async () =>
    {
        string check = await RunAsync("check", cluster.Nodes[node].Address);
        return check.Contains("[OK] All nodes agree", StringComparison.Ordinal) && check.Contains("[OK] All 16384 slots covered", StringComparison.Ordinal)
            && !check.Contains("[WARNING]", StringComparison.Ordinal);
    });

    private static async Task<string> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("redis-cli") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments.Prepend("--cluster")) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        // Some questions are asked in spite of --cluster-yes.
        try
        {
            await process.StandardInput.WriteAsync("yes\nyes\nyes\n");
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // it has ended already and asked nothing
        }

        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        string text = await output + await errors;
        Assert.True(process.ExitCode == 0 || arguments[0] == "check", $"redis-cli --cluster {string.Join(' ', arguments)}\n{text}");
        return text;
    }
}
