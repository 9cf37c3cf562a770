// Binds pods to our nodes: a small scheduler that honours what the operator relies on (cordons, taints, node selectors,
// requests against capacity, required anti-affinity by host) and spreads the rest evenly.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal static class Scheduler
{
    /// <summary>The best node, or why none will do.</summary>
    /// <param name="bound">Pods already on nodes, by node name.</param>
    public static (string? Node, string Why) Choose(V1Pod pod, IReadOnlyList<V1Node> nodes, ILookup<string, V1Pod> bound)
    {
        var reasons = new List<string>();
        V1Node? best = null;
        var fewest = int.MaxValue;
        foreach (var node in nodes.OrderBy(n => n.Metadata.Name, StringComparer.Ordinal))
        {
            var there = bound[node.Metadata.Name!].ToList();
            if (Objection(pod, node, there) is { } objection)
            {
                reasons.Add(objection);
                continue;
            }

            // Pods of the same controller weigh more than others: replicas of one thing spread first.
            var siblings = there.Count(p => SameController(p, pod));
            var weight = (siblings * 1000) + there.Count;
            if (weight < fewest)
            {
                (best, fewest) = (node, weight);
            }
        }

        return best is not null
            ? (best.Metadata.Name, "")
            : (null, $"0/{nodes.Count} nodes are available: {string.Join(", ", reasons.GroupBy(r => r).Select(g => $"{g.Count()} {g.Key}"))}.");
    }

    private static string? Objection(V1Pod pod, V1Node node, List<V1Pod> there)
    {
        if (node.Spec?.Unschedulable == true)
        {
            return "node(s) were unschedulable";
        }

        if ((node.Spec?.Taints ?? []).Exists(t => t.Effect is "NoSchedule" or "NoExecute"
            && !t.Key.StartsWith("node.kubernetes.io/", StringComparison.Ordinal) && !Tolerates(pod, t)))
        {
            return "node(s) had untolerated taint";
        }

        if ((pod.Spec!.NodeSelector ?? []).Any(e => node.Metadata.Labels?.GetValueOrDefault(e.Key) != e.Value))
        {
            return "node(s) didn't match Pod's node affinity/selector";
        }

        foreach (var resource in (string[])["cpu", "memory"])
        {
            var capacity = node.Status?.Allocatable?.GetValueOrDefault(resource);
            if (capacity is not null && there.Where(IsActive).Append(pod).Sum(p => Requested(p, resource)) > Quantity.Parse(capacity))
            {
                return $"Insufficient {resource}";
            }
        }

        return Repels(pod, there) ? "node(s) didn't match pod anti-affinity rules" : null;
    }

    private static bool Repels(V1Pod pod, List<V1Pod> there) =>
        (pod.Spec!.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? []).Exists(term =>
            term.TopologyKey == "kubernetes.io/hostname"
            && there.Exists(other => IsActive(other)
                && (term.Namespaces is { Count: > 0 } namespaces ? namespaces.Contains(other.Metadata.Namespace!) : other.Metadata.Namespace == pod.Metadata.Namespace)
                && term.LabelSelector?.Matches(other.Metadata.Labels) == true));

    private static bool Tolerates(V1Pod pod, V1Taint taint) => (pod.Spec!.Tolerations ?? []).Exists(t =>
        (string.IsNullOrEmpty(t.Effect) || t.Effect == taint.Effect)
        && (t.Operator == "Exists" ? string.IsNullOrEmpty(t.Key) || t.Key == taint.Key : t.Key == taint.Key && (t.Value ?? "") == (taint.Value ?? "")));

    private static decimal Requested(V1Pod pod, string resource) => pod.Spec!.Containers.Sum(c =>
        (c.Resources?.Requests ?? c.Resources?.Limits)?.GetValueOrDefault(resource) is { } amount && Quantity.TryParse(amount, out var value) ? value : 0);

    private static bool IsActive(V1Pod pod) => pod.Status?.Phase is not ("Succeeded" or "Failed");

    private static bool SameController(V1Pod a, V1Pod b) =>
        a.Metadata.OwnerReferences?.Find(o => o.Controller == true)?.Uid is { } uid && uid == b.Metadata.OwnerReferences?.Find(o => o.Controller == true)?.Uid;
}
