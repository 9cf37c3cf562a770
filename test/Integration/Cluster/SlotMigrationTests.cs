// Slots on the move between real processes: atomic migration both ways under a writer, cancel, either side killed, repeats, the classic way.
using Shoal.Protocol.Slots;
using Shoal.TestKit;

namespace Shoal.Integration.Cluster;

public sealed class SlotMigrationTests
{
    [Fact]
    public async Task SlotsMoveBothWaysUnderAWriterAndNothingIsLost()
    {
        await using var cluster = await TestCluster.FormAsync(3, 0);
        await using var writer = ClusterWriter.Start(cluster.Seed);
        await writer.WaitForAsync(2000, TestCluster.Patience);
        string[] ids = [await cluster.IdAsync(0), await cluster.IdAsync(1), await cluster.IdAsync(2)];
        await cluster.CallAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "3000", "NODE", ids[1], "TASK", "a");
        await cluster.CallAsync(2, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "11000", "12000", "16000", "16383", "NODE", ids[0], "TASK", "b");
        await cluster.WaitMigrationAsync(0, "a", "success");
        await cluster.WaitMigrationAsync(2, "b", "success");
        await writer.WaitForAsync(1000, TestCluster.Patience);
        await cluster.CallAsync(1, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "3000", "NODE", ids[0], "TASK", "c");
        await cluster.WaitMigrationAsync(1, "c", "success");
        await writer.WaitForAsync(1000, TestCluster.Patience);
        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        Assert.Empty(report.Errors);

