// Fills an Observation: reads the API server and asks every node, changes nothing. A node that does not answer is recorded
// as such with the reason; nothing here decides what that means.
using System.Globalization;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Topology;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters;

/// <summary>Reads everything one pass needs.</summary>
public sealed class Observer(IKubernetes kubernetes, INodeAdmin nodes, RestoreResolver restores, DefaultImages images, TimeProvider clock)
{
    /// <summary>Observes a cluster; null when there is none of that name, or it is being deleted.</summary>
    public async Task<Observation?> ObserveAsync(NamespacedName key, CancellationToken ct)
    {
        var cluster = await kubernetes.GetAsync<CacheCluster>(key.Namespace, key.Name, ct).ConfigureAwait(false);
        if (cluster is null || cluster.Metadata.DeletionTimestamp is not null)
        {
            return null;
        }

        var selector = Names.Selector(key.Name);
        var abilities = new Abilities(
            await kubernetes.ServesAsync<V1Pod>("resize", ct).ConfigureAwait(false),
            await kubernetes.ServesAsync<V1PodDisruptionBudget>(null, ct).ConfigureAwait(false) ? ResourceType.Of<V1PodDisruptionBudget>()
            : await kubernetes.ServesAsync<V1Beta1PodDisruptionBudget>(null, ct).ConfigureAwait(false) ? ResourceType.Of<V1Beta1PodDisruptionBudget>() : null);
        var sets = kubernetes.ListAsync<V1StatefulSet>(key.Namespace, selector, ct);
        var pods = kubernetes.ListAsync<V1Pod>(key.Namespace, selector, ct);
        var volumes = kubernetes.ListAsync<V1PersistentVolumeClaim>(key.Namespace, selector, ct);
        var backups = kubernetes.ListAsync<CacheBackup>(key.Namespace, null, ct);
        var objects = await ObjectsAsync(key, selector, abilities, ct).ConfigureAwait(false);
        var auth = await AuthPlan.ReadAsync(kubernetes, cluster, ct).ConfigureAwait(false);
        if (auth.Stored is { } stored)
        {
            objects["Secret/" + stored.Metadata.Name] = stored;
        }

        await Task.WhenAll(sets, pods, volumes, backups).ConfigureAwait(false);

        var mine = backups.Result.Items.Where(b => b.Spec.ClusterRef.Name == key.Name).ToList();
        var finished = mine.Where(b => b.Status?.Phase is "Completed" or "Failed").MaxBy(b => b.Status!.StoppedAt ?? DateTimeOffset.MinValue);
        var seen = new Observation
        {
            Cluster = cluster,
            Now = clock.GetUtcNow(),
            Images = images,
            Abilities = abilities,
            Auth = auth,
            Shards = sets.Result.Items.Where(s => IsOwnedBy(s, cluster)).Select(s => (Index: Shard(s), Set: s)).Where(s => s.Index >= 0).ToDictionary(s => s.Index, s => s.Set),
            Objects = objects,
            Volumes = volumes.Result.Items,
            RunningBackup = mine.Find(b => b.Status?.Phase == "Running")?.Metadata.Name,
            LastBackup = mine.Where(b => b.Status?.Phase == "Completed").Max(b => b.Status!.StoppedAt) ?? cluster.Status?.LastSuccessfulBackup,
            LastBackupError = finished?.Status is { Phase: "Failed" } failed ? failed.Error ?? "failed" : null,
        };
        return await AskNodesAsync(seen, pods.Result.Items, ct).ConfigureAwait(false);
    }

    private async Task<Observation> AskNodesAsync(Observation seen, List<V1Pod> pods, CancellationToken ct)
    {
        var settings = NodeConfiguration.All(seen.Spec, 0).Keys.Where(NodeConfiguration.IsLive).Concat(Rules.ApplyPassword.Settings).ToList();

        // How many shards to expect depends on whether the cluster was started, which only the nodes know for sure: ask the
        // pods that exist first, then fill in the places that are empty.
        var existing = await Task.WhenAll(pods.Select(p => Place(seen, p)).OfType<Member>().Select(m => AskAsync(m, settings, seen.Auth, ct))).ConfigureAwait(false);
        seen = seen with
        {
            View = TopologyView.Merge(existing.Where(m => m.Report is not null && (seen.Shards.ContainsKey(m.Shard) || !m.IsTerminating)).Select(m => m.Report!.Answer)),
        };
        if (!seen.IsBootstrapped && seen.Spec.Bootstrap?.Restore is not null)
        {
            var (plan, error) = await restores.ResolveAsync(seen.Cluster, ct).ConfigureAwait(false);
            seen = seen with { Restore = plan, RestoreError = error };
        }

        var members = existing.ToDictionary(m => (m.Shard, m.Ordinal));
        foreach (var shard in seen.ShardIndexes)
        {
            var count = Math.Max(seen.Spec.ReplicasPerShard + 1, seen.Shards.GetValueOrDefault(shard)?.Spec?.Replicas ?? 0);
            for (var ordinal = 0; ordinal < count; ordinal++)
            {
                members.TryAdd((shard, ordinal), new Member(shard, ordinal, Names.Pod(seen.Name, shard, ordinal)));
            }
        }

        // Pods of a shard whose set is gone are on their way out: they are no members any more.
        var indexes = seen.ShardIndexes.ToHashSet();
        seen = seen with { Members = [.. members.Values.Where(m => indexes.Contains(m.Shard)).OrderBy(m => m.Shard).ThenBy(m => m.Ordinal)] };
        return await WithBytesAsync(seen, ct).ConfigureAwait(false);
    }

