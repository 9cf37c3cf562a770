// INodeAdmin over RESP: one cached connection per node, one command (or one pipeline) per call, no retries. A broken
// connection is dropped; the next pass of the reconciler connects anew.
using System.Collections.Concurrent;
using System.Globalization;
using Shoal.Operator.Topology;
using Shoal.Protocol.Client;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Nodes;

/// <summary>Talks to nodes. Thread-safe.</summary>
public sealed class NodeAdmin(RespClientOptions? options = null) : INodeAdmin, IAsyncDisposable
{
    private readonly RespClientOptions options = options ?? new RespClientOptions
    {
        ConnectTimeout = TimeSpan.FromSeconds(2),
        CallTimeout = TimeSpan.FromSeconds(5),
    };

    private readonly ConcurrentDictionary<NodeAddress, RespClient> connections = new();
    private readonly ConcurrentDictionary<NodeAddress, IReadOnlyList<string>> passwords = new();

    /// <inheritdoc/>
    public void UsePasswords(NodeAddress node, IReadOnlyList<string> passwords) => this.passwords[node] = passwords;

    /// <inheritdoc/>
    public async Task<NodeReport> ReportAsync(NodeAddress node, IReadOnlyCollection<string> settings, CancellationToken ct)
    {
        var client = await ConnectAsync(node, ct).ConfigureAwait(false);
        var nodes = client.CallAsync(["CLUSTER", "NODES"], ct);
        var cluster = client.CallAsync(["CLUSTER", "INFO"], ct);
        var info = client.CallAsync(["INFO"], ct);
        var keys = client.CallAsync(["DBSIZE"], ct);
        var tasks = client.CallAsync(["CLUSTER", "GETSLOTMIGRATIONS"], ct);
        var config = settings.Select(s => client.CallAsync(["CONFIG", "GET", s], ct)).ToList();
        await Task.WhenAll([nodes, cluster, info, keys, tasks, .. config]).ConfigureAwait(false);
        if ((await info.ConfigureAwait(false)).Text.StartsWith("NOAUTH", StringComparison.Ordinal) && connections.TryRemove(new(node, client)))
        {
            await client.DisposeAsync().ConfigureAwait(false); // it asks for a password since: the next call brings one
        }

        var about = Lines((await info.ConfigureAwait(false)).ThrowIfError().Text);
        var epochs = Lines((await cluster.ConfigureAwait(false)).ThrowIfError().Text);
        var answer = new NodesAnswer(NodesLine.ParseAll((await nodes.ConfigureAwait(false)).ThrowIfError().Text));
        var isPrimary = answer.Myself.IsPrimary;
        return new NodeReport
        {
            Answer = answer,
            IsPrimary = isPrimary,
            IsLinked = !isPrimary && about.GetValueOrDefault("master_link_status") == "up",
            ConnectedReplicas = (int)Number(about, "connected_slaves"),
            Offset = isPrimary ? Number(about, "master_repl_offset") : Number(about, "slave_repl_offset"),
            IsLoading = about.GetValueOrDefault("loading") == "1",
            UsedBytes = Number(about, "used_memory"),
            MaxBytes = Number(about, "maxmemory"),
            // A node that is loading refuses DBSIZE: count it as holding something, never as empty.
            Keys = (await keys.ConfigureAwait(false)) is { IsError: false } count ? count.AsInteger() : 1,
            CurrentEpoch = Number(epochs, "cluster_current_epoch"),
            SeesClusterOk = epochs.GetValueOrDefault("cluster_state") == "ok",
            Version = about.GetValueOrDefault("shoal_version") ?? about.GetValueOrDefault("redis_version") ?? "",
            Tasks = Tasks(await tasks.ConfigureAwait(false)),
            Settings = Settings(config.Select(c => c.Result)),
        };
    }

    /// <inheritdoc/>
    public async Task<long[]?> SlotBytesAsync(NodeAddress node, SlotSet slots, CancellationToken ct)
    {
        var client = await ConnectAsync(node, ct).ConfigureAwait(false);
        var bytes = new long[HashSlot.Count];
        foreach (var range in slots.Ranges())
        {
            var reply = await client.CallAsync(["CLUSTER", "SLOT-STATS", "SLOTSRANGE", Text(range.Start), Text(range.End)], ct).ConfigureAwait(false);
            if (reply.IsError)
            {
                return null;
            }

            foreach (var entry in reply.Items.Where(e => e.Items.Count == 2))
            {
                bytes[entry[0].AsInteger()] = (entry[1].Field("memory-bytes") ?? entry[1].Field("key-count"))?.AsInteger() ?? 0;
            }
        }

        return bytes;
    }

    /// <inheritdoc/>
    public Task MeetAsync(NodeAddress node, NodeAddress other, CancellationToken ct) =>
        DoAsync(node, ct, "CLUSTER", "MEET", other.Host, Text(other.Port));

    /// <inheritdoc/>
    public Task AssignAsync(NodeAddress node, SlotSet slots, CancellationToken ct) =>
        DoAsync(node, ct, ["CLUSTER", "ADDSLOTSRANGE", .. Bounds(slots)]);

    /// <inheritdoc/>
    public Task AttachAsync(NodeAddress node, string primaryId, CancellationToken ct) =>
        DoAsync(node, ct, "CLUSTER", "REPLICATE", primaryId);

