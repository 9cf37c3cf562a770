// Revisions of a StatefulSet's template: one ControllerRevision per distinct template, named after its hash, so that a pod
// below the partition can be made again as it was.

using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Controllers;

/// <summary>A template under its revision name.</summary>
internal sealed record StatefulSetRevision(string Name, V1PodTemplateSpec Template);

internal sealed class StatefulSetRevisions(IKubernetes api)
{
    /// <summary>The revision pods are at, and the one they should be at; the same outside an update.</summary>
    public async Task<(StatefulSetRevision Current, StatefulSetRevision Update)> LoadAsync(V1StatefulSet set, CancellationToken ct)
    {
        var known = await ListAsync(set, ct).ConfigureAwait(false);
        var update = new StatefulSetRevision(NameOf(set), set.Spec!.Template!);
        if (!known.Exists(r => r.Metadata.Name == update.Name))
        {
            await CreateAsync(set, update, known.Count == 0 ? 1 : known.Max(r => r.Revision) + 1, ct).ConfigureAwait(false);
        }

        var currentName = set.Status?.CurrentRevision;
        if (string.IsNullOrEmpty(currentName) || currentName == update.Name || known.Find(r => r.Metadata.Name == currentName) is not { Data: { } data })
        {
            return (update, update);
        }

        var template = data.GetProperty("spec").GetProperty("template").Deserialize<V1PodTemplateSpec>(KubernetesJson.Options)!;
        return (new StatefulSetRevision(currentName, template), update);
    }

    /// <summary>Removes the oldest revisions nobody is at beyond the history limit.</summary>
    public async Task TrimAsync(V1StatefulSet set, List<V1Pod> members, CancellationToken ct)
    {
        var inUse = members.Select(StatefulSetPods.RevisionOf).Append(set.Status?.CurrentRevision).Append(NameOf(set)).ToHashSet();
        var idle = (await ListAsync(set, ct).ConfigureAwait(false)).Where(r => !inUse.Contains(r.Metadata.Name)).OrderByDescending(r => r.Revision);
        foreach (var old in idle.Skip(set.Spec!.RevisionHistoryLimit ?? 10))
        {
            await api.DeleteAsync<V1ControllerRevision>(set.Metadata.Namespace, old.Metadata.Name!, ct: ct).ConfigureAwait(false);
        }
    }

    /// <summary>Name of the revision a set's template has.</summary>
    public static string NameOf(V1StatefulSet set) => $"{set.Metadata.Name}-{Hash(JsonSerializer.SerializeToNode(set.Spec!.Template, KubernetesJson.Options)!):x}";

    private static uint Hash(JsonNode node)
    {
        // FNV-1a over the JSON with members in order of their names: the same template is the same text however it was written.
        var hash = 2166136261;
        foreach (var c in Ordered(node)!.ToJsonString())
        {
            hash = (hash ^ c) * 16777619;
        }

        return hash;
    }

    private static JsonNode? Ordered(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => KeyValuePair.Create(e.Key, Ordered(e.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Ordered)]),
        _ => node?.DeepClone(),
    };

    private async Task<List<V1ControllerRevision>> ListAsync(V1StatefulSet set, CancellationToken ct)
    {
        var all = await api.ListAsync<V1ControllerRevision>(set.Metadata.Namespace, ct: ct).ConfigureAwait(false);
        return [.. all.Items.Where(r => Owners.IsControlledBy(r, set))];
    }

    private async Task CreateAsync(V1StatefulSet set, StatefulSetRevision revision, long number, CancellationToken ct)
    {
        var data = new JsonObject
        {
            ["spec"] = new JsonObject { ["template"] = JsonSerializer.SerializeToNode(revision.Template, KubernetesJson.Options) },
        };
        var made = new V1ControllerRevision
        {
            Metadata = new V1ObjectMeta
            {
                Namespace = set.Metadata.Namespace,
                Name = revision.Name,
                Labels = set.Spec!.Selector?.MatchLabels,
                OwnerReferences = [V1OwnerReference.To(set)],
            },
            Data = JsonSerializer.SerializeToElement(data),
            Revision = number,
        };
        try
        {
            await api.CreateAsync(made, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // Of a set of the same name that was deleted with its pods orphaned: take it over.
            var patch = new Dictionary<string, object> { ["metadata"] = new Dictionary<string, object> { ["ownerReferences"] = made.Metadata.OwnerReferences! } };
            await api.PatchAsync<V1ControllerRevision>(set.Metadata.Namespace, revision.Name, Patch.Merge(patch), ct: ct).ConfigureAwait(false);
        }
    }
}