    private async Task<Observation> WithBytesAsync(Observation seen, CancellationToken ct)
    {
        if (!seen.IsBootstrapped || seen.SlotsToMove == 0 || seen.ShardIndexes.Sum(s => seen.SlotsOfShard(s).Count) < HashSlot.Count || seen.RunningTasks.Count >= (seen.Spec.Resharding?.MaxConcurrentMoves ?? 2))
        {
            return seen;
        }

        var all = new long[HashSlot.Count];
        foreach (var primary in seen.ShardIndexes.Select(seen.PrimaryOf).OfType<Member>())
        {
            try
            {
                if (await nodes.SlotBytesAsync(primary.Address!.Value, seen.View.SlotsOf(primary.Report!.Id), ct).ConfigureAwait(false) is not { } bytes)
                {
                    return seen;
                }

                for (var slot = 0; slot < all.Length; slot++)
                {
                    all[slot] += bytes[slot];
                }
            }
            catch (Exception e) when (e is IOException or TimeoutException or RespException)
            {
                return seen; // planned by counts alone
            }
        }

        return seen with { SlotBytes = all };
    }

    private async Task<Member> AskAsync(Member member, IReadOnlyCollection<string> settings, AuthPlan auth, CancellationToken ct)
    {
        if (member.Address is not { } address || member.Pod?.Status?.Phase is not "Running")
        {
            return member with { Error = $"pod is {member.Pod?.Status?.Phase ?? "not there"}" };
        }

        nodes.UsePasswords(address, auth.Candidates);
        try
        {
            return member with { Report = await nodes.ReportAsync(address, settings, ct).ConfigureAwait(false) };
        }
        catch (Exception e) when (e is IOException or TimeoutException or RespException or FormatException or InvalidOperationException)
        {
            return member with { Error = e.Message };
        }
    }

    private async Task<Dictionary<string, IKubernetesObject>> ObjectsAsync(NamespacedName key, string selector, Abilities abilities, CancellationToken ct)
    {
        var objects = new Dictionary<string, IKubernetesObject>();
        void Add(IEnumerable<KubernetesObject> found)
        {
            foreach (var o in found)
            {
                objects[o.Kind + "/" + o.Metadata.Name] = o;
            }
        }

        Add((await kubernetes.ListAsync<V1ConfigMap>(key.Namespace, selector, ct).ConfigureAwait(false)).Items);
        Add((await kubernetes.ListAsync<V1Service>(key.Namespace, selector, ct).ConfigureAwait(false)).Items);
        if (abilities.DisruptionBudgets is { } budgets)
        {
            Add((await kubernetes.ListAsync<V1PodDisruptionBudget>(budgets, key.Namespace, new ListOptions { LabelSelector = selector }, ct).ConfigureAwait(false)).Items);
        }

        return objects;
    }

    private static Member? Place(Observation seen, V1Pod pod)
    {
        var name = pod.Metadata.Name!;
        var dash = name.LastIndexOf('-');
        if (dash < 0 || !int.TryParse(name.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            || Shard(pod) is not (>= 0 and var shard) || name != Names.Pod(seen.Name, shard, ordinal))
        {
            return null;
        }

        return new Member(shard, ordinal, name)
        {
            Pod = pod,
            Address = pod.Status?.PodIP is { Length: > 0 } ip ? new NodeAddress(ip, Names.ClientPort) : null,
        };
    }

    private static bool IsOwnedBy(V1StatefulSet set, CacheCluster cluster) =>
        set.Metadata.OwnerReferences?.Exists(o => o.Uid == cluster.Metadata.Uid) == true;

    private static int Shard(IKubernetesObject labelled) =>
        labelled.Metadata.Labels?.GetValueOrDefault(Names.ShardLabel) is { } text
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var shard) ? shard : -1;
}
