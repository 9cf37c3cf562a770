using Shoal.Integration.Durability;
// Messages between nodes: over the cluster bus (with real Redis nodes among ours), within a shard, and to replicas.
using System.Threading.Channels;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Cluster;

public sealed class ChannelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task AMessageReachesEveryNodeAndAShardMessageItsShard()
    {
        await using var cluster = await TestCluster.FormAsync(3, 1);
        using var first = await Ear.OpenAsync(cluster.Nodes[0]);
        using var replica = await Ear.OpenAsync(cluster.Nodes[5]);
        await first.AskAsync("SUBSCRIBE", "news");
        await replica.AskAsync("PSUBSCRIBE", "n*");
        await cluster.CallAsync(1, "PUBLISH", "news", "hello");
        Assert.Equal("message news hello", await first.NextAsync());
        Assert.Equal("pmessage n* news hello", await replica.NextAsync());

        // "foo" is the third node's; node 5 is its replica and serves the channel too, node 0 does not.
        Assert.StartsWith("MOVED 12182", (await cluster.TryAsync(0, "SSUBSCRIBE", "foo")).Text);
        Assert.StartsWith("MOVED 12182", (await cluster.TryAsync(0, "SPUBLISH", "foo", "x")).Text);
        Assert.StartsWith("CROSSSLOT", (await cluster.TryAsync(2, "SSUBSCRIBE", "foo", "bar")).Text);
        await replica.AskAsync("SSUBSCRIBE", "foo");
        using var owner = await Ear.OpenAsync(cluster.Nodes[2]);
        await owner.AskAsync("SSUBSCRIBE", "foo");
        Assert.Equal(1, (await cluster.CallAsync(2, "SPUBLISH", "foo", "within")).Integer);
        Assert.Equal("smessage foo within", await owner.NextAsync());
        Assert.Equal("smessage foo within", await replica.NextAsync());

        // The slot moves away: both are told.
        await cluster.CallAsync(2, "CLUSTER", "SETSLOT", "12182", "NODE", await cluster.IdAsync(0));
        Assert.Equal("sunsubscribe foo 0", await owner.NextAsync());
    }

    [FactNeeds("redis-server")]
    public async Task RealRedisNodesHearUsAndWeThem()
    {
        await using var cluster = await TestCluster.StartNodesAsync(1);
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server", "--cluster-enabled", "yes", "--cluster-port", $"{FreePort.Take()}", "--cluster-node-timeout", "2000");
        await cluster.CallAsync(0, "CLUSTER", "ADDSLOTSRANGE", "0", "8191");
        using var there = await redis.ConnectAsync();
        await there.ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", "8192", "16383");
        await cluster.CallAsync(0, "CLUSTER", "MEET", "127.0.0.1", $"{redis.Port}", $"{await TestCluster.BusPortAsync(redis)}");
        await cluster.WaitAsync("both say ok", async () =>
            (await TestCluster.TextAsync(redis, "CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal)
            && (await TestCluster.TextAsync(cluster.Nodes[0], "CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal));
        using var ours = await Ear.OpenAsync(cluster.Nodes[0]);
        using var theirs = await Ear.OpenAsync(redis);
        await ours.AskAsync("SUBSCRIBE", "c");
        await theirs.AskAsync("SUBSCRIBE", "c");
        await there.ExecuteAsync("PUBLISH", "c", "from redis");
        Assert.Equal("message c from redis", await ours.NextAsync());
        Assert.Equal("message c from redis", await theirs.NextAsync());
        await cluster.CallAsync(0, "PUBLISH", "c", "from shoal");
        Assert.Equal("message c from shoal", await theirs.NextAsync());
        Assert.Equal("message c from shoal", await ours.NextAsync());
    }

    [Fact]
    public async Task OutsideAClusterMessagesGoToReplicasInTheStreamOfWrites()
    {
        await using var primary = await NodeProcess.StartAsync("--repl-diskless-sync-delay", "0");
        await using var replica = await NodeProcess.StartAsync("--replicaof", "127.0.0.1", $"{primary.Port}");
        using var writer = await primary.ConnectAsync();
        using var reader = await replica.ConnectAsync();
        await AppendOnlyTests.Until(async () => (await reader.ExecuteAsync("INFO", "replication")).Text.Contains("master_link_status:up", StringComparison.Ordinal));
        using var ear = await Ear.OpenAsync(replica);
        await ear.AskAsync("SUBSCRIBE", "c");
        await writer.ExecuteAsync("SET", "k", "v");
        Assert.Equal(0, (await writer.ExecuteAsync("PUBLISH", "c", "m")).Integer);
        Assert.Equal("message c m", await ear.NextAsync());
        Assert.Equal("v", (await reader.ExecuteAsync("GET", "k")).Text);
        // A replica's own messages stay where they are.
        Assert.Equal(1, (await reader.ExecuteAsync("PUBLISH", "c", "local")).Integer);
        Assert.Equal("message c local", await ear.NextAsync());
    }

    /// <summary>A RESP3 connection whose pushes queue up.</summary>
    private sealed class Ear(RespClient client, Channel<Reply> pushes) : IDisposable
    {
        public static async Task<Ear> OpenAsync(NodeProcess node)
        {
            var pushes = Channel.CreateUnbounded<Reply>();
            return new Ear(await node.ConnectAsync(new RespClientOptions { Protocol = 3, Pushed = p => pushes.Writer.TryWrite(p) }), pushes);
        }

        /// <summary>Sends a subscription and waits for its confirmation, which is a push.</summary>
        public async Task AskAsync(params string[] command)
        {
            // Its reply is a push: the call itself is never answered, and ends with the connection.
            _ = client.CallAsync(command).ContinueWith(t => t.Exception, TaskScheduler.Default);
            Assert.StartsWith(command[0].ToLowerInvariant() + " " + command[1], await NextAsync());
        }

        /// <summary>The next push as words.</summary>
        public async Task<string> NextAsync()
        {
            using var limit = new CancellationTokenSource(Patience);
            var push = await pushes.Reader.ReadAsync(limit.Token);
            return string.Join(' ', push.Items.Select(i => i.Kind == ReplyKind.Integer ? $"{i.Integer}" : i.Text));
        }

        public void Dispose() => client.Dispose();
    }
}
