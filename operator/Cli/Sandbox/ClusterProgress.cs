// What a cluster is doing, live in the terminal: a table that redraws where there is one, a line per change where there is not.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shoal.Cli.Sandbox;

/// <summary>Follows one CacheCluster by watching it.</summary>
internal sealed class ClusterProgress(IKubernetes api, string ns, string name, IAnsiConsole console)
{
    /// <summary>Shows progress until the cluster is Healthy at its current generation.</summary>
    /// <exception cref="TimeoutException">It was not in time; the message says where it stands.</exception>
    public async Task<CacheCluster> WaitHealthyAsync(TimeSpan timeout, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(timeout);
        CacheCluster? last = null;
        try
        {
            if (console.Profile.Capabilities.Interactive)
                return await console.Live(Table(null)).StartAsync(async screen =>
                    await FollowAsync(c => { last = c; screen.UpdateTarget(Table(c)); return IsHealthy(c); }, limit.Token));

            return await FollowAsync(c =>
            {
                if (Line(last) != Line(c)) console.WriteLine(Line(c));
                last = c;
                return IsHealthy(c);
            }, limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"{ns}/{name} is not Healthy after {timeout.TotalSeconds:0} s: {(last is null ? "it was never seen" : Line(last))}");
        }
    }

    /// <summary>Prints a line for every change until cancelled.</summary>
    public async Task FollowChangesAsync(CancellationToken ct)
    {
        string? said = null;
        await FollowAsync(c =>
        {
            var line = Line(c);
            if (said is not null && line != said) console.WriteLine(line);
            said = line;
            return false;
        }, ct);
    }

    private static bool IsHealthy(CacheCluster c) =>
        c.Status is { Phase: "Healthy" } s && s.ObservedGeneration == c.Metadata.Generation;

    private async Task<CacheCluster> FollowAsync(Func<CacheCluster, bool> seen, CancellationToken ct)
    {
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var options = new WatchOptions { FieldSelector = "metadata.name=" + name };
            await foreach (var change in api.WatchAsync<CacheCluster>(ns, options, ct))
                if (change.Type is WatchEventType.Added or WatchEventType.Modified && seen(change.Object)) return change.Object;
        }
    }

    private static string Line(CacheCluster? c)
    {
        if (c?.Status is not { } s) return "waiting for the operator";
        var line = $"{s.Phase ?? "Pending",-14} nodes {s.ReadyNodes ?? "-"}  shards {s.Shards ?? 0}  slots {s.SlotsAssigned ?? 0}/16384";
        if (s.SlotsMigrating is > 0) line += $"  migrating {s.SlotsMigrating}";
        if (s.Operation is { Type: { } type } o) line += $"  {type}{(o.Progress is { Total: > 0 } p ? $" {p.Done}/{p.Total}" : "")}";
        return s.PhaseReason is { Length: > 0 } why ? $"{line}  ({why})" : line;
    }

    private static IRenderable Table(CacheCluster? c)
    {
        var table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape(Line(c)));
        table.AddColumns("Shard", "Primary", "Slots", "Replicas", "Memory");
        foreach (var s in c?.Status?.ShardStatus ?? [])
            table.AddRow(s.Index.ToString(), s.Primary ?? "-", $"{s.SlotCount}", s.Replicas ?? "-",
                s.UsedMemory is { } bytes ? $"{bytes / 1048576.0:0.0} MiB" : "-");
        return table;
    }
}
