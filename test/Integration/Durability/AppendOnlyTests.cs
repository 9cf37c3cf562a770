using Shoal.TestKit;

namespace Shoal.Integration.Durability;

/// <summary>The append-only file as its user meets it: torn tails, corruption, live changes, rewrites, other people's tools.</summary>
public class AppendOnlyTests
{
    private static readonly string[] AppendOnly = ["--appendonly", "yes", "--save", ""];

    [Fact]
    public async Task A_torn_tail_is_cut_off_with_a_warning_wherever_it_was_torn()
    {
        await using var node = await NodeProcess.StartAsync(AppendOnly);
        using (var client = await node.ConnectAsync())
        {
            await client.ExecuteAsync("SET", "first", "1");
            await client.PipelineAsync([["MULTI"], ["SET", "a", "1"], ["SET", "b", "1"], ["EXEC"]]);
            await client.ExecuteAsync("SET", "last", "12345");
        }
        await node.TerminateAsync();
        string file = Incr(node);
        var whole = await File.ReadAllBytesAsync(file);
        int last = Find(whole, "*3\r\n$3\r\nSET\r\n$4\r\nlast");
        int multi = Find(whole, "*1\r\n$5\r\nMULTI");
        foreach (int length in new[] { whole.Length - 1, last + 20, last + 1, last - 3, multi + 30, multi + 2 })
        {
            await File.WriteAllBytesAsync(file, whole[..length]);
            await node.StartAgainAsync();
            using (var client = await node.ConnectAsync())
            {
                Assert.Equal("1", (await client.CallAsync("GET", "first")).Text);
                Assert.True((await client.CallAsync("GET", "last")).IsNull);
                Assert.Equal(length > last ? 2 : 0, (await client.CallAsync("EXISTS", "a", "b")).Integer);
            }
            await node.KillAsync();
            Assert.Equal(length > last ? last : multi, new FileInfo(file).Length);
            Assert.Contains("short read", node.Log);
        }
    }

    [Fact]
    public async Task Without_permission_to_truncate_the_node_does_not_start()
    {
        await using var node = await NodeProcess.StartAsync([.. AppendOnly, "--aof-load-truncated", "no"]);
        using (var client = await node.ConnectAsync()) await client.ExecuteAsync("SET", "a", "1");
        await node.TerminateAsync();
        var bytes = await File.ReadAllBytesAsync(Incr(node));
        await File.WriteAllBytesAsync(Incr(node), bytes[..^2]);
        node.Launch();
        Assert.Equal(1, await node.WaitForExitAsync());
        Assert.Contains("Unexpected end of file", node.Log);
    }

