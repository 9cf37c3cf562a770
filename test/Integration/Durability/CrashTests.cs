using System.Globalization;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Durability;

/// <summary>kill -9 at random moments: what was acknowledged is there after the restart, whatever the fsync policy (the kernel has
/// it), and on a replica (its socket has it).</summary>
public class CrashTests
{
    private const int Rounds = 4;
    private const int Writers = 4;

    [Theory]
    [InlineData("always", 1)]
    [InlineData("always", 2)]
    [InlineData("everysec", 3)]
    [InlineData("no", 4)]
    public async Task No_acknowledged_write_is_lost(string policy, int seed)
    {
        var random = new Random(seed);
        await using var node = await NodeProcess.StartAsync("--appendonly", "yes", "--appendfsync", policy, "--save", "");
        var acknowledged = new long[Writers];
        for (int round = 0; round < Rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(node, w, acknowledged, stop.Token)).ToArray();
            await Task.Delay(random.Next(50, 400));
            using (var admin = await node.ConnectAsync())
            {
                // A rewrite or a snapshot in flight at the moment of death.
                if (round % 2 == 0) await admin.CallAsync("BGREWRITEAOF");
                else await admin.CallAsync("BGSAVE");
            }
            await Task.Delay(random.Next(0, 120));
            await node.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            await node.StartAgainAsync();
            await VerifyAsync(node, acknowledged);
        }
        Assert.All(acknowledged, n => Assert.True(n > 0));
    }

    [Fact]
    public async Task A_replica_has_every_write_its_primary_acknowledged()
    {
        var random = new Random(7);
        await using var primary = await NodeProcess.StartAsync("--save", "");
        await using var replica = await NodeProcess.StartAsync("--save", "");
        var acknowledged = new long[Writers];
        for (int round = 0; round < 3; round++)
        {
            using (var client = await replica.ConnectAsync())
            {
                await client.ExecuteAsync("REPLICAOF", "127.0.0.1", $"{primary.Port}");
                await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(client)).Contains("master_link_status:up"));
            }
            using var stop = new CancellationTokenSource();
            var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(primary, w, acknowledged, stop.Token)).ToArray();
            await Task.Delay(random.Next(100, 500));
            await primary.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            // What lay in the socket is still applied: the link goes down only behind it.
            using (var client = await replica.ConnectAsync())
                await AppendOnlyTests.Until(async () => (await AppendOnlyTests.InfoAsync(client)).Contains("master_link_status:down"));
            await VerifyAsync(replica, acknowledged);
            Array.Clear(acknowledged);
            await primary.StartAgainAsync();
        }
    }

    [Fact]
    public async Task Transactions_are_there_whole_or_not_at_all()
    {
        var random = new Random(3);
        await using var node = await NodeProcess.StartAsync("--appendonly", "yes", "--appendfsync", "everysec", "--save", "");
        for (int round = 0; round < 3; round++)
        {
            using var stop = new CancellationTokenSource();
            var writer = TransferAsync(node, stop.Token);
            await Task.Delay(random.Next(100, 400));
            await node.KillAsync();
            await stop.CancelAsync();
            await writer;
            await node.StartAgainAsync();
            using var client = await node.ConnectAsync();
            var both = (await client.CallAsync("MGET", "left", "right")).Items;
            Assert.Equal(both[0].Text, both[1].Text);
        }
    }

    private static async Task WriteAsync(NodeProcess node, int writer, long[] acknowledged, CancellationToken stop)
    {
        try
        {
            using var client = await node.ConnectAsync();
            while (!stop.IsCancellationRequested)
            {
                long next = acknowledged[writer] + 1;
                var reply = await client.CallAsync("RPUSH", $"list:{writer}", next.ToString(CultureInfo.InvariantCulture));
                if (reply.IsError) throw new IOException(reply.Text);
                acknowledged[writer] = next;
            }
        }
        catch (Exception e) when (e is IOException or RespException or TimeoutException or ObjectDisposedException)
        {
            // The node died: the write under way was not acknowledged.
        }
    }

    private static async Task VerifyAsync(NodeProcess node, long[] acknowledged)
    {
        using var client = await node.ConnectAsync();
        for (int w = 0; w < Writers; w++)
        {
            var items = (await client.CallAsync("LRANGE", $"list:{w}", "0", "-1")).Items;
            // The last write may have reached the disk without its reply reaching us.
            Assert.InRange(items.Count, acknowledged[w], acknowledged[w] + 1);
            for (int i = 0; i < items.Count; i++) Assert.Equal(i + 1, items[i].AsInteger());
            acknowledged[w] = items.Count;
        }
    }

    private static async Task TransferAsync(NodeProcess node, CancellationToken stop)
    {
        try
        {
            using var client = await node.ConnectAsync();
            while (!stop.IsCancellationRequested)
                await client.PipelineAsync([["MULTI"], ["INCR", "left"], ["INCR", "right"], ["EXEC"]]);
        }
        catch (Exception e) when (e is IOException or RespException or TimeoutException or ObjectDisposedException)
        {
            // The node died.
        }
    }
}
