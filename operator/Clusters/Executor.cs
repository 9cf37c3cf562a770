// Performs a step, one method per kind: the only code of this folder that writes. Each is safe to repeat: a pass that died
// half-way is observed as such by the next, which plans again.
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Protocol.Client;

namespace Shoal.Operator.Clusters;

/// <summary>How a step went.</summary>
/// <param name="Error">What a node or the API server answered when it failed, else null.</param>
public readonly record struct StepResult(string? Error)
{
    /// <summary>It did not succeed; the next pass will try again.</summary>
    public bool HasFailed => Error is not null;
}

/// <summary>Runs steps.</summary>
public sealed class Executor(IKubernetes kubernetes, INodeAdmin nodes)
{
    /// <summary>Runs one step. Refusals and unreachable nodes are results, not exceptions.</summary>
    public async Task<StepResult> RunAsync(Observation seen, Step step, CancellationToken ct)
    {
        try
        {
            await (step switch
            {
                Step.ApplyObjects s => ApplyAsync(s, seen.Abilities.DisruptionBudgets, ct),
                Step.OwnVolumes s => OwnAsync(seen, s, ct),
                Step.GrowVolumes s => GrowAsync(seen, s, ct),
                Step.ReplaceShardSet s => ReplaceSetAsync(seen, s, ct),
                Step.Meet s => EachAsync(s.Pairs, p => nodes.MeetAsync(Of(p.Node), Of(p.Other), ct)),
                Step.AssignSlots s => EachAsync(s.Shares, p => nodes.AssignAsync(Of(p.Node), p.Slots, ct)),
                Step.Attach s => EachAsync(s.Nodes, p => nodes.AttachAsync(Of(p.Node), p.PrimaryId, ct)),
                Step.MoveSlots s => EachAsync(s.Transfers, t => nodes.MoveAsync(t.From, t.Slots, t.Target.Report!.Id, t.TaskId, ct)),
                Step.CloseSlots s => EachAsync(s.Slots, o => nodes.CloseSlotAsync(Of(o.Owner), o.Other?.Address, o.Slot, ct)),
                Step.RemoveShards s => RemoveAsync(seen, s, ct),
                Step.Forget s => ForgetAsync(seen, seen.Members, s.Ids, ct),
                Step.Configure s => EachAsync([.. s.Settings], p => nodes.ConfigureAsync(Of(s.Node), p.Key, p.Value, ct)),
                Step.SetPassword s => EachAsync(s.Nodes, n => nodes.ConfigureAsync(Of(n), s.Setting, seen.Auth.Password, ct)),
                Step.ResizePod s => ResizeAsync(seen, s, ct),
                Step.Promote s => nodes.PromoteAsync(Of(s.Replica), ct),
                Step.RecreatePod s => DeletePodAsync(seen, s.Node, ct),
                _ => Task.CompletedTask,
            }).ConfigureAwait(false);
            return new StepResult(null);
        }
        catch (Exception e) when (e is RespException or IOException or TimeoutException or HttpRequestException
            || (e is KubernetesException { IsConflict: false }))
        {
            return new StepResult(e.Message);
        }
    }

    private async Task ApplyAsync(Step.ApplyObjects step, ResourceType? budgets, CancellationToken ct)
    {
        foreach (var obj in step.Objects)
        {
            await (obj switch
            {
                V1StatefulSet o => ApplyOneAsync(o, ct),
                V1ConfigMap o => ApplyOneAsync(o, ct),
                V1Service o => ApplyOneAsync(o, ct),
                V1Secret o => ApplyOneAsync(o, ct),
                V1PodDisruptionBudget o => kubernetes.ApplyAsync(budgets!, o, new ApplyOptions(KubernetesCalls.FieldManager), ct),
                _ => throw new InvalidOperationException("no way to apply a " + obj.Kind),
            }).ConfigureAwait(false);
        }
    }

    private Task ApplyOneAsync<T>(T obj, CancellationToken ct)
        where T : class, IKubernetesObject => kubernetes.ApplyAsync(obj, ct: ct);

    private async Task OwnAsync(Observation seen, Step.OwnVolumes step, CancellationToken ct)
    {
        foreach (var volume in step.Volumes)
        {
            var owners = (volume.Metadata.OwnerReferences ?? []).Where(o => o.Uid != seen.Cluster.Metadata.Uid).ToList();
            if (step.Own)
            {
                var owner = V1OwnerReference.To(seen.Cluster, blockOwnerDeletion: false);
                owner.Controller = null;
                owners.Add(owner);
            }

            await kubernetes.PatchAsync<V1PersistentVolumeClaim>(seen.Cluster.Metadata.Namespace, volume.Metadata.Name!,
                Patch.Merge(new { metadata = new { resourceVersion = volume.Metadata.ResourceVersion, ownerReferences = owners } }), ct: ct).ConfigureAwait(false);
        }
    }