    /// <inheritdoc/>
    public Task MoveAsync(NodeAddress source, SlotSet slots, string targetId, string taskId, CancellationToken ct) =>
        DoAsync(source, ct, ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", .. Bounds(slots), "NODE", targetId, "TASK", taskId]);

    /// <inheritdoc/>
    public async Task CloseSlotAsync(NodeAddress owner, NodeAddress? other, int slot, CancellationToken ct)
    {
        var from = await ConnectAsync(owner, ct).ConfigureAwait(false);
        var to = other is { } address ? await ConnectAsync(address, ct).ConfigureAwait(false) : null;
        var password = other is { } node ? passwords.GetValueOrDefault(node)?.FirstOrDefault() ?? options.Password ?? "" : "";
        await OpenSlotRepair.CloseAsync(from, to, other ?? owner, password, slot, ct).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task PromoteAsync(NodeAddress replica, CancellationToken ct) => DoAsync(replica, ct, "CLUSTER", "FAILOVER");

    /// <inheritdoc/>
    public async Task ForgetAsync(NodeAddress node, string id, CancellationToken ct)
    {
        try
        {
            await DoAsync(node, ct, "CLUSTER", "FORGET", id).ConfigureAwait(false);
        }
        catch (RespException e) when (e.Message.Contains("Unknown node", StringComparison.OrdinalIgnoreCase))
        {
            // forgotten already: what was asked for
        }
    }

    /// <inheritdoc/>
    public async Task ResetAsync(NodeAddress node, CancellationToken ct)
    {
        var client = await ConnectAsync(node, ct).ConfigureAwait(false);
        var flushed = await client.CallAsync(["FLUSHALL"], ct).ConfigureAwait(false);
        if (flushed.IsError && !flushed.Text.StartsWith("READONLY", StringComparison.Ordinal))
        {
            flushed.ThrowIfError();
        }

        await DoAsync(node, ct, "CLUSTER", "RESET", "HARD").ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task ConfigureAsync(NodeAddress node, string name, string value, CancellationToken ct) =>
        DoAsync(node, ct, "CONFIG", "SET", name, value);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in connections.Values)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }

        connections.Clear();
    }

    private async Task DoAsync(NodeAddress node, CancellationToken ct, params string[] command)
    {
        var client = await ConnectAsync(node, ct).ConfigureAwait(false);
        await client.ExecuteAsync(command, ct).ConfigureAwait(false);
    }

    private async Task<RespClient> ConnectAsync(NodeAddress node, CancellationToken ct)
    {
        if (connections.TryGetValue(node, out var have))
        {
            if (!have.IsClosed)
            {
                return have;
            }

            connections.TryRemove(new(node, have));
        }

        var fresh = await OpenAsync(node, ct).ConfigureAwait(false);
        if (connections.TryAdd(node, fresh))
        {
            return fresh;
        }

        await fresh.DisposeAsync().ConfigureAwait(false);
        return connections.TryGetValue(node, out var other) ? other : throw new IOException($"connection to {node} was dropped");
    }

    private async Task<RespClient> OpenAsync(NodeAddress node, CancellationToken ct)
    {
        var candidates = passwords.GetValueOrDefault(node) ?? [options.Password ?? ""];
        for (var i = 0; ; i++)
        {
            try
            {
                var with = options with { Password = candidates[i].Length > 0 ? candidates[i] : null };
                return await RespClient.ConnectAsync(node.Host, node.Port, with, ct).ConfigureAwait(false);
            }
            catch (RespException) when (i + 1 < candidates.Count)
            {
                // not this one: the node has yet to hear of a change, or missed it
            }
        }
    }

    private static List<SlotTask> Tasks(Reply reply)
    {
        if (reply.IsError)
        {
            return []; // an older node without server-driven moves
        }

        var tasks = new List<SlotTask>();
        foreach (var item in reply.Items)
        {
            string Of(params string[] names) => names.Select(n => item.Field(n)).FirstOrDefault(f => f is not null) is { } f
                ? f.Items.Count > 0 ? string.Join(' ', f.Items.Select(i => i.Text)) : f.Text
                : "";
            tasks.Add(new SlotTask
            {
                Id = Of("task", "name", "id"),
                IsExport = Of("operation").Equals("EXPORT", StringComparison.OrdinalIgnoreCase),
                Slots = SlotSet.Of(Of("slot_ranges", "slots").Split([' ', ','], StringSplitOptions.RemoveEmptyEntries).Select(SlotRange.Parse)),
                Source = Of("source_node", "source"),
                Target = Of("target_node", "target"),
                State = Of("state"),
                Message = Of("message", "error"),
            });
        }

        return tasks;
    }

    private static Dictionary<string, string> Settings(IEnumerable<Reply> replies)
    {
        var settings = new Dictionary<string, string>();
        foreach (var reply in replies.Where(r => !r.IsError))
        {
            for (var i = 0; i + 1 < reply.Items.Count; i += 2)
            {
                settings[reply[i].Text] = reply[i + 1].Text;
            }
        }

        return settings;
    }

    private static Dictionary<string, string> Lines(string text)
    {
        var lines = new Dictionary<string, string>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var colon = line.IndexOf(':');
            if (colon > 0 && line[0] != '#')
            {
                lines[line[..colon]] = line[(colon + 1)..];
            }
        }

        return lines;
    }

    private static long Number(Dictionary<string, string> lines, string name) =>
        long.TryParse(lines.GetValueOrDefault(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n : 0;

    private static IEnumerable<string> Bounds(SlotSet slots) => slots.Ranges().SelectMany(r => new[] { Text(r.Start), Text(r.End) });

    private static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);
}