        // Moved keys are gone from where they came from: every key is in exactly one place.
        await cluster.WaitAsync("sources purged", async () =>
        {
            long total = 0;
            for (int i = 0; i < 3; i++) total += (await cluster.CallAsync(i, "DBSIZE")).Integer;
            return total == 16 * 500 || total == await DistinctKeysAsync(cluster);
        });
        foreach (var node in cluster.Nodes)
        {
            var seen = await TestCluster.NodesAsync(node);
            Assert.Equal(16384, seen.Sum(n => n.Slots.Count));
            Assert.True(seen.Single(n => n.Id == ids[0]).Slots.Contains(0));
            Assert.True(seen.Single(n => n.Id == ids[0]).Slots.Contains(16383));
        }
    }

    [Fact]
    public async Task AllTypesAndExpiriesArriveWhole()
    {
        await using var cluster = await TestCluster.FormAsync(2, 0);
        string other = await cluster.IdAsync(1);
        await cluster.CallAsync(0, "SET", "{bar}s", "text");
        await cluster.CallAsync(0, "SET", "{bar}i", "42", "PX", "600000");
        await cluster.CallAsync(0, ["RPUSH", "{bar}l", .. Enumerable.Range(0, 500).Select(i => $"element-{i}")]);
        await cluster.CallAsync(0, ["SADD", "{bar}set", .. Enumerable.Range(0, 700).Select(i => $"m{i}")]);
        await cluster.CallAsync(0, ["HSET", "{bar}h", .. Enumerable.Range(0, 600).SelectMany(i => new[] { $"f{i}", $"v{i}" })]);
        await cluster.CallAsync(0, ["ZADD", "{bar}z", .. Enumerable.Range(0, 600).SelectMany(i => new[] { $"{i}.5", $"z{i}" })]);
        int slot = HashSlot.Of("bar"u8);
        await cluster.CallAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", $"{slot}", $"{slot}", "NODE", other, "TASK", "t");
        await cluster.WaitMigrationAsync(0, "t", "success");
        Assert.Equal("text", (await cluster.CallAsync(1, "GET", "{bar}s")).Text);
        Assert.InRange((await cluster.CallAsync(1, "PTTL", "{bar}i")).Integer, 400_000, 600_000);
        Assert.Equal("element-499", (await cluster.CallAsync(1, "LINDEX", "{bar}l", "-1")).Text);
        Assert.Equal(500, (await cluster.CallAsync(1, "LLEN", "{bar}l")).Integer);
        Assert.Equal(700, (await cluster.CallAsync(1, "SCARD", "{bar}set")).Integer);
        Assert.Equal("v599", (await cluster.CallAsync(1, "HGET", "{bar}h", "f599")).Text);
        Assert.Equal("599.5", (await cluster.CallAsync(1, "ZSCORE", "{bar}z", "z599")).Text);
        Assert.StartsWith($"MOVED {slot} 127.0.0.1:{cluster.Nodes[1].Port}", (await cluster.TryAsync(0, "GET", "{bar}s")).Text);

        // Same task id again: accepted, nothing happens. A new one says why it cannot be.
        Assert.True((await cluster.CallAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", $"{slot}", $"{slot}", "NODE", other, "TASK", "t")).IsOk);
        var again = await cluster.TryAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", $"{slot}", $"{slot}", "NODE", other, "TASK", "t2");
        Assert.Contains($"not the owner of hash slot {slot}", again.Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task KillingEitherSideLosesNothingAndLeavesOneOwner(bool killSource)
    {
        await using var cluster = await TestCluster.FormAsync(3, 0, "--appendfsync", "always");
        await using var writer = ClusterWriter.Start(cluster.Seed, keysPerWriter: 2000);
        await writer.WaitForAsync(3000, TestCluster.Patience);
        string target = await cluster.IdAsync(1);
        await cluster.CallAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "5000", "NODE", target, "TASK", "k");
        int victim = killSource ? 0 : 1;
        await cluster.Nodes[victim].KillAsync();
        await cluster.Nodes[victim].StartAgainAsync();
        await cluster.WaitHealthyAsync();
        await cluster.WaitAsync("nobody migrates", async () =>
        {
            foreach (int i in (int[])[0, 1])
                if (await cluster.MigrationAsync(i, "k") is { } t && t["state"] is not ("failed" or "success")) return false;
            return true;
        });
        await writer.WaitForAsync(500, TestCluster.Patience);
        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        // One owner for every slot, in everybody's view, and no key in two places.
        await cluster.WaitAsync("one view, no duplicates", async () =>
        {
            var views = new List<string>();
            foreach (var node in cluster.Nodes)
                views.Add(string.Join(';', (await TestCluster.NodesAsync(node)).OrderBy(n => n.Id).Select(n => $"{n.Id} {n.Slots}")));
            if (views.Distinct().Count() != 1) return false;
            long total = 0;
            for (int i = 0; i < 3; i++) total += (await cluster.CallAsync(i, "DBSIZE")).Integer;
            return total == await DistinctKeysAsync(cluster);
        });
    }

    [Fact]
    public async Task CancelledMigrationRollsBackAlone()
    {
        await using var cluster = await TestCluster.FormAsync(2, 0);
        for (int i = 0; i < 200; i++) await cluster.CallAsync(0, "SET", $"{{bar}}{i}", new string('x', 1000));
        string target = await cluster.IdAsync(1);
        // The target hangs: the migration cannot get on.
        cluster.Nodes[1].Send(19);
        await cluster.CallAsync(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "5000", "6000", "NODE", target, "TASK", "c");
        Assert.True((await cluster.CallAsync(0, "CLUSTER", "CANCELSLOTMIGRATIONS", "TASK", "c")).IsOk);
        cluster.Nodes[1].Send(18);
        Assert.Equal("cancelled", (await cluster.MigrationAsync(0, "c"))!["state"]);
        await cluster.WaitHealthyAsync();
        Assert.Equal(200, (await cluster.CallAsync(0, "DBSIZE")).Integer);
        await cluster.WaitAsync("target empty", async () => (await cluster.CallAsync(1, "DBSIZE")).Integer == 0);
        Assert.Contains("no slot migration", (await cluster.TryAsync(0, "CLUSTER", "CANCELSLOTMIGRATIONS", "TASK", "x")).Text);
    }

    [Theory]
    [InlineData("ERR syntax error", "SLOTSRANGE", "1", "NODE", "x")]
    [InlineData("ERR Invalid or out of range slot", "SLOTSRANGE", "1", "99999", "NODE", "x")]
    [InlineData("ERR start slot number 9 is greater", "SLOTSRANGE", "9", "1", "NODE", "x")]
    [InlineData("ERR Unknown node x", "SLOTSRANGE", "1", "9", "NODE", "x")]
    public async Task BadRequestsAreRefused(string error, params string[] arguments)
    {
        await using var cluster = await TestCluster.FormAsync(1, 0);
        Assert.StartsWith(error, (await cluster.TryAsync(0, ["CLUSTER", "MIGRATESLOTS", .. arguments, .. arguments.Length < 5 ? ["TASK", "t"] : Array.Empty<string>()])).Text);
    }

    [Fact]
    public async Task ClassicMigrationAnswersAskAndMovesKeys()
    {
        await using var cluster = await TestCluster.FormAsync(2, 0);
        int slot = HashSlot.Of("bar"u8);
        string[] ids = [await cluster.IdAsync(0), await cluster.IdAsync(1)];
        await cluster.CallAsync(0, "SET", "{bar}1", "a");
        await cluster.CallAsync(0, "SET", "{bar}2", "b");
        await cluster.CallAsync(1, "CLUSTER", "SETSLOT", $"{slot}", "IMPORTING", ids[0]);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", $"{slot}", "MIGRATING", ids[1]);
        Assert.Equal($"ASK {slot} {cluster.Nodes[1].Address}", (await cluster.TryAsync(0, "GET", "{bar}none")).Text);
        Assert.Equal("a", (await cluster.CallAsync(0, "GET", "{bar}1")).Text);
        Assert.True((await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", $"{cluster.Nodes[1].Port}", "{bar}1", "0", "5000")).IsOk);
        Assert.StartsWith("TRYAGAIN", (await cluster.TryAsync(0, "MGET", "{bar}1", "{bar}2")).Text);
        Assert.StartsWith("MOVED", (await cluster.TryAsync(1, "GET", "{bar}1")).Text);
        using (var client = await cluster.Nodes[1].ConnectAsync())
        {
            await client.ExecuteAsync("ASKING");
            Assert.Equal("a", (await client.ExecuteAsync("GET", "{bar}1")).Text);
        }
        Assert.Contains("still hold keys", (await cluster.TryAsync(0, "CLUSTER", "SETSLOT", $"{slot}", "NODE", ids[1])).Text);
        Assert.True((await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", $"{cluster.Nodes[1].Port}", "", "0", "5000", "KEYS", "{bar}2", "{bar}none")).IsOk);
        Assert.Equal("NOKEY", (await cluster.CallAsync(0, "MIGRATE", "127.0.0.1", $"{cluster.Nodes[1].Port}", "{bar}2", "0", "5000")).Text);
        await cluster.CallAsync(1, "CLUSTER", "SETSLOT", $"{slot}", "NODE", ids[1]);
        await cluster.CallAsync(0, "CLUSTER", "SETSLOT", $"{slot}", "NODE", ids[1]);
        Assert.Equal("b", (await cluster.CallAsync(1, "GET", "{bar}2")).Text);
        await cluster.WaitAsync("everybody knows", async () => (await cluster.TryAsync(0, "GET", "{bar}2")).Text.StartsWith("MOVED", StringComparison.Ordinal));
    }

    private static async Task<long> DistinctKeysAsync(TestCluster cluster)
    {
        var keys = new HashSet<string>();
        for (int i = 0; i < cluster.Nodes.Count; i++)
            foreach (var key in (await cluster.CallAsync(i, "KEYS", "*")).Items) keys.Add(key.Text);
        return keys.Count;
    }
}