    [Fact]
    public async Task Corruption_in_the_middle_stops_the_start_with_the_offset()
    {
        await using var node = await NodeProcess.StartAsync(AppendOnly);
        using (var client = await node.ConnectAsync())
        {
            await client.ExecuteAsync("SET", "a", "1");
            await client.ExecuteAsync("SET", "b", "1");
        }
        await node.TerminateAsync();
        var bytes = await File.ReadAllBytesAsync(Incr(node));
        int second = Find(bytes, "*3\r\n$3\r\nSET\r\n$1\r\nb");
        bytes[second] = (byte)'x';
        await File.WriteAllBytesAsync(Incr(node), bytes);
        node.Launch();
        Assert.Equal(1, await node.WaitForExitAsync());
        Assert.Contains($"Bad file format", node.Log);
        Assert.Contains($"at offset {second}", node.Log);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Incr(node)));
    }

    [Fact]
    public async Task A_corrupt_snapshot_stops_the_start_with_the_offset()
    {
        await using var node = await NodeProcess.StartAsync("--save", "");
        using (var client = await node.ConnectAsync())
        {
            await client.ExecuteAsync("SET", "a", "hello");
            await client.ExecuteAsync("SAVE");
        }
        await node.KillAsync();
        string file = Path.Combine(node.Folder, "dump.rdb");
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[^12] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        node.Launch();
        Assert.Equal(1, await node.WaitForExitAsync());
        Assert.Contains($"wrong checksum", node.Log);
        Assert.Contains($"at offset {bytes.Length - 8}", node.Log);
    }

    [Fact]
    public async Task Turned_on_and_off_live_and_rewritten_it_keeps_everything()
    {
        await using var node = await NodeProcess.StartAsync("--save", "");
        using (var client = await node.ConnectAsync())
        {
            await client.ExecuteAsync("SET", "before", "1");
            await client.ExecuteAsync("SELECT", "5");
            await client.ExecuteAsync("CONFIG", "SET", "appendonly", "yes");
            await client.ExecuteAsync("SET", "after", "1");
            await Until(async () => (await InfoAsync(client)).Contains("aof_rewrite_in_progress:0"));
            for (int i = 0; i < 3; i++)
            {
                await client.ExecuteAsync("BGREWRITEAOF");
                await client.ExecuteAsync("RPUSH", "list", $"{i}");
                await Until(async () => (await InfoAsync(client)).Contains($"aof_rewrites:{i + 2}"));
            }
        }
        await node.KillAsync();
        Assert.Equal(3, Directory.GetFiles(Path.Combine(node.Folder, "appendonlydir")).Length);
        await using var again = await NodeProcess.StartInAsync(node.Folder, "--appendonly", "yes", "--save", "");
        using (var client = await again.ConnectAsync())
        {
            Assert.Equal("1", (await client.CallAsync("GET", "before")).Text);
            await client.ExecuteAsync("SELECT", "5");
            Assert.Equal("1", (await client.CallAsync("GET", "after")).Text);
            Assert.Equal(3, (await client.CallAsync("LLEN", "list")).Integer);
            await client.ExecuteAsync("CONFIG", "SET", "appendonly", "no");
            await client.ExecuteAsync("SET", "unsaved", "1");
        }
    }

    [FactNeeds("redis-check-aof", "redis-check-rdb")]
    public async Task The_tools_of_Redis_find_nothing_wrong()
    {
        await using var node = await NodeProcess.StartAsync("--appendonly", "yes", "--save", "", "--aof-timestamp-enabled", "yes");
        using (var client = await node.ConnectAsync())
        {
            await Contents.FillAsync(client, 300);
            await client.ExecuteAsync("BGREWRITEAOF");
            await Until(async () => (await InfoAsync(client)).Contains("aof_rewrites:1"));
            await Contents.FillAsync(client, 300);
            await client.ExecuteAsync("SAVE");
        }
        await node.TerminateAsync();
        Assert.Contains("All AOF files and manifest are valid", await Tool.RunAsync("redis-check-aof", Path.Combine(node.Folder, "appendonlydir", "appendonly.aof.manifest")));
        Assert.Contains("RDB looks OK", await Tool.RunAsync("redis-check-rdb", Path.Combine(node.Folder, "dump.rdb")));
    }

    [FactNeeds("redis-server")]
    public async Task Redis_loads_our_directory_and_we_load_that_of_Redis()
    {
        await using var ours = await NodeProcess.StartAsync("--appendonly", "yes", "--save", "");
        SortedDictionary<string, string> written;
        using (var client = await ours.ConnectAsync())
        {
            await Contents.FillAsync(client, 400);
            await client.ExecuteAsync("BGREWRITEAOF");
            await Until(async () => (await InfoAsync(client)).Contains("aof_rewrites:1"));
            await Contents.FillAsync(client, 400, seed: 2);
            written = await Contents.ReadAsync(client);
        }
        await ours.TerminateAsync();
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server", "--appendonly", "yes");
        await redis.TerminateAsync();
        Tool.CopyFolder(Path.Combine(ours.Folder, "appendonlydir"), Path.Combine(redis.Folder, "appendonlydir"));
        await redis.StartAgainAsync();
        using (var client = await redis.ConnectAsync())
        {
            Assert.Equal(written, await Contents.ReadAsync(client));
            await client.ExecuteAsync("BGREWRITEAOF");
            await Contents.FillAsync(client, 200, seed: 3);
            written = await Contents.ReadAsync(client);
            await Until(async () => (await InfoAsync(client)).Contains("aof_rewrite_in_progress:0"));
        }
        await redis.TerminateAsync();
        Tool.CopyFolder(Path.Combine(redis.Folder, "appendonlydir"), Path.Combine(ours.Folder, "appendonlydir"));
        await ours.StartAgainAsync();
        using var reader = await ours.ConnectAsync();
        Assert.Equal(written, await Contents.ReadAsync(reader));
    }

    internal static async Task<string> InfoAsync(Protocol.Client.RespClient client) => (await client.ExecuteAsync("INFO", "everything")).Text;

    internal static async Task Until(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition()) await Task.Delay(20, limit.Token);
    }

    private static string Incr(NodeProcess node) => Directory.GetFiles(Path.Combine(node.Folder, "appendonlydir"), "*.incr.aof").Single();

    private static int Find(byte[] bytes, string text)
    {
        int at = bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(text));
        return at >= 0 ? at : throw new InvalidOperationException($"{text} is not in the file");
    }
}
