// Keeps a StatefulSet's pods as the set asks: names by ordinal, claims by template, one at a time in order or all at once,
// replaced by OnDelete or from the highest ordinal down. Every pass looks at everything and does whatever is due; nothing
// is remembered between passes.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;

namespace Shoal.Sandbox.Controllers;

internal sealed class StatefulSetController(
    IKubernetes api, Informer<V1StatefulSet> sets, Informer<V1Pod> pods, TimeProvider clock, EventRecorder events) : IReconciler
{
    private readonly StatefulSetPods _pods = new(api, events);
    private readonly StatefulSetRevisions _revisions = new(api);

    /// <summary>The sets a pod concerns: its controller, or while it has none every set whose selector matches.</summary>
    public static IEnumerable<NamespacedName> KeysFor(V1Pod pod, Informer<V1StatefulSet> sets)
    {
        if (Owners.ControllerOf(pod) is { } controller)
        {
            return controller.Kind == "StatefulSet" ? [new NamespacedName(pod.Metadata.Namespace!, controller.Name!)] : [];
        }

        return sets.In(pod.Metadata.Namespace ?? "").Where(s => s.Spec?.Selector?.Matches(pod.Metadata.Labels) == true).Select(s => NamespacedName.Of(s));
    }

    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (sets.Get(key) is not { } set || set.Metadata.DeletionTimestamp is not null)
        {
            return Outcome.Done;
        }

        var members = await Owners.ClaimAsync(
            api, set, set.Spec!.Selector, pods.In(key.Namespace), p => StatefulSetPods.Ordinal(set, p) is not null, ct).ConfigureAwait(false);
        var (current, update) = await _revisions.LoadAsync(set, ct).ConfigureAwait(false);
        var again = await StepAsync(set, members, current, update, ct).ConfigureAwait(false);
        await ReportAsync(set, members, current, update, ct).ConfigureAwait(false);
        await _revisions.TrimAsync(set, members, ct).ConfigureAwait(false);
        return again is { } delay ? Outcome.After(delay) : Outcome.Done;
    }

    /// <summary>Creates, replaces and removes what may be touched now.</summary>
    private async Task<TimeSpan?> StepAsync(V1StatefulSet set, List<V1Pod> members, StatefulSetRevision current, StatefulSetRevision update, CancellationToken ct)
    {
        var ordered = set.Spec!.PodManagementPolicy != "Parallel";
        var first = set.Spec.Ordinals?.Start ?? 0;
        var end = first + (set.Spec.Replicas ?? 1);
        var byOrdinal = members.GroupBy(p => StatefulSetPods.Ordinal(set, p)!.Value).ToDictionary(g => g.Key, g => g.First());
        for (var ordinal = first; ordinal < end; ordinal++)
        {
            if (!byOrdinal.TryGetValue(ordinal, out var pod))
            {
                await _pods.CreateAsync(set, ordinal, RevisionFor(set, ordinal, current, update), ct).ConfigureAwait(false);
            }
            else if (pod.Status?.Phase is "Failed" or "Succeeded" && pod.Metadata.DeletionTimestamp is null)
            {
                await _pods.DeleteAsync(set, pod, $"pod {pod.Metadata.Name} has ended and is replaced", ct).ConfigureAwait(false);
            }
            else
            {
                await _pods.EnsureClaimsAsync(set, ordinal, ct).ConfigureAwait(false);
            }

            if (ordered && !IsSettled(byOrdinal.GetValueOrDefault(ordinal), set, out var wait))
            {
                return wait;
            }
        }

        foreach (var surplus in byOrdinal.Where(e => e.Key >= end || e.Key < first).OrderByDescending(e => e.Key).Select(e => e.Value))
        {
            await _pods.DeleteAsync(set, surplus, $"scaling in: pod {surplus.Metadata.Name}", ct).ConfigureAwait(false);
            if (ordered)
            {
                return null;
            }
        }

        return set.Spec.UpdateStrategy?.Type == "OnDelete" ? null : await RollAsync(set, byOrdinal, first, end, update, ct).ConfigureAwait(false);
    }

    /// <summary>RollingUpdate: from the highest ordinal down to the partition, one unavailable pod at a time.</summary>
    private async Task<TimeSpan?> RollAsync(
        V1StatefulSet set, Dictionary<int, V1Pod> byOrdinal, int first, int end, StatefulSetRevision update, CancellationToken ct)
    {
        var partition = Math.Max(first, set.Spec!.UpdateStrategy?.RollingUpdate?.Partition ?? 0);
        for (var ordinal = end - 1; ordinal >= partition; ordinal--)
        {
            var pod = byOrdinal.GetValueOrDefault(ordinal);
            if (pod is not null && pod.Metadata.DeletionTimestamp is null && StatefulSetPods.RevisionOf(pod) != update.Name)
            {
                await _pods.DeleteAsync(set, pod, $"rolling pod {pod.Metadata.Name}", ct).ConfigureAwait(false);
                return null;
            }

            if (!IsSettled(pod, set, out var wait))
            {
                return wait;
            }
        }

        return null;
    }

    /// <summary>A new pod below the partition comes back as it was; everything else comes up new, except that OnDelete never holds anything back.</summary>
    private static StatefulSetRevision RevisionFor(V1StatefulSet set, int ordinal, StatefulSetRevision current, StatefulSetRevision update) =>
        set.Spec!.UpdateStrategy?.Type != "OnDelete" && ordinal < (set.Spec.UpdateStrategy?.RollingUpdate?.Partition ?? 0) ? current : update;

    /// <summary>Present, not going, ready, and for long enough.</summary>
    private bool IsSettled(V1Pod? pod, V1StatefulSet set, out TimeSpan? wait)
    {
        wait = null;
        if (pod is null || pod.Metadata.DeletionTimestamp is not null || !StatefulSetPods.IsReady(pod))
        {
            return false;
        }

        wait = AvailableIn(pod, set);
        return wait is null;
    }

    private TimeSpan? AvailableIn(V1Pod pod, V1StatefulSet set)
    {
        if (set.Spec!.MinReadySeconds is not ({ } seconds and > 0))
        {
            return null;
        }

        var since = pod.Status!.Conditions!.Find(c => c.Type == "Ready")!.LastTransitionTime ?? clock.GetUtcNow();
        var left = since.AddSeconds(seconds) - clock.GetUtcNow();
        return left > TimeSpan.Zero ? left : null;
    }

    private async Task ReportAsync(V1StatefulSet set, List<V1Pod> members, StatefulSetRevision current, StatefulSetRevision update, CancellationToken ct)
    {
        var alive = members.Where(p => p.Metadata.DeletionTimestamp is null).ToList();
        var ready = alive.Where(StatefulSetPods.IsReady).ToList();
        var updated = alive.Count(p => StatefulSetPods.RevisionOf(p) == update.Name);
        var replicas = set.Spec!.Replicas ?? 1;

        // The update is complete once nothing of the old revision is left and everything new is ready.
        var complete = updated == members.Count && members.Count == replicas && ready.Count == replicas;
        var revision = complete ? update.Name : current.Name;
        var status = new V1StatefulSetStatus
        {
            ObservedGeneration = set.Metadata.Generation,
            Replicas = members.Count,
            ReadyReplicas = ready.Count,
            AvailableReplicas = ready.Count(p => AvailableIn(p, set) is null),
            UpdatedReplicas = updated,
            CurrentReplicas = alive.Count(p => StatefulSetPods.RevisionOf(p) == revision),
            CurrentRevision = revision,
            UpdateRevision = update.Name,
            CollisionCount = set.Status?.CollisionCount ?? 0,
        };
        if (set.Status is null || KubernetesJson.Write(set.Status) != KubernetesJson.Write(status))
        {
            var changed = KubernetesJson.Clone(set);
            changed.Status = status;
            await api.ReplaceStatusAsync(changed, ct).ConfigureAwait(false);
        }
    }
}
