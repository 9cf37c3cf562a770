// Memory and live settings reach running nodes, replicas first, one node per pass. Growing raises the pod's limit before
// maxmemory, shrinking lowers maxmemory before the limit (MemoryPlan has already refused what would not fit), so at no
// moment may a node hold more than its pod allows. What cannot be done in place is left to RollNodes.
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Rules;

internal static class ResizeNodes
{
    private static readonly TimeSpan DeferredLimit = TimeSpan.FromSeconds(60);

    public static Step? Next(Observation seen)
    {
        if (!seen.IsBootstrapped)
        {
            return null;
        }

        var settings = NodeConfiguration.All(seen.Spec, seen.Memory.MaxBytes);
        foreach (var member in seen.Members.Where(m => m.Answers && !m.Report!.IsLoading).OrderBy(m => m.Report!.IsPrimary))
        {
            if (ForMember(seen, member, settings) is { } step)
            {
                return step;
            }
        }

        return null;
    }

    /// <summary>The pod's resources are not the ones in force.</summary>
    public static bool IsOff(Observation seen, Member member) =>
        member.Container is { } container && !Same(seen.Memory.Resources, container.Resources);

    /// <summary>The pod's resources are off, or stuck half-way, and only a new pod can mend that.</summary>
    public static bool NeedsNewPod(Observation seen, Member member) =>
        (IsOff(seen, member) && !CanResize(seen, member)) || IsInfeasible(seen, member);

    private static Step? ForMember(Observation seen, Member member, IReadOnlyDictionary<string, string> settings)
    {
        var report = member.Report!;
        var target = seen.Memory.MaxBytes;
        var shrinks = target != 0 && (report.MaxBytes == 0 || target < report.MaxBytes);
        var off = Different(report.Settings, settings);
        var resize = IsOff(seen, member) && CanResize(seen, member)
            ? new Step.ResizePod(member, seen.Memory.Resources!)
            {
                Why = $"resizing {member.PodName} in place to {Describe(seen.Memory.Resources)}", Operation = "Resize", LookAgain = TimeSpan.FromMilliseconds(400),
            }
            : null;
        if (!shrinks && resize is not null)
        {
            return resize;
        }

        if (!shrinks && !IsOff(seen, member) && !Runs(seen, member) && !IsInfeasible(seen, member))
        {
            return new Step.Wait { Why = $"waiting for {member.PodName} to be resized", Operation = "Resize", LookAgain = TimeSpan.FromMilliseconds(400) };
        }

        if (off.ContainsKey("maxmemory") && !shrinks && IsOff(seen, member) && !HasRoom(member, target))
        {
            off.Remove("maxmemory"); // only a new pod has the room: it reads the new value from its file
        }

        if (off.Count > 0)
        {
            return new Step.Configure(member, off)
            {
                Why = $"setting {string.Join(", ", off.Select(s => $"{s.Key} {s.Value}".Trim()))} on {member.PodName}",
                Operation = off.ContainsKey("maxmemory") ? "Resize" : "Update",
                LookAgain = TimeSpan.FromMilliseconds(300),
            };
        }

        return resize;
    }

    private static Dictionary<string, string> Different(IReadOnlyDictionary<string, string> have, IReadOnlyDictionary<string, string> want) =>
        want.Where(s => NodeConfiguration.IsLive(s.Key) && have.TryGetValue(s.Key, out var value) && !NodeConfiguration.IsSame(s.Value, value))
            .ToDictionary(s => s.Key, s => s.Value);

    private static bool CanResize(Observation seen, Member member)
    {
        if (!seen.Abilities.Resize || seen.Spec.Memory?.ResizePolicy == "Recreate" || seen.Memory.Resources is not { } wanted
            || member.Container?.Resources is not { } have || member.TemplateHash is null)
        {
            return false;
        }

        // Only amounts may change in place: a new or vanished kind of request or limit would change the pod's QoS class.
        return Keys(wanted.Limits).SequenceEqual(Keys(have.Limits)) && Keys(wanted.Requests).SequenceEqual(Keys(have.Requests))
            && Qos(wanted) == Qos(have)
            && Keys(wanted.Limits).Concat(Keys(wanted.Requests)).All(k => k is "cpu" or "memory" || Same(k, wanted, have));
    }

    private static bool IsInfeasible(Observation seen, Member member)
    {
        var pending = member.Pod?.Status?.Conditions?.Find(c => c is { Type: "PodResizePending", Status: "True" });
        return member.Pod?.Status?.Resize == "Infeasible" || pending?.Reason == "Infeasible"
            || (pending?.Reason == "Deferred" && pending.LastTransitionTime is { } since && seen.Now - since > DeferredLimit);
    }

    // What runs matches what was asked for; servers that do not say are believed.
    private static bool Runs(Observation seen, Member member) =>
        member.ContainerStatus?.Resources is not { } running || (seen.Memory.Resources is not { } wanted)
        || (Covers(wanted.Limits, running.Limits) && Covers(wanted.Requests, running.Requests));

    private static bool Covers(Dictionary<string, string>? wanted, Dictionary<string, string>? running) =>
        (wanted ?? []).All(w => running?.GetValueOrDefault(w.Key) is not { } value || Quantity.AreEqual(w.Value, value));

    private static bool HasRoom(Member member, long maxBytes) =>
        maxBytes > 0 && (member.Container?.Resources?.Limits?.GetValueOrDefault("memory") is not { } limit || Quantity.Bytes(limit) > maxBytes + (MemoryPlan.OverheadBytes / 2));

    private static bool Same(V1ResourceRequirements? a, V1ResourceRequirements? b) =>
        Same(a?.Limits, b?.Limits) && Same(a?.Requests, b?.Requests);

    private static bool Same(Dictionary<string, string>? a, Dictionary<string, string>? b) =>
        Keys(a).SequenceEqual(Keys(b)) && Keys(a).All(k => Quantity.AreEqual(a![k], b![k]));

    private static bool Same(string key, V1ResourceRequirements a, V1ResourceRequirements b) =>
        Quantity.AreEqual(a.Limits?.GetValueOrDefault(key), b.Limits?.GetValueOrDefault(key));

    private static IEnumerable<string> Keys(Dictionary<string, string>? amounts) => (amounts?.Keys ?? Enumerable.Empty<string>()).Order(StringComparer.Ordinal);

    private static string Qos(V1ResourceRequirements r) =>
        r is { Limits: null or { Count: 0 }, Requests: null or { Count: 0 } } ? "BestEffort"
        : new[] { "cpu", "memory" }.All(k => r.Limits?.GetValueOrDefault(k) is { } l && Quantity.AreEqual(l, r.Requests?.GetValueOrDefault(k) ?? l)) ? "Guaranteed" : "Burstable";

    private static string Describe(V1ResourceRequirements? r) =>
        r is null ? "no limits" : string.Join(", ", (r.Limits ?? []).Select(l => $"{l.Key} limit {l.Value}"));
}