    private async Task GrowAsync(Observation seen, Step.GrowVolumes step, CancellationToken ct)
    {
        foreach (var volume in step.Volumes)
        {
            await kubernetes.PatchAsync<V1PersistentVolumeClaim>(seen.Cluster.Metadata.Namespace, volume.Metadata.Name!,
                Patch.Merge(new { spec = new { resources = new { requests = new { storage = step.Size } } } }), ct: ct).ConfigureAwait(false);
        }
    }

    private Task ReplaceSetAsync(Observation seen, Step.ReplaceShardSet step, CancellationToken ct) =>
        kubernetes.DeleteAsync<V1StatefulSet>(seen.Cluster.Metadata.Namespace, step.Set.Metadata.Name!,
            new DeleteOptions { Propagation = "Orphan", Uid = step.Set.Metadata.Uid }, ct);

    private async Task RemoveAsync(Observation seen, Step.RemoveShards step, CancellationToken ct)
    {
        // Forget first, on everybody who stays: from here on the victims cannot come back by gossip. Then empty them, so that
        // a volume that is kept carries no old identity; then the set, then the volumes when they are not to be kept.
        await ForgetAsync(seen, seen.Members.Where(m => !step.Shards.Contains(m.Shard)), step.ForgetIds, ct).ConfigureAwait(false);
        foreach (var victim in seen.Members.Where(m => step.Shards.Contains(m.Shard) && m.Report is not null).OrderBy(m => m.Report!.IsPrimary))
        {
            await nodes.ResetAsync(Of(victim), ct).ConfigureAwait(false);
        }

        foreach (var shard in step.Shards)
        {
            await kubernetes.DeleteAsync<V1StatefulSet>(seen.Cluster.Metadata.Namespace, Names.Shard(seen.Name, shard),
                new DeleteOptions { Propagation = "Background", Uid = seen.Shards[shard].Metadata.Uid }, ct).ConfigureAwait(false);
            if (seen.Abilities.DisruptionBudgets is { } budgets)
            {
                await kubernetes.DeleteAsync(budgets, seen.Cluster.Metadata.Namespace, Names.Shard(seen.Name, shard), DeleteOptions.Default, ct).ConfigureAwait(false);
            }

            if (seen.Spec.Storage?.ReclaimPolicy == "Delete")
            {
                foreach (var volume in seen.Volumes.Where(v => v.Metadata.Labels?.GetValueOrDefault(Names.ShardLabel) == Observation.Text(shard)))
                {
                    await kubernetes.DeleteAsync<V1PersistentVolumeClaim>(seen.Cluster.Metadata.Namespace, volume.Metadata.Name!, ct: ct).ConfigureAwait(false);
                }
            }
        }
    }

    private async Task ForgetAsync(Observation seen, IEnumerable<Member> members, IReadOnlyList<string> ids, CancellationToken ct)
    {
        foreach (var member in members.Where(m => m.Report is not null))
        {
            foreach (var id in ids.Where(id => member.Report!.Answer.About(id) is not null && member.Report.Id != id))
            {
                await nodes.ForgetAsync(Of(member), id, ct).ConfigureAwait(false);
            }
        }
    }

    private async Task ResizeAsync(Observation seen, Step.ResizePod step, CancellationToken ct)
    {
        var body = new { spec = new { containers = new[] { new { name = Names.NodeContainer, resources = new { limits = step.Resources.Limits, requests = step.Resources.Requests } } } } };
        await kubernetes.PatchAsync<V1Pod>(seen.Cluster.Metadata.Namespace, step.Node.PodName, Patch.Strategic(body), "resize", ct).ConfigureAwait(false);
    }

    private Task DeletePodAsync(Observation seen, Member node, CancellationToken ct) =>
        kubernetes.DeleteAsync<V1Pod>(seen.Cluster.Metadata.Namespace, node.PodName, new DeleteOptions { Uid = node.Pod!.Metadata.Uid }, ct);

    private static NodeAddress Of(Member member) => member.Address ?? throw new IOException($"{member.PodName} has no address");

    private static async Task EachAsync<T>(IReadOnlyList<T> items, Func<T, Task> act)
    {
        foreach (var item in items)
        {
            await act(item).ConfigureAwait(false);
        }
    }
}
