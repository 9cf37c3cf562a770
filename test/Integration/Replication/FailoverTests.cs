using Shoal.Integration.Durability;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Replication;

/// <summary>FAILOVER and WAITAOF: a role handed over without losing a write, and a write known to be on disk.</summary>
public class FailoverTests
{
    [Fact]
    public async Task Failover_swaps_the_roles_and_loses_nothing()
    {
        await using var first = await NodeProcess.StartAsync("--save", "");
        await using var second = await NodeProcess.StartAsync("--save", "");
        using var a = await first.ConnectAsync();
        using var b = await second.ConnectAsync();
        await FollowAsync(b, first);
        await Contents.FillAsync(a, 200);
        var expected = await Contents.ReadAsync(a);
        Assert.Equal("OK", (await a.ExecuteAsync("FAILOVER", "TO", "127.0.0.1", $"{second.Port}", "TIMEOUT", "60000")).Text);
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(b)).Contains("role:master"));
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(a)).Contains("master_link_status:up"));
        string info = await AppendOnlyTests.InfoAsync(a);
        Assert.Contains("role:slave", info);
        Assert.Contains("master_failover_state:no-failover", info);
        Assert.Contains("sync_partial_ok:1\r\n", await AppendOnlyTests.InfoAsync(b));
        Assert.Equal(expected, await Contents.ReadAsync(b));
        // Writes go on at the new primary and reach the old one.
        await b.ExecuteAsync("SET", "after", "1");
        Assert.Equal(1, (await b.ExecuteAsync("WAIT", "1", "20000")).Integer);
        Assert.Equal("1", (await a.ExecuteAsync("GET", "after")).Text);
        Assert.StartsWith("READONLY", (await a.CallAsync("SET", "x", "1")).Text);
    }

    [Fact]
    public async Task Failover_without_a_level_replica_ends_by_its_timeout_and_writes_go_on()
    {
        await using var first = await NodeProcess.StartAsync("--save", "");
        await using var second = await NodeProcess.StartAsync("--save", "");
        using var a = await first.ConnectAsync();
        using var b = await second.ConnectAsync();
        Assert.Equal("ERR FAILOVER requires connected replicas.", (await a.CallAsync("FAILOVER")).Text);
        Assert.Equal("ERR No failover in progress.", (await a.CallAsync("FAILOVER", "ABORT")).Text);
        await FollowAsync(b, first);
        Assert.Equal("ERR FAILOVER is not valid when server is a replica.", (await b.CallAsync("FAILOVER")).Text);
        Assert.Equal("ERR FAILOVER target HOST and PORT is not a replica.", (await a.CallAsync("FAILOVER", "TO", "127.0.0.1", "1")).Text);
        Assert.Equal("ERR FAILOVER timeout must be greater than 0", (await a.CallAsync("FAILOVER", "TIMEOUT", "0")).Text);
        Assert.StartsWith("ERR FAILOVER with force", (await a.CallAsync("FAILOVER", "TO", "127.0.0.1", $"{second.Port}", "FORCE")).Text);
        second.Send(19);
        await a.ExecuteAsync("SET", "k", "1");
        Assert.Equal("OK", (await a.ExecuteAsync("FAILOVER", "TIMEOUT", "300")).Text);
        Assert.Contains("master_failover_state:waiting-for-sync", await AppendOnlyTests.InfoAsync(a));
        Assert.Equal("ERR FAILOVER already in progress.", (await a.CallAsync("FAILOVER")).Text);
        Assert.Equal("OK", (await a.ExecuteAsync("SET", "k", "2")).Text); // held until the failover gave up
        Assert.Contains("master_failover_state:no-failover", await AppendOnlyTests.InfoAsync(a));
        // And ended by hand.
        Assert.Equal("OK", (await a.ExecuteAsync("FAILOVER")).Text);
        Assert.Equal("OK", (await a.ExecuteAsync("FAILOVER", "ABORT")).Text);
        Assert.Equal("OK", (await a.ExecuteAsync("SET", "k", "3")).Text);
        second.Send(18);
        await AppendOnlyTests.Until(async () => (await b.ExecuteAsync("GET", "k")).Text == "3");
        Assert.Contains("role:master", await AppendOnlyTests.InfoAsync(a));
    }

    [FactNeeds("redis-server")]
    public async Task Failover_to_a_real_Redis_and_back()
    {
        await using var ours = await NodeProcess.StartAsync("--save", "");
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server", "--save", "");
        using var a = await ours.ConnectAsync();
        using var b = await redis.ConnectAsync();
        await FollowAsync(b, ours);
        await Contents.FillAsync(a, 100);
        var expected = await Contents.ReadAsync(a);
        await a.ExecuteAsync("FAILOVER");
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(b)).Contains("role:master"));
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(a)).Contains("master_link_status:up"));
        Assert.Equal(expected, await Contents.ReadAsync(b));
        await b.ExecuteAsync("SET", "there", "1");
        await b.ExecuteAsync("FAILOVER");
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(a)).Contains("role:master"));
        Assert.Equal("1", (await a.ExecuteAsync("GET", "there")).Text);
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(b)).Contains("master_link_status:up"));
    }

    [Fact]
    public async Task Waitaof_waits_for_our_disk_and_for_the_replicas()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "", "--appendonly", "yes");
        await using var replica = await NodeProcess.StartAsync("--save", "", "--appendonly", "yes");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await p.ExecuteAsync("SET", "k", "1");
        Assert.Equal("[(integer) 1, (integer) 0]", (await p.ExecuteAsync("WAITAOF", "1", "0", "60000")).ToString());
        await FollowAsync(r, primary);
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(r)).Contains("aof_rewrite_in_progress:0"));
        await p.ExecuteAsync("SET", "k", "2");
        Assert.Equal("[(integer) 1, (integer) 1]", (await p.ExecuteAsync("WAITAOF", "1", "1", "60000")).ToString());
        // Without its own file the primary still counts the replica's.
        await p.ExecuteAsync("CONFIG", "SET", "appendonly", "no");
        await p.ExecuteAsync("SET", "k", "3");
        Assert.Equal("[(integer) 0, (integer) 1]", (await p.ExecuteAsync("WAITAOF", "0", "1", "60000")).ToString());
        Assert.StartsWith("ERR WAITAOF cannot be used when numlocal", (await p.CallAsync("WAITAOF", "1", "0", "0")).Text);
        Assert.StartsWith("ERR WAITAOF cannot be used with replica", (await r.CallAsync("WAITAOF", "0", "0", "0")).Text);
    }

    private static async Task FollowAsync(RespClient replica, NodeProcess primary)
    {
        await replica.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{primary.Port}");
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(replica)).Contains("master_link_status:up"));
        await using var at = await primary.ConnectAsync();
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(at)).Contains("state=online"));
    }
}
