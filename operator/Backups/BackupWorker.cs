// What runs in a backup Job: every shard's snapshot, from a replica that has everything its primary had acknowledged when we
// began (else from the primary), then the manifest. A shard whose slots changed meanwhile is read again.
using System.Globalization;
using Shoal.Operator.Nodes;
using Shoal.Operator.Topology;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Backups;

/// <summary>What a worker is told.</summary>
/// <param name="Cluster">Namespace and name, for the manifest.</param>
/// <param name="BackupId">Folder to write.</param>
/// <param name="Seeds">Nodes to begin with; the others are found.</param>
/// <param name="PreferReplica">Read replicas where they have caught up.</param>
public sealed record BackupOrder(string Cluster, string BackupId, IReadOnlyList<NodeAddress> Seeds, bool PreferReplica);

/// <summary>Takes one backup.</summary>
public sealed class BackupWorker(BackupStore store, INodeAdmin nodes, TimeProvider clock, Action<string> log, string? password = null)
{
    private const int Attempts = 5;
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(15);

    /// <summary>Runs to the end and returns the manifest it wrote.</summary>
    /// <exception cref="IOException">A shard could not be read, or its slots kept changing.</exception>
    public async Task<BackupManifest> RunAsync(BackupOrder order, CancellationToken ct)
    {
        var started = clock.GetUtcNow();
        var (view, reports) = await AskAsync(order.Seeds, ct).ConfigureAwait(false);
        if (view.AssignedSlots != HashSlot.Count)
        {
            throw new IOException($"only {view.AssignedSlots} of {HashSlot.Count} slots have an owner: a backup would be incomplete");
        }

        var owners = view.Nodes.Keys.Where(id => !view.SlotsOf(id).IsEmpty).OrderBy(id => view.SlotsOf(id).First()).ToList();
        var shards = new List<BackupShard>();
        foreach (var owner in owners)
        {
            shards.Add(await ShardAsync(order, shards.Count, owner, [.. reports.Keys], ct).ConfigureAwait(false));
        }

        var covered = shards.Aggregate(SlotSet.Empty, (all, s) => all.Union(SlotSet.Of(s.Slots.Split(' ').Select(SlotRange.Parse))));
        if (covered.Count != HashSlot.Count || shards.Sum(s => SlotSet.Of(s.Slots.Split(' ').Select(SlotRange.Parse)).Count) != HashSlot.Count)
        {
            throw new IOException("slots moved between shards while they were read: the files do not cover each slot once");
        }

        var manifest = new BackupManifest
        {
            Cluster = order.Cluster, Epoch = (long)view.Epoch, StartedAt = started, CompletedAt = clock.GetUtcNow(), Shards = shards,
        };
        await manifest.WriteAsync(store, order.BackupId, ct).ConfigureAwait(false);
        return manifest;
    }

    private async Task<BackupShard> ShardAsync(BackupOrder order, int index, string owner, IReadOnlyList<NodeAddress> known, CancellationToken ct)
    {
        var reason = "";
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var (view, reports) = await AskAsync(known, ct).ConfigureAwait(false);
            var primary = reports.FirstOrDefault(r => r.Value.Id == owner && r.Value.IsPrimary);
            if (primary.Value is null)
            {
                // The primary failed over: whoever owns these slots now is the shard.
                var heir = reports.FirstOrDefault(r => r.Value.IsPrimary && r.Value.Answer.About(owner) is { PrimaryId: { } now } && now == r.Value.Id);
                reason = $"primary {owner[..8]} does not answer";
                owner = heir.Value?.Id ?? owner;
                await Task.Delay(TimeSpan.FromSeconds(1), clock, ct).ConfigureAwait(false);
                continue;
            }

            var slots = primary.Value.Answer.Myself.Slots;
            var source = order.PreferReplica ? await CaughtUpAsync(primary.Value, reports, ct).ConfigureAwait(false) ?? primary.Key : primary.Key;
            try
            {
                var shard = await ReadAsync(order, index, source, reports[source].Id, ct).ConfigureAwait(false);
                var after = (await nodes.ReportAsync(primary.Key, [], ct).ConfigureAwait(false)).Answer.Myself.Slots;
                if (slots.Equals(after) && !slots.IsEmpty)
                {
                    log($"shard {index}: {shard.Bytes} bytes from {source}, sha256 {shard.Sha256}");
                    return shard with { Slots = slots.ToString() };
                }

                reason = "its slots changed while it was read";
            }
            catch (Exception e) when (e is IOException or RespException or TimeoutException)
            {
                reason = $"{source}: {e.Message}";
                order = order with { PreferReplica = false };
            }

            log($"shard {index}: reading again, {reason}");
        }

        throw new IOException($"shard {index} could not be read: {reason}");
    }

    private async Task<BackupShard> ReadAsync(BackupOrder order, int index, NodeAddress source, string id, CancellationToken ct)
    {
        var file = string.Create(CultureInfo.InvariantCulture, $"shard-{index}.rdb");
        await using var snapshot = await SnapshotStream.OpenAsync(source, password, ct).ConfigureAwait(false);
        await using var hashing = new HashingStream(snapshot);
        await store.WriteAsync($"{order.BackupId}/{file}", hashing, ct).ConfigureAwait(false);
        return new BackupShard { Index = index, File = file, NodeId = id, Bytes = hashing.Bytes, Sha256 = hashing.Sha256(), Offset = snapshot.Offset };
    }

    // A linked replica that has reached the offset its primary is at now; null when none does in time.
    private async Task<NodeAddress?> CaughtUpAsync(NodeReport primary, IReadOnlyDictionary<NodeAddress, NodeReport> reports, CancellationToken ct)
    {
        var until = clock.GetUtcNow() + CatchUp;
        var candidates = reports.Where(r => r.Value is { IsPrimary: false, IsLinked: true } && r.Value.Answer.Myself.PrimaryId == primary.Id).Select(r => r.Key).ToList();
        while (candidates.Count > 0 && clock.GetUtcNow() < until)
        {
            foreach (var candidate in candidates)
            {
                try
                {
                    if (await nodes.ReportAsync(candidate, [], ct).ConfigureAwait(false) is { IsLinked: true } now && now.Offset >= primary.Offset)
                    {
                        return candidate;
                    }
                }
                catch (Exception e) when (e is IOException or TimeoutException or RespException)
                {
                    // another candidate, or the primary
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), clock, ct).ConfigureAwait(false);
        }

        return null;
    }

    private async Task<(TopologyView View, IReadOnlyDictionary<NodeAddress, NodeReport> Reports)> AskAsync(IReadOnlyList<NodeAddress> seeds, CancellationToken ct)
    {
        var reports = new Dictionary<NodeAddress, NodeReport>();
        var todo = new Queue<NodeAddress>(seeds);
        var tried = new HashSet<NodeAddress>(seeds);
        while (todo.TryDequeue(out var node))
        {
            try
            {
                var report = await nodes.ReportAsync(node, [], ct).ConfigureAwait(false);
                reports[node] = report;
                foreach (var line in report.Answer.Lines.Where(l => !l.IsMyself && l.Connected && l.Ip.Length > 0))
                {
                    if (tried.Add(new NodeAddress(line.Ip, line.Port)))
                    {
                        todo.Enqueue(new NodeAddress(line.Ip, line.Port));
                    }
                }
            }
            catch (Exception e) when (e is IOException or TimeoutException or RespException)
            {
                log($"{node} does not answer: {e.Message}");
            }
        }

        return (TopologyView.Merge(reports.Values.Select(r => r.Answer)), reports);
    }
}
