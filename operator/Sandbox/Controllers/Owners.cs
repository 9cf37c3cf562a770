// Ownership arithmetic shared by the controllers: who controls an object, and how orphans are adopted and strays released.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Controllers;

internal static class Owners
{
    public static V1OwnerReference? ControllerOf(IKubernetesObject o) => o.Metadata.OwnerReferences?.Find(r => r.Controller == true);

    public static bool IsControlledBy(IKubernetesObject o, IKubernetesObject owner) => ControllerOf(o)?.Uid == owner.Metadata.Uid;

    /// <summary>
    /// The pods an owner controls: those that carry its reference and still match, plus orphans that match, adopted on the
    /// spot. Pods of ours that no longer match are released.
    /// </summary>
    public static async Task<List<V1Pod>> ClaimAsync(
        IKubernetes api, IKubernetesObject owner, V1LabelSelector? selector, IEnumerable<V1Pod> candidates, Func<V1Pod, bool> fits, CancellationToken ct)
    {
        var ours = new List<V1Pod>();
        foreach (var pod in candidates.Where(p => p.Metadata.Namespace == owner.Metadata.Namespace))
        {
            var matches = selector?.Matches(pod.Metadata.Labels) == true && fits(pod);
            var controller = ControllerOf(pod);
            if (controller?.Uid == owner.Metadata.Uid)
            {
                if (matches)
                {
                    ours.Add(pod);
                }
                else if (pod.Metadata.DeletionTimestamp is null && owner.Metadata.DeletionTimestamp is null)
                {
                    await SetOwnersAsync(api, pod, [.. pod.Metadata.OwnerReferences!.Where(r => r.Uid != owner.Metadata.Uid)], ct).ConfigureAwait(false);
                }
            }
            else if (controller is null && matches && pod.Metadata.DeletionTimestamp is null && owner.Metadata.DeletionTimestamp is null)
            {
                ours.Add(await SetOwnersAsync(api, pod, [.. pod.Metadata.OwnerReferences ?? [], V1OwnerReference.To(owner)], ct).ConfigureAwait(false));
            }
        }

        return ours;
    }

    /// <summary>Replaces the owner references, only if the object is still the one and the version that was read.</summary>
    public static Task<V1Pod> SetOwnersAsync(IKubernetes api, V1Pod pod, List<V1OwnerReference> owners, CancellationToken ct) =>
        api.PatchAsync<V1Pod>(
            pod.Metadata.Namespace,
            pod.Metadata.Name!,
            Patch.Merge(new Dictionary<string, object>
            {
                ["metadata"] = new Dictionary<string, object?>
                {
                    ["uid"] = pod.Metadata.Uid,
                    ["resourceVersion"] = pod.Metadata.ResourceVersion,
                    ["ownerReferences"] = owners,
                },
            }),
            ct: ct);
}
