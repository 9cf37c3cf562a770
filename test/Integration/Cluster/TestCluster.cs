// A cluster of real processes on loopback, formed by plain CLUSTER commands, for the integration tests.
using System.Diagnostics;
using Shoal.Protocol.Client;
using Shoal.Protocol.ClusterText;
using Shoal.TestKit;

namespace Shoal.Integration.Cluster;

internal sealed class TestCluster : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private TestCluster(List<NodeProcess> nodes) => Nodes = nodes;

    public List<NodeProcess> Nodes { get; }

    public NodeAddress Seed => new("127.0.0.1", Nodes.First(n => !n.HasExited).Port);

    /// <summary>Nodes that know nobody yet.</summary>
    public static async Task<TestCluster> StartNodesAsync(int count, params string[] settings)
    {
        var nodes = Enumerable.Range(0, count).Select(_ => Prepare(settings)).ToList();
        var cluster = new TestCluster(nodes);
        try
        {
            await Task.WhenAll(nodes.Select(n => n.StartAgainAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static NodeProcess Prepare(params string[] settings) => NodeProcess.Prepare(null, FreePort.Take(),
        ["--cluster-enabled", "yes", "--cluster-port", $"{FreePort.Take()}", "--appendonly", "yes", "--repl-diskless-sync-delay", "0",
        .. settings.Any(File.Exists) ? Array.Empty<string>() : ["--cluster-node-timeout", "2000"], .. settings]);

    /// <summary>Primaries with even slots, each with as many replicas in sync; node i + primaries replicates node i.</summary>
    public static async Task<TestCluster> FormAsync(int primaries, int replicas, params string[] settings)
    {
        var cluster = await StartNodesAsync(primaries * (replicas + 1), settings);
        try
        {
            await cluster.FormAsync(primaries, replicas);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync(); // nobody else holds the processes
            throw;
        }
    }

    private async Task FormAsync(int primaries, int replicas)
    {
        for (int i = 0; i < primaries; i++)
        {
            await CallAsync(i, "CLUSTER", "SET-CONFIG-EPOCH", $"{i + 1}");
            await CallAsync(i, "CLUSTER", "ADDSLOTSRANGE", $"{16384 * i / primaries}", $"{(16384 * (i + 1) / primaries) - 1}");
        }
        await MeetAllAsync();
        for (int i = primaries; i < Nodes.Count; i++)
        {
            string primary = await IdAsync(i % primaries);
            await CallAsync(i, "CLUSTER", "REPLICATE", primary);
        }
        await WaitHealthyAsync();
        await WaitAsync("everybody knows the replicas", async () =>
        {
            foreach (var node in Nodes)
                if ((await NodesAsync(node)).Count(n => n.IsReplica && n.PrimaryId is not null) != primaries * replicas) return false;
            return true;
        });
    }

    public async Task MeetAllAsync()
    {
        foreach (var node in Nodes.Skip(1))
        {
            int busPort = await BusPortAsync(node);
            await CallAsync(0, "CLUSTER", "MEET", "127.0.0.1", $"{node.Port}", $"{busPort}");
        }
        await WaitAsync("all nodes know each other", async () =>
        {
            foreach (var node in Nodes)
            {
                var seen = await NodesAsync(node);
                if (seen.Count != Nodes.Count || seen.Any(n => n.Flags.HasFlag(NodeFlags.Handshake))) return false;
            }
            return true;
        });
    }

    public static async Task<int> BusPortAsync(NodeProcess node) => (await NodesAsync(node)).Single(n => n.IsMyself).BusPort;

    public async Task WaitHealthyAsync() => await WaitAsync("every node says ok, every replica is in sync", async () =>
    {
        foreach (var node in Nodes.Where(n => !n.HasExited))
        {
            if (!(await TextAsync(node, "CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal)) return false;
            string info = await TextAsync(node, "INFO", "replication");
            if (info.Contains("role:slave", StringComparison.Ordinal) && !info.Contains("master_link_status:up", StringComparison.Ordinal)) return false;
        }
        return true;
    });

    public async Task<string> IdAsync(int node) => await TextAsync(Nodes[node], "CLUSTER", "MYID");

    public async Task<Reply> CallAsync(int node, params string[] command)
    {
        using var client = await Nodes[node].ConnectAsync();
        return (await client.CallAsync(command)).ThrowIfError();
    }

    /// <summary>The reply, errors included.</summary>
    public async Task<Reply> TryAsync(int node, params string[] command)
    {
        using var client = await Nodes[node].ConnectAsync();
        return await client.CallAsync(command);
    }

    public static async Task<string> TextAsync(NodeProcess node, params string[] command)
    {
        using var client = await node.ConnectAsync();
        return (await client.CallAsync(command)).ThrowIfError().Text;
    }

    public static async Task<IReadOnlyList<NodesLine>> NodesAsync(NodeProcess node) => NodesLine.ParseAll(await TextAsync(node, "CLUSTER", "NODES"));

    public async Task<NodesLine> MyselfAsync(int node) => (await NodesAsync(Nodes[node])).Single(n => n.IsMyself);

    /// <summary>The fields of a migration task on a node; null while it knows none of that id.</summary>
    public async Task<Dictionary<string, string>?> MigrationAsync(int node, string task)
    {
        var reply = await CallAsync(node, "CLUSTER", "GETSLOTMIGRATIONS");
        var found = reply.Items.FirstOrDefault(t => t.Field("task")!.Text == task);
        if (found is null) return null;
        var fields = new Dictionary<string, string>();
        for (int i = 0; i + 1 < found.Items.Count; i += 2) fields[found.Items[i].Text] = found.Items[i + 1].Text;
        return fields;
    }

    public async Task WaitMigrationAsync(int node, string task, string state) => await WaitAsync($"task {task} is {state}", async () =>
        await MigrationAsync(node, task) is { } fields && (fields["state"] == state
            ? true
            : fields["state"] is "failed" or "cancelled" or "success" ? throw new InvalidOperationException($"{task} is {fields["state"]}: {fields["message"]}") : false));

    /// <summary>Polls until the condition holds; a node that cannot be reached counts as "not yet".</summary>
    public async Task WaitAsync(string what, Func<Task<bool>> condition)
    {
        var limit = Stopwatch.StartNew();
        Exception? last = null;
        while (limit.Elapsed < Patience)
        {
            try
            {
                if (await condition()) return;
            }
            catch (Exception e) when (e is IOException or RespException or TimeoutException)
            {
                last = e;
            }
            await Task.Delay(100);
        }
        var logs = Nodes.Select((n, i) => $"--- node {i} ({n.Port})\n{string.Join('\n', n.Log.Split('\n').TakeLast(15))}");
        throw new TimeoutException($"not reached: {what} ({last?.Message})\n{string.Join('\n', logs)}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes) await node.DisposeAsync();
    }
}
