// All objects a cluster should consist of, and what distinguishes a wanted object from one that is there: a hash of the
// object as we built it, kept in an annotation. Equal hash = no write; so an idle operator writes nothing.
using System.Security.Cryptography;
using System.Text;
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

/// <summary>The desired objects of one pass.</summary>
/// <param name="Shared">Services, ConfigMap, Secret, budgets.</param>
/// <param name="Shards">StatefulSets by shard index.</param>
/// <param name="TemplateHash">What pods made from the current template carry.</param>
/// <param name="Settings">The nodes' settings.</param>
public sealed record DesiredObjects(
    IReadOnlyList<KubernetesObject> Shared, IReadOnlyDictionary<int, V1StatefulSet> Shards, string TemplateHash, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>Builds them.</summary>
    public static DesiredObjects For(Observation seen)
    {
        var settings = NodeConfiguration.All(seen.Spec, seen.Memory.MaxBytes);
        var templateHash = StatefulSets.TemplateHash(seen, settings);
        List<KubernetesObject> shared = [ConfigMaps.Nodes(seen, settings), Services.Headless(seen), Services.Clients(seen)];
        if (PasswordSecrets.For(seen) is { } secret)
        {
            shared.Add(secret);
        }

        if (seen.Abilities.DisruptionBudgets is { } budgets && seen.Spec.ReplicasPerShard > 0)
        {
            shared.AddRange(seen.ShardIndexes.Select(s => DisruptionBudgets.Shard(seen, s, budgets)));
        }

        var shards = seen.ShardIndexes.ToDictionary(s => s, s => StatefulSets.Shard(seen, s, templateHash));
        foreach (var obj in shared.Concat(shards.Values))
        {
            (obj.Metadata.Annotations ??= [])[Names.DesiredHash] = Hash(KubernetesJson.Write(obj));
        }

        return new(shared, shards, templateHash, settings);
    }

    /// <summary>Short hash of a text.</summary>
    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];

    /// <summary>Whether what is there is not what we last built.</summary>
    public static bool Differs(KubernetesObject wanted, IKubernetesObject? have) =>
        have?.Metadata.Annotations?.GetValueOrDefault(Names.DesiredHash) != wanted.Metadata.Annotations![Names.DesiredHash];

    internal static V1ObjectMeta Metadata(Observation seen, string name, Dictionary<string, string> labels) => new()
    {
        Name = name,
        Namespace = seen.Cluster.Metadata.Namespace,
        Labels = labels,
        OwnerReferences = [V1OwnerReference.To(seen.Cluster)],
    };
}
