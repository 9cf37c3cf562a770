// How much memory a node gets: maxmemory from the spec, pod limits from the spec or derived from maxmemory, and whether a
// smaller maxmemory would still hold the data. A shrink that would not is refused as a whole: what runs stays in force.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

/// <summary>Memory and resources in force.</summary>
/// <param name="MaxBytes">maxmemory of every node; 0 = no limit.</param>
/// <param name="Resources">Requests and limits of the node container; null = none.</param>
/// <param name="Refusal">Why the spec's values are not the ones in force, or null.</param>
public sealed record MemoryPlan(long MaxBytes, V1ResourceRequirements? Resources, string? Refusal)
{
    /// <summary>What a node needs beside its data: runtime, buffers, connections.</summary>
    public const long OverheadBytes = 64L << 20;

    /// <summary>Share of the new maxmemory that data may fill when it shrinks, in percent.</summary>
    public const int ShrinkFillPercent = 85;

    /// <summary>Decides from the spec and what the nodes hold.</summary>
    public static MemoryPlan For(Observation seen)
    {
        var wanted = new MemoryPlan(MaxMemoryOf(seen.Spec), ResourcesOf(seen.Spec), null);
        if (Applied(seen) is not { } applied || wanted.MaxBytes == 0 || (applied.MaxBytes != 0 && wanted.MaxBytes >= applied.MaxBytes))
        {
            return wanted;
        }

        var allowed = wanted.MaxBytes / 100.0 * ShrinkFillPercent;
        var fullest = seen.Members.Where(m => m.Report is not null).MaxBy(m => m.Report!.UsedBytes);
        if (fullest is not null && fullest.Report!.UsedBytes > allowed)
        {
            var used = fullest.Report.UsedBytes;
            return applied with
            {
                Refusal = $"maxMemory {Quantity.FromBytes(wanted.MaxBytes)} refused: {fullest.PodName} uses {used} bytes, "
                    + $"{(long)(used - allowed)} bytes more than {ShrinkFillPercent}% of it; running on with {Quantity.FromBytes(applied.MaxBytes)}",
            };
        }

        var silent = seen.Members.FirstOrDefault(m => m.Report is null && seen.Shards.ContainsKey(m.Shard) && m.Pod is not null);
        return silent is null || !seen.IsBootstrapped
            ? wanted
            : applied with { Refusal = $"maxMemory {Quantity.FromBytes(wanted.MaxBytes)} waits: {silent.PodName} does not answer, so what it holds is unknown" };
    }

    /// <summary>maxmemory by the spec, in bytes; 0 when nothing limits it.</summary>
    public static long MaxMemoryOf(CacheClusterSpec spec)
    {
        if (spec.Memory?.MaxMemory is { } text && Quantity.TryParse(text, out _))
        {
            return Quantity.Bytes(text);
        }

        return spec.Resources?.Limits is { } limits && limits.TryGetValue("memory", out var limit) && Quantity.TryParse(limit.Text, out _)
            ? Quantity.Bytes(limit.Text) / 100 * (spec.Memory?.MaxMemoryPercent ?? 75)
            : 0;
    }

    /// <summary>Requests and limits by the spec; memory is derived from maxMemory where the spec names none.</summary>
    public static V1ResourceRequirements? ResourcesOf(CacheClusterSpec spec)
    {
        var requests = spec.Resources?.Requests?.ToDictionary(r => r.Key, r => r.Value.Text) ?? [];
        var limits = spec.Resources?.Limits?.ToDictionary(r => r.Key, r => r.Value.Text) ?? [];
        var max = MaxMemoryOf(spec);
        if (max > 0 && !limits.ContainsKey("memory") && !requests.ContainsKey("memory"))
        {
            var mebibytes = ((max * 100 / (spec.Memory?.MaxMemoryPercent ?? 75)) + OverheadBytes + (1L << 20) - 1) >> 20;
            limits["memory"] = Observation.Text(mebibytes) + "Mi";
            requests["memory"] = limits["memory"];
        }

        foreach (var (name, amount) in limits)
        {
            requests.TryAdd(name, amount); // as the API server does
        }

        return requests.Count + limits.Count == 0
            ? null
            : new V1ResourceRequirements { Requests = requests.Count > 0 ? requests : null, Limits = limits.Count > 0 ? limits : null };
    }

    private static MemoryPlan? Applied(Observation seen)
    {
        if (seen.Objects.GetValueOrDefault("ConfigMap/" + Names.Config(seen.Name))?.Metadata.Annotations?.GetValueOrDefault(Names.MaxMemory) is not { } text
            || !long.TryParse(text, out var bytes))
        {
            return null;
        }

        var container = seen.Shards.Values.FirstOrDefault()?.Spec?.Template?.Spec?.Containers.Find(c => c.Name == Names.NodeContainer);
        return new MemoryPlan(bytes, container?.Resources, null);
    }
}
