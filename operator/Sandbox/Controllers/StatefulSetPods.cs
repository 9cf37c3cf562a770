// Pods and claims of a StatefulSet: their names, labels and contents.

using System.Globalization;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Controllers;

internal sealed class StatefulSetPods(IKubernetes api, EventRecorder events)
{
    public const string PodNameLabel = "statefulset.kubernetes.io/pod-name";
    public const string RevisionLabel = "controller-revision-hash";

    /// <summary>The ordinal in a pod's name; null when the pod is not named after the set.</summary>
    public static int? Ordinal(V1StatefulSet set, V1Pod pod)
    {
        var prefix = set.Metadata.Name + "-";
        return pod.Metadata.Name!.StartsWith(prefix, StringComparison.Ordinal)
            && int.TryParse(pod.Metadata.Name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) ? ordinal : null;
    }

    public static string? RevisionOf(V1Pod pod) => pod.Metadata.Labels?.GetValueOrDefault(RevisionLabel);

    public static bool IsReady(V1Pod pod) => pod.Status is { Phase: "Running" } && pod.Status.Conditions?.Exists(c => c is { Type: "Ready", Status: "True" }) == true;

    public async Task CreateAsync(V1StatefulSet set, int ordinal, StatefulSetRevision revision, CancellationToken ct)
    {
        await EnsureClaimsAsync(set, ordinal, ct).ConfigureAwait(false);
        var pod = Make(set, ordinal, revision);
        try
        {
            await api.CreateAsync(pod, ct).ConfigureAwait(false);
            events.Normal(set, "SuccessfulCreate", $"create Pod {pod.Metadata.Name} in StatefulSet {set.Metadata.Name} successful");
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // Made by an earlier pass, or a stranger has the name; the pod's event brings us back.
        }
        catch (KubernetesException e)
        {
            events.Warning(set, "FailedCreate", $"create Pod {pod.Metadata.Name} in StatefulSet {set.Metadata.Name} failed: {e.Message}");
            throw;
        }
    }

    public async Task DeleteAsync(V1StatefulSet set, V1Pod pod, string why, CancellationToken ct)
    {
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            return;
        }

        try
        {
            if (await api.DeleteAsync<V1Pod>(pod.Metadata.Namespace, pod.Metadata.Name!, new DeleteOptions { Uid = pod.Metadata.Uid }, ct).ConfigureAwait(false))
            {
                events.Normal(set, "SuccessfulDelete", why);
            }
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            // Another pod has the name by now.
        }
    }

    /// <summary>Creates the claims of an ordinal that are missing. Existing ones are never changed.</summary>
    public async Task EnsureClaimsAsync(V1StatefulSet set, int ordinal, CancellationToken ct)
    {
        foreach (var template in set.Spec!.VolumeClaimTemplates ?? [])
        {
            var name = ClaimName(set, template, ordinal);
            if (await api.GetAsync<V1PersistentVolumeClaim>(set.Metadata.Namespace, name, ct).ConfigureAwait(false) is not null)
            {
                continue;
            }

            var claim = KubernetesJson.Clone(template);
            claim.ApiVersion = "v1";
            claim.Kind = "PersistentVolumeClaim";
            claim.Status = null;
            claim.Metadata = new V1ObjectMeta
            {
                Namespace = set.Metadata.Namespace,
                Name = name,
                Annotations = template.Metadata.Annotations,
                Labels = Merge(template.Metadata.Labels, set.Spec.Selector?.MatchLabels),
            };
            await api.CreateAsync(claim, ct).ConfigureAwait(false);
            events.Normal(set, "SuccessfulCreate", $"create Claim {name} Pod {set.Metadata.Name}-{ordinal} in StatefulSet {set.Metadata.Name} success");
        }
    }

    private static string ClaimName(V1StatefulSet set, V1PersistentVolumeClaim template, int ordinal) =>
        string.Create(CultureInfo.InvariantCulture, $"{template.Metadata.Name}-{set.Metadata.Name}-{ordinal}");

    private static V1Pod Make(V1StatefulSet set, int ordinal, StatefulSetRevision revision)
    {
        var template = KubernetesJson.Clone(revision.Template);
        var name = string.Create(CultureInfo.InvariantCulture, $"{set.Metadata.Name}-{ordinal}");
        var labels = Merge(template.Metadata?.Labels, null);
        labels[PodNameLabel] = name;
        labels[RevisionLabel] = revision.Name;
        labels["apps.kubernetes.io/pod-index"] = ordinal.ToString(CultureInfo.InvariantCulture);
        var spec = template.Spec!;
        spec.Hostname = name;
        spec.Subdomain = set.Spec!.ServiceName;
        var claims = set.Spec.VolumeClaimTemplates ?? [];
        spec.Volumes =
        [
            .. claims.Select(c => new V1Volume
            {
                Name = c.Metadata.Name!,
                PersistentVolumeClaim = new V1PersistentVolumeClaimVolumeSource { ClaimName = ClaimName(set, c, ordinal) },
            }),
            .. (spec.Volumes ?? []).Where(v => !claims.Exists(c => c.Metadata.Name == v.Name)),
        ];
        return new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Namespace = set.Metadata.Namespace,
                Name = name,
                Labels = labels,
                Annotations = template.Metadata?.Annotations,
                OwnerReferences = [V1OwnerReference.To(set)],
                Finalizers = template.Metadata?.Finalizers,
            },
            Spec = spec,
        };
    }

    private static Dictionary<string, string> Merge(Dictionary<string, string>? a, Dictionary<string, string>? b)
    {
        var merged = new Dictionary<string, string>(a ?? []);
        foreach (var (key, value) in b ?? [])
        {
            merged[key] = value;
        }

        return merged;
    }
}
