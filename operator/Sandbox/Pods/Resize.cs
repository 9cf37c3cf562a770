// In-place resize: what changed, whether this node could grant it, and whether the container asks to be restarted for it.
// A process has no cgroup of its own here, so granting means recording: the status follows the spec.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal static class Resize
{
    public static bool IsSame(V1ResourceRequirements? a, V1ResourceRequirements? b) => IsSame(a?.Limits, b?.Limits) && IsSame(a?.Requests, b?.Requests);

    /// <returns>Why the node cannot grant it; null when it can.</returns>
    public static string? Refusal(V1ResourceRequirements? wanted, LocalControlPlaneOptions node)
    {
        foreach (var (resource, capacity) in new[] { ("cpu", node.NodeCpu), ("memory", node.NodeMemory) })
        {
            if (wanted?.Requests?.GetValueOrDefault(resource) is { } amount && Quantity.Parse(amount) > Quantity.Parse(capacity))
            {
                return $"Node didn't have enough capacity: {resource}, requested: {amount}, capacity: {capacity}";
            }
        }

        return null;
    }

    public static bool NeedsRestart(V1Container container, V1ResourceRequirements? from, V1ResourceRequirements? to) =>
        (container.ResizePolicy ?? []).Exists(policy => policy.RestartPolicy == "RestartContainer"
            && !(Quantity.AreEqual(from?.Limits?.GetValueOrDefault(policy.ResourceName), to?.Limits?.GetValueOrDefault(policy.ResourceName))
                && Quantity.AreEqual(from?.Requests?.GetValueOrDefault(policy.ResourceName), to?.Requests?.GetValueOrDefault(policy.ResourceName))));

    private static bool IsSame(Dictionary<string, string>? a, Dictionary<string, string>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a ?? []).All(e => Quantity.AreEqual(e.Value, b!.GetValueOrDefault(e.Key)));
}
