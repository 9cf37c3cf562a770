// What scripts cannot show of client tracking: its table is bounded, and it ends with its sessions.
using Shoal.Protocol.Client;

namespace Shoal.Server.Tests.Tracking;

[Collection("in-process nodes")]
public sealed class TrackerTests
{
    [Fact]
    public async Task The_table_forgets_keys_beyond_its_limit_and_tells_their_readers()
    {
        using var node = new InProcessNode();
        var told = new List<string>();
        using var reader = await node.ConnectAsync(new RespClientOptions { Protocol = 3, Pushed = p => { lock (told) told.Add(p.Items[1].Items[0].Text); } });
        await reader.ExecuteAsync("CLIENT", "TRACKING", "ON");
        for (int i = 0; i < 500; i++) await reader.ExecuteAsync("GET", $"k{i}");
        Assert.Equal(500, await NumberAsync(reader, "tracking_total_keys"));
        await reader.ExecuteAsync("CONFIG", "SET", "tracking-table-max-keys", "10");
        var limit = DateTime.UtcNow.AddSeconds(60);
        while (await NumberAsync(reader, "tracking_total_keys") > 10) Assert.True(DateTime.UtcNow < limit);
        lock (told) Assert.Equal(490, told.Distinct().Count());
    }

    [Fact]
    public async Task Counters_follow_sessions_and_their_ends()
    {
        using var node = new InProcessNode();
        using var watcher = await node.ConnectAsync();
        using (var first = await node.ConnectAsync(new RespClientOptions { Protocol = 3 }))
        using (var second = await node.ConnectAsync(new RespClientOptions { Protocol = 3 }))
        {
            await first.ExecuteAsync("CLIENT", "TRACKING", "ON");
            await second.ExecuteAsync("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "b");
            await first.ExecuteAsync("MGET", "x", "y", "x");
            Assert.Equal(2, await NumberAsync(watcher, "tracking_clients", "clients"));
            Assert.Equal(2, await NumberAsync(watcher, "tracking_total_items"));
            Assert.Equal(2, await NumberAsync(watcher, "tracking_total_prefixes"));
        }
        var limit = DateTime.UtcNow.AddSeconds(60);
        while (await NumberAsync(watcher, "tracking_clients", "clients") > 0) Assert.True(DateTime.UtcNow < limit);
        Assert.Equal(0, await NumberAsync(watcher, "tracking_total_prefixes"));
        Assert.Equal(0, await NumberAsync(watcher, "tracking_total_keys"));
    }

    private static async Task<long> NumberAsync(RespClient client, string field, string section = "stats")
    {
        string text = (await client.ExecuteAsync("INFO", section)).Text;
        string line = text.Split("\r\n").Single(l => l.StartsWith(field + ":", StringComparison.Ordinal));
        return long.Parse(line[(field.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
