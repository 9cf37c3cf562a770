// Scripts reach the journal as what they changed, functions as the commands that loaded them; snapshots carry libraries.
using System.Diagnostics;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Scripting;

[Collection("in-process nodes")]
public sealed class ScriptPropagationTests
{
    private const string Library = "#!lua name=lib\nredis.register_function('get', function(keys) return redis.call('get', keys[1]) end)";

    [Fact]
    public async Task A_replica_gets_what_scripts_wrote_and_the_functions()
    {
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        using var p = await primary.ConnectAsync();
        using var r = await replica.ConnectAsync();
        await p.ExecuteAsync("FUNCTION", "LOAD", Library);
        await r.ExecuteAsync("FUNCTION", "LOAD", "#!lua name=own\nredis.register_function('own', function() end)");
        await r.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{primary.Port}");
        await UntilAsync(async () => (await r.ExecuteAsync("INFO", "replication")).Text.Contains("master_link_status:up", StringComparison.Ordinal));
        // The full sync brought the primary's libraries in the place of its own.
        Assert.Equal("lib", (await r.ExecuteAsync("FUNCTION", "LIST"))[0].Field("library_name")!.Text);
        Assert.Single((await r.ExecuteAsync("FUNCTION", "LIST")).Items);
        await p.ExecuteAsync("EVAL", "redis.call('set','a',redis.call('incr','n')) redis.set_repl(redis.REPL_NONE) redis.call('set','secret','1')", "0");
        await p.ExecuteAsync("FUNCTION", "LOAD", "#!lua name=more\nredis.register_function('more', function() return 5 end)");
        await p.ExecuteAsync("WAIT", "1", "20000");
        Assert.Equal("1", (await r.ExecuteAsync("EVAL_RO", "return redis.call('get','a')", "0")).Text);
        Assert.True((await r.ExecuteAsync("GET", "secret")).IsNull);
        Assert.StartsWith("READONLY", (await r.CallAsync("EVAL", "return redis.call('set','a','2')", "0")).Text);
        Assert.Equal(2, (await r.ExecuteAsync("FUNCTION", "LIST")).Items.Count);
        await p.ExecuteAsync("FUNCTION", "DELETE", "more");
        await p.ExecuteAsync("WAIT", "1", "20000");
        Assert.Single((await r.ExecuteAsync("FUNCTION", "LIST")).Items);
    }

    [Fact]
    public async Task Functions_and_effects_survive_in_snapshot_and_append_only_file()
    {
        await using var node = await NodeProcess.StartAsync("--save", "", "--appendonly", "yes");
        using (var client = await node.ConnectAsync())
        {
            await client.ExecuteAsync("FUNCTION", "LOAD", Library);
            await client.ExecuteAsync("EVAL", "for i = 1, 3 do redis.call('rpush', 'l', i) end", "0");
            await client.ExecuteAsync("BGREWRITEAOF");
            await UntilAsync(async () => (await client.ExecuteAsync("INFO", "persistence")).Text.Contains("aof_rewrite_in_progress:0", StringComparison.Ordinal));
            await client.ExecuteAsync("FUNCTION", "LOAD", "#!lua name=more\nredis.register_function('more', function() return 5 end)");
        }
        await node.KillAsync();
        await node.StartAgainAsync();
        using var after = await node.ConnectAsync();
        Assert.Equal(2, (await after.ExecuteAsync("FUNCTION", "LIST")).Items.Count);
        Assert.Equal(["1", "2", "3"], (await after.ExecuteAsync("LRANGE", "l", "0", "-1")).Items.Select(i => i.Text));
        Assert.Equal(5, (await after.ExecuteAsync("FCALL", "more", "0")).Integer);
        await after.ExecuteAsync("DEBUG", "RELOAD");
        Assert.Equal(2, (await after.ExecuteAsync("FUNCTION", "LIST")).Items.Count);
    }

    [FactNeeds("redis-server")]
    public async Task Redis_and_we_read_each_others_functions()
    {
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server");
        await using var ours = await NodeProcess.StartAsync("--save", "");
        using var theirs = await redis.ConnectAsync();
        using var mine = await ours.ConnectAsync();
        await mine.ExecuteAsync("FUNCTION", "LOAD", Library);
        var dump = await mine.ExecuteAsync("FUNCTION", "DUMP");
        await theirs.CallAsync(["FUNCTION"u8.ToArray(), "RESTORE"u8.ToArray(), dump.Bytes]);
        await theirs.ExecuteAsync("SET", "k", "v");
        Assert.Equal("v", (await theirs.ExecuteAsync("FCALL", "get", "1", "k")).Text);
        await mine.ExecuteAsync("FUNCTION", "FLUSH");
        // A full sync either way carries them in the snapshot.
        await mine.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{redis.Port}");
        await UntilAsync(async () => (await mine.ExecuteAsync("FUNCTION", "LIST")).Items.Count == 1 && (await mine.CallAsync("GET", "k")).Text == "v");
        await mine.ExecuteAsync("REPLICAOF", "NO", "ONE");
        await theirs.ExecuteAsync("FUNCTION", "FLUSH");
        await theirs.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{ours.Port}");
        await UntilAsync(async () => (await theirs.ExecuteAsync("FUNCTION", "LIST")).Items.Count == 1);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var limit = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(60), "not within 60 s");
            await Task.Delay(20);
        }
    }
}
