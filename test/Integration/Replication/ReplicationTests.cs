using Shoal.Integration.Durability;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Replication;

/// <summary>Primaries and replicas as processes: full and partial syncs, chains, promotion, WAIT; ours and Redis's.</summary>
public class ReplicationTests
{
    [Theory]
    [InlineData("no")]
    [InlineData("yes")]
    public async Task A_replica_gets_the_data_and_follows(string appendOnly)
    {
        await using var primary = await NodeProcess.StartAsync("--save", "", "--appendonly", appendOnly);
        await using var replica = await NodeProcess.StartAsync("--save", "", "--appendonly", appendOnly);
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await Contents.FillAsync(p, 400);
        await FollowAsync(r, primary);
        await Contents.FillAsync(p, 400, seed: 2);
        Assert.Equal(1, (await p.ExecuteAsync("WAIT", "1", "20000")).Integer);
        var expected = await Contents.ReadAsync(p);
        Assert.Equal(expected, await Contents.ReadAsync(r));
        Assert.StartsWith("READONLY", (await r.CallAsync("SET", "x", "1")).Text);
        if (appendOnly == "no") return;
        // The replica's own file holds the same.
        await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(r)).Contains("aof_rewrite_in_progress:0"));
        await replica.TerminateAsync();
        await primary.KillAsync();
        await replica.StartAgainAsync();
        using var again = await replica.ConnectAsync();
        Assert.Equal(expected, await Contents.ReadAsync(again));
    }

    [Fact]
    public async Task A_link_that_comes_back_says_the_password_of_now()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await FollowAsync(r, primary);
        await r.ExecuteAsync("CONFIG", "SET", "masterauth", "second");
        await p.ExecuteAsync("CONFIG", "SET", "requirepass", "second");
        await p.ExecuteAsync("CLIENT", "KILL", "TYPE", "replica");
        await Contents.FillAsync(p, 10);
        await SameAsync(p, r);
    }

    [Fact]
    public async Task A_cut_link_resumes_where_it_was()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await FollowAsync(r, primary);
        await p.ExecuteAsync("CLIENT", "KILL", "TYPE", "replica");
        await Contents.FillAsync(p, 100);
        await SameAsync(p, r);
        string stats = await AppendOnlyTests.InfoAsync(p);
        Assert.Contains("sync_full:1\r\n", stats);
        Assert.Contains("sync_partial_ok:1\r\n", stats);
    }

    [Theory]
    [InlineData("no")]
    [InlineData("yes")]
    public async Task A_restarted_replica_resumes_where_it_was(string appendOnly)
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = NodeProcess.Prepare(null, "--save", "3600 1000000", "--appendonly", appendOnly, "--replicaof", $"127.0.0.1 {primary.Port}");
        await replica.StartAgainAsync();
        using var p = await primary.ConnectAsync();
        using (var r = await replica.ConnectAsync())
        {
            await UpAsync(r);
            await p.ExecuteAsync("SELECT", "4");
            await Contents.FillAsync(p, 100);
            await SameAsync(p, r, 4);
            await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(r)).Contains("aof_rewrite_in_progress:0"));
        }
        Assert.Equal(0, await replica.TerminateAsync());
        await Contents.FillAsync(p, 100, seed: 5);
        await replica.StartAgainAsync();
        using (var r = await replica.ConnectAsync())
        {
            await SameAsync(p, r, 4);
            Assert.Contains("sync_full:1\r\n", await AppendOnlyTests.InfoAsync(p));
        }
        // And once more from what it wrote meanwhile.
        await replica.KillAsync();
        await replica.StartAgainAsync();
        using (var r = await replica.ConnectAsync()) await SameAsync(p, r, 4);
    }

    [Fact]
    public async Task Siblings_resume_partially_with_a_promoted_replica_and_so_does_the_old_primary()
    {
        await using var first = await NodeProcess.StartAsync("--save", "");
        await using var second = await NodeProcess.StartAsync("--save", "");
        await using var third = await NodeProcess.StartAsync("--save", "");
        using var a = await first.ConnectAsync();
        using var b = await second.ConnectAsync();
        using var c = await third.ConnectAsync();
        await FollowAsync(b, first);
        await FollowAsync(c, first);
        await Contents.FillAsync(a, 100);
        Assert.Equal(2, (await a.ExecuteAsync("WAIT", "2", "20000")).Integer);
        await b.ExecuteAsync("REPLICAOF", "NO", "ONE");
        await b.ExecuteAsync("SET", "new", "primary");
        await FollowAsync(c, second);
        await FollowAsync(a, second);
        await SameAsync(b, c);
        await SameAsync(b, a);
        string stats = await AppendOnlyTests.InfoAsync(b);
        Assert.Contains("sync_full:0\r\n", stats);
        Assert.Contains("sync_partial_ok:2\r\n", stats);
    }

    [Fact]
    public async Task A_chain_carries_writes_to_its_end()
    {
        await using var first = await NodeProcess.StartAsync("--save", "");
        await using var second = await NodeProcess.StartAsync("--save", "");
        await using var third = await NodeProcess.StartAsync("--save", "");
        using var a = await first.ConnectAsync();
        using var b = await second.ConnectAsync();
        using var c = await third.ConnectAsync();
        await a.ExecuteAsync("SELECT", "3");
        await Contents.FillAsync(a, 50);
        await FollowAsync(b, first);
        await FollowAsync(c, second);
        await Contents.FillAsync(a, 100, seed: 2);
        await SameAsync(a, c, 3);
        Assert.Equal(await OffsetAsync(a), await OffsetAsync(c));
    }

    [Fact]
    public async Task Wait_counts_replicas_and_gives_up_in_time()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "", "--min-replicas-to-write", "1");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        Assert.StartsWith("NOREPLICAS", (await p.CallAsync("SET", "a", "1")).Text);
        await FollowAsync(r, primary);
        await AppendOnlyTests.Until(async () => (await p.CallAsync("SET", "a", "1")).IsOk);
        Assert.Equal(1, (await p.ExecuteAsync("WAIT", "1", "0")).Integer);
        Assert.Equal(1, (await p.ExecuteAsync("WAIT", "2", "200")).Integer);
        replica.Send(19);
        await p.ExecuteAsync("SET", "a", "2");
        Assert.Equal(0, (await p.ExecuteAsync("WAIT", "1", "200")).Integer);
        replica.Send(18);
        Assert.Equal(1, (await p.ExecuteAsync("WAIT", "1", "20000")).Integer);
    }

    [Fact]
    public async Task Under_always_replies_do_not_wait_for_bytes_that_are_only_for_replicas()
    {
        string[] always = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--repl-ping-replica-period", "1"];
        await using var primary = await NodeProcess.StartAsync(always);
        await using var replica = await NodeProcess.StartAsync(always);
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await FollowAsync(r, primary);
        for (int i = 0; i < 25; i++)
        {
            await p.ExecuteAsync("INCR", "counter");
            Assert.Equal(1, (await p.ExecuteAsync("WAIT", "1", "20000")).Integer);
            await p.ExecuteAsync("PING");
            await r.ExecuteAsync("PING");
            await Task.Delay(80);
        }
        await SameAsync(p, r);
    }

    [Fact]
    public async Task Writes_during_a_full_sync_arrive()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        var big = Enumerable.Range(0, 20_000).Select(i => new[] { "SET", $"key{i}", new string('v', 500) }).ToList();
        await p.PipelineAsync(big);
        await r.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{primary.Port}");
        for (int i = 0; i < 20_000; i += 7) await p.ExecuteAsync("SET", $"key{i}", "new");
        await UpAsync(r);
        await AppendOnlyTests.Until(async () => await OffsetAsync(p) == await OffsetAsync(r));
        Assert.Equal(20_000, (await r.ExecuteAsync("DBSIZE")).Integer);
        for (int i = 0; i < 20_000; i += 7) Assert.Equal("new", (await r.ExecuteAsync("GET", $"key{i}")).Text);
    }

    [FactNeeds("redis-server")]
    public async Task Redis_follows_us_and_we_follow_Redis()
    {
        await using var ours = await NodeProcess.StartAsync("--save", "");
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server");
        using var o = await ours.ConnectAsync();
        using var x = await redis.ConnectAsync();
        await Contents.FillAsync(o, 400);
        await FollowAsync(x, ours);
        await Contents.FillAsync(o, 400, seed: 2);
        await SameAsync(o, x);
        // Redis takes over; we resume partially under its new history.
        await x.ExecuteAsync("REPLICAOF", "NO", "ONE");
        await FollowAsync(o, redis);
        await Contents.FillAsync(x, 400, seed: 3);
        await SameAsync(x, o);
        Assert.Contains("sync_partial_ok:1\r\n", await AppendOnlyTests.InfoAsync(x));
        // A full sync from Redis into a fresh node.
        await using var fresh = await NodeProcess.StartAsync("--save", "");
        using var f = await fresh.ConnectAsync();
        await FollowAsync(f, redis);
        await SameAsync(x, f);
    }

    [FactNeeds("redis-cli", "redis-check-rdb")]
    public async Task Redis_cli_takes_a_snapshot_over_the_wire()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        await Contents.FillAsync(p, 300);
        string file = Path.Combine(primary.Folder, "pulled.rdb");
        await Tool.RunAsync("redis-cli", "-p", $"{primary.Port}", "--rdb", file);
        Assert.Contains("RDB looks OK", await Tool.RunAsync("redis-check-rdb", file));
    }

    private static async Task FollowAsync(RespClient replica, NodeProcess primary)
    {
        await replica.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{primary.Port}");
        await UpAsync(replica);
    }

    private static Task UpAsync(RespClient replica) =>
        AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(replica)).Contains("master_link_status:up"));

    private static async Task SameAsync(RespClient primary, RespClient replica, int db = 0)
    {
        await UpAsync(replica);
        await AppendOnlyTests.Until(async () => await OffsetAsync(primary) == await OffsetAsync(replica));
        await primary.ExecuteAsync("SELECT", $"{db}");
        await replica.ExecuteAsync("SELECT", $"{db}");
        Assert.Equal(await Contents.ReadAsync(primary), await Contents.ReadAsync(replica));
    }

    private static async Task<string> OffsetAsync(RespClient client)
    {
        string info = (await client.ExecuteAsync("INFO", "replication")).Text;
        return info.Split("\r\n").Single(l => l.StartsWith("master_repl_offset:", StringComparison.Ordinal));
    }
}
