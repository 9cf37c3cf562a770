// The conditions of a cluster: standing answers to questions people and scripts ask, each with the generation it speaks of.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Clusters.Rules;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters;

internal static class ConditionReport
{
    /// <summary>Sets every condition of <paramref name="status"/>; its phase is set already.</summary>
    public static void Fill(CacheClusterStatus status, Observation seen, Step step, StepResult result)
    {
        void Set(string type, bool? holds, string reason, string message) =>
            Conditions.Set(status.Conditions!, type, holds, reason, message, seen.Cluster.Metadata.Generation, seen.Now);

        var refused = step as Step.Refuse;
        Set(Conditions.SpecAccepted, refused is null or { Reason: "Paused" or "Hibernated" }, refused?.Reason ?? "Accepted", refused?.Why ?? "the spec can be carried out");
        Set(Conditions.Ready, status.Phase == Phases.Healthy, status.Phase!, status.PhaseReason!);
        Set(Conditions.Progressing, status.Operation is not null, status.Operation?.Type ?? "Idle", status.Operation is null ? "nothing to do" : step.Why);

        var started = seen.IsBootstrapped;
        Set(Conditions.Bootstrapped, started, started ? "Completed" : refused?.Reason ?? "InProgress", started ? "the cluster was started" : status.PhaseReason!);
        FillSlots(seen, step, Set);
        FillNodes(seen, Set);
        FillUsers(seen, Set);
        FillStorage(seen, result, step, Set);

        var broken = result.HasFailed || step is Step.Wait { Reason: "MigrationFailed" or "RollBlocked" or "RemovalBlocked" or "SlotsUnassigned" or "OwnerUnreachable" }
            || status.Phase == Phases.Degraded;
        Set(Conditions.Degraded, broken,
            !broken ? "AsExpected" : result.HasFailed ? "StepFailed" : (step as Step.Wait)?.Reason ?? "NodeNotReady",
            broken ? status.PhaseReason! : "nothing needs a hand");
        if (seen.LastBackupError is not null || seen.LastBackup is not null)
        {
            Set(Conditions.LastBackupSucceeded, seen.LastBackupError is null, seen.LastBackupError is null ? "Completed" : "Failed",
                seen.LastBackupError ?? "the last backup is complete");
        }
    }

    /// <summary>Shards that own slots, or should, and whose owner does not answer.</summary>
    public static IReadOnlyList<int> Unserved(Observation seen) =>
        [.. seen.ShardIndexes.Where(s => seen.Shards.ContainsKey(s) && seen.SlotsOfShard(s).IsEmpty && OwnersAreSilent(seen) && seen.PrimaryOf(s) is null)
            .Concat(seen.ShardIndexes.Where(s => seen.InShard(s).Any(m => m.Report is { IsPrimary: true } && m.IsTerminating && !seen.View.SlotsOf(m.Report.Id).IsEmpty))).Distinct()];

    private static bool OwnersAreSilent(Observation seen) => seen.ShardIndexes.Sum(s => seen.SlotsOfShard(s).Count) < HashSlot.Count;

    private static void FillSlots(Observation seen, Step step, Action<string, bool?, string, string> set)
    {
        var assigned = seen.View.AssignedSlots;
        set(Conditions.SlotsAssigned, assigned == HashSlot.Count, assigned == HashSlot.Count ? "AllAssigned" : "SlotsUnassigned",
            $"{assigned} of {HashSlot.Count} slots have an owner");
        var served = seen.ShardIndexes.Sum(s => seen.SlotsOfShard(s).Count);
        var ok = seen.Members.Where(m => m.Report is { IsPrimary: true }).All(m => m.Report!.SeesClusterOk);
        set(Conditions.Available, served == HashSlot.Count && ok, served < HashSlot.Count ? "OwnersMissing" : ok ? "AllServed" : "ClusterDown",
            $"{served} of {HashSlot.Count} slots are served");
        var left = seen.SlotsToMove;
        var reason = step is Step.Wait { Reason: { } why and ("InsufficientCapacity" or "MigrationFailed" or "ReshardingPaused" or "BackupRunning" or "ShardNotReady") } ? why : "Moving";
        set(Conditions.SlotsBalanced, left == 0 && assigned == HashSlot.Count, left == 0 ? "Balanced" : reason,
            left == 0 ? "slots are spread evenly" : step is Step.Wait { Reason: not null } ? step.Why : $"{left} slots to move");
    }

    private static void FillStorage(Observation seen, StepResult result, Step step, Action<string, bool?, string, string> set)
    {
        if (!StatefulSets.IsPersistent(seen.Spec))
        {
            return;
        }

        var small = GrowVolumes.Unfinished(seen);
        var refused = step is Step.GrowVolumes && result.HasFailed;
        set(Conditions.StorageReady, small.Count == 0, small.Count == 0 ? "Ready" : refused ? "Refused" : "Growing",
            small.Count == 0 ? "every volume has the size asked for"
            : refused ? result.Error! : $"{small.Count} volumes are smaller than {GrowVolumes.Size(seen.Spec)}, first {small[0].Metadata.Name}");
    }

    private static void FillUsers(Observation seen, Action<string, bool?, string, string> set)
    {
        if (seen.Spec.Auth is null && seen.Auth.Stored is null)
        {
            return;
        }

        var outdated = ApplyPassword.Settings.SelectMany(s => ApplyPassword.Outdated(seen, s)).Distinct().Count();
        set(Conditions.UsersApplied, seen.Auth.Problem is null && outdated == 0,
            seen.Auth.Problem is not null ? "SecretMissing" : outdated > 0 ? "Rotating" : "Applied",
            seen.Auth.Problem is { } problem ? problem + (seen.Auth.Password.Length > 0 ? "; the last password stays in force" : "")
            : outdated > 0 ? $"{outdated} nodes do not have the password yet"
            : seen.Auth.Password.Length > 0 ? "every node asks for the password of the Secret" : "no password is asked for");
    }

    private static void FillNodes(Observation seen, Action<string, bool?, string, string> set)
    {
        var unlinked = seen.Members.FirstOrDefault(m => !m.Answers || m.Report is { IsPrimary: false, IsLinked: false });
        set(Conditions.ReplicationHealthy, unlinked is null, unlinked is null ? "AllLinked" : "NodeMissing",
            unlinked is null ? "every replica follows its primary" : WaitForNodes.Describe(unlinked));

        var hash = DesiredObjects.For(seen).TemplateHash;
        var old = seen.Members.Count(m => m.Pod is not null && RollNodes.NeedsNewPod(seen, m, hash));
        set(Conditions.UpToDate, old == 0, old == 0 ? "UpToDate" : "PodsToReplace", old == 0 ? "every pod is of the current template" : $"{old} pods to replace");

        var off = seen.Members.FirstOrDefault(m => m.Report is not null && (m.Report.MaxBytes != seen.Memory.MaxBytes || ResizeNodes.IsOff(seen, m)));
        if (seen.Memory.Refusal is { } refusal)
        {
            set(Conditions.ResourcesApplied, false, refusal.Contains("refused", StringComparison.Ordinal) ? "DataWouldNotFit" : "NodesUnknown", refusal);
        }
        else
        {
            set(Conditions.ResourcesApplied, off is null, off is null ? "Applied" : "Resizing",
                off is null ? $"every node runs with maxmemory {seen.Memory.MaxBytes}" : $"{off.PodName} is still to be resized");
        }
    }
}
