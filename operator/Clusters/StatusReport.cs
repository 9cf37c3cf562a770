// Status from what was seen and what was done; pure, and the only place that derives it. Nothing in it is a memory except
// what must survive us: that the cluster was started, and since when an operation (or a failure) lasts.
using System.Globalization;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters;

/// <summary>Writes status.</summary>
public static class StatusReport
{
    /// <summary>The status after a step.</summary>
    public static CacheClusterStatus From(Observation seen, Step step, StepResult result)
    {
        var old = seen.Cluster.Status is { } before ? KubernetesJson.Clone(before) : new CacheClusterStatus();
        var operation = Operation(seen, step, result, old.Operation);
        var status = new CacheClusterStatus
        {
            ObservedGeneration = seen.Cluster.Metadata.Generation,
            Phase = Phase(seen, step, operation?.Type),
            PhaseReason = Reason(seen, step, result),
            Selector = Names.Selector(seen.Name),
            Image = StatefulSets.Image(seen),
            Version = seen.Members.Select(m => m.Report?.Version).FirstOrDefault(v => v is { Length: > 0 }) ?? old.Version,
            Shards = seen.Shards.Count,
            ReadyShards = seen.ShardIndexes.Count(s => IsReady(seen, s)),
            Nodes = seen.Members.Count(m => m.Pod is not null),
            ReadyNodes = string.Create(CultureInfo.InvariantCulture, $"{seen.Members.Count(m => m.Answers && m.IsReady)}/{seen.Members.Count}"),
            SlotsAssigned = seen.View.Answers.Count == 0 ? old.SlotsAssigned : seen.View.AssignedSlots,
            SlotsMigrating = seen.RunningTasks.Sum(t => t.Slots.Count),
            CurrentEpoch = seen.View.Answers.Count == 0 ? old.CurrentEpoch : (long)seen.View.Epoch,
            Bootstrap = Bootstrapped(seen, old),
            ShardStatus = [.. seen.ShardIndexes.Select(s => Shard(seen, s))],
            NodeStatus = [.. seen.Members.Select(Node)],
            Operation = operation,
            LastSuccessfulBackup = seen.LastBackup,
            Conditions = old.Conditions ?? [],
        };
        ConditionReport.Fill(status, seen, step, result);
        return status;
    }

    /// <summary>Whether the two say the same, leaving aside numbers that change by themselves.</summary>
    public static bool SaysTheSame(CacheClusterStatus a, CacheClusterStatus? b) => b is not null && Essence(a) == Essence(b);

    /// <summary>Whether they differ in more than how far an operation is.</summary>
    public static bool DiffersOnlyInProgress(CacheClusterStatus a, CacheClusterStatus? b)
    {
        if (b is null)
        {
            return false;
        }

        var (x, y) = (KubernetesJson.Clone(a), KubernetesJson.Clone(b));
        foreach (var status in new[] { x, y })
        {
            (status.PhaseReason, status.SlotsMigrating, status.CurrentEpoch) = (null, null, null);
            status.ShardStatus = null;
            status.Conditions?.ForEach(c => c.Message = null);
            if (status.Operation is { } operation)
            {
                (operation.Progress, operation.Tasks, operation.UpdatedAt) = (null, null, null);
                operation.Phase = operation.Phase == nameof(Step.Promote) ? operation.Phase : null;
            }
        }

        return Essence(x) == Essence(y);
    }

    private static string Essence(CacheClusterStatus status)
    {
        var copy = KubernetesJson.Clone(status);
        copy.ShardStatus?.ForEach(s => s.UsedMemory = null);
        return KubernetesJson.Write(copy);
    }

    private static BootstrapStatus? Bootstrapped(Observation seen, CacheClusterStatus old)
    {
        if (old.Bootstrap?.Completed == true)
        {
            return old.Bootstrap;
        }

        return seen.IsBootstrapped
            ? new BootstrapStatus { Completed = true, ClusterUID = seen.Cluster.Metadata.Uid, CompletedAt = seen.Now }
            : new BootstrapStatus { Completed = false };
    }

    private static ShardStatus Shard(Observation seen, int shard)
    {
        var primary = seen.PrimaryOf(shard);
        var slots = seen.SlotsOfShard(shard);
        var linked = seen.InShard(shard).Count(m => m.Report is { IsPrimary: false, IsLinked: true });
        return new ShardStatus
        {
            Index = shard,
            Primary = primary?.PodName,
            PrimaryNodeId = primary?.Report!.Id,
            Slots = slots.Count == 0 ? null : slots.ToString(),   // servers before 1.25 take an empty string for null and refuse it
            SlotCount = slots.Count,
            UsedMemory = primary?.Report!.UsedBytes,
            Replicas = string.Create(CultureInfo.InvariantCulture, $"{linked}/{seen.Spec.ReplicasPerShard}"),
        };
    }

    private static NodeStatus Node(Member member) => new()
    {
        Pod = member.PodName,
        NodeId = member.Report?.Id,
        Role = member.Report is null ? "Unreachable" : member.Report.IsPrimary ? "Primary" : "Replica",
        Address = member.Address?.ToString(),
        LinkStatus = member.Report is { IsPrimary: false } replica ? (replica.IsLinked ? "up" : "down") : null,
        MaxMemory = member.Report?.MaxBytes,
        TemplateHash = member.TemplateHash,
    };

    internal static bool IsReady(Observation seen, int shard) =>
        seen.PrimaryOf(shard) is not null && seen.InShard(shard).All(m => m.Answers && (m.Report!.IsPrimary || m.Report.IsLinked));

    private static OperationStatus? Operation(Observation seen, Step step, StepResult result, OperationStatus? old)
    {
        if (OperationType(seen, step, old) is not { } type)
        {
            return null;
        }

        var same = old?.Type == type;
        var phase = step.Phase;
        var left = type is "ScaleOut" or "ScaleIn" or "Rebalance" ? seen.SlotsToMove : 0;
        var total = Math.Max(left, same ? old!.Progress?.Total ?? 0 : 0);
        var attempt = result.HasFailed ? (same ? old!.Attempt ?? 0 : 0) + 1 : step.Attempt;
        var operation = new OperationStatus
        {
            Type = type,
            Phase = phase,
            Generation = seen.Cluster.Metadata.Generation,
            StartedAt = same ? old!.StartedAt : seen.Now,
            UpdatedAt = same && old!.Phase == phase && (old.Attempt ?? 0) == attempt ? old.UpdatedAt : seen.Now,
            Attempt = attempt == 0 ? null : attempt,
            Progress = total > 0 ? new ProgressStatus { Done = total - left, Total = total } : null,
            Tasks = [.. seen.RunningTasks.Select(t => new Api.V1.TaskStatus
            {
                Id = t.Id, Source = t.Source, Target = t.Target, Slots = t.Slots.ToString(), State = t.State, Error = t.Message.Length > 0 ? t.Message : null,
            })],
            LastError = result.Error ?? step.Error,
        };
        if (step is Step.ConfirmEmpty confirm)
        {
            var known = old?.EmptyAtEpoch == (long)confirm.Epoch;
            operation.EmptyAtEpoch = (long)confirm.Epoch;
            operation.EmptySince = known ? old!.EmptySince : seen.Now;
        }

        return operation;
    }

    private static string? OperationType(Observation seen, Step step, OperationStatus? old)
    {
        if (step is Step.Nothing or Step.Refuse)
        {
            return null;
        }

        if (!seen.IsBootstrapped)
        {
            return "Bootstrap";
        }

        if (step.Operation is { } named)
        {
            return named;
        }

        return seen.Shards.Keys.Any(seen.IsLeaving) ? "ScaleIn"
            : seen.ShardIndexes.Any(s => seen.SlotsOfShard(s).IsEmpty) && seen.View.AssignedSlots == HashSlot.Count
                && seen.ShardIndexes.Sum(s => seen.SlotsOfShard(s).Count) == HashSlot.Count ? "ScaleOut"
            : step is Step.ApplyObjects or Step.OwnVolumes ? old?.Type ?? "Update" : old?.Type is "Update" or "Resize" or "Bootstrap" ? old.Type : null;
    }

    private static string Phase(Observation seen, Step step, string? operation)
    {
        switch (step)
        {
            case Step.Nothing:
                return Phases.Healthy;
            case Step.Refuse { Reason: "Hibernated" }:
                return Phases.Hibernated;
            case Step.Refuse { Reason: "Paused" }:
                return Phases.Paused;
            case Step.Refuse { Reason: "SecretMissing" }:
                return Phases.WaitingForUser;
            case Step.Refuse when !seen.IsBootstrapped:
                return Phases.Failed;
            case Step.Refuse or Step.Wait { Reason: "InsufficientCapacity" }:
                return Phases.WaitingForUser;
            default:
                break;
        }

        if (!seen.IsBootstrapped)
        {
            return seen.Members.All(m => m.Report is null) ? Phases.Pending : seen.Restore is null ? Phases.Bootstrapping : Phases.Restoring;
        }

        if (ConditionReport.Unserved(seen) is { Count: > 0 } unserved)
        {
            return unserved.All(s => seen.InShard(s).Any(m => m.Answers)) ? Phases.FailingOver : Phases.Degraded;
        }

        return operation switch
        {
            "Bootstrap" => Phases.Bootstrapping,
            "ScaleOut" => Phases.ScalingOut,
            "ScaleIn" => Phases.ScalingIn,
            "Rebalance" => Phases.Rebalancing,
            "Hibernate" => Phases.Hibernated,
            "Repair" => Phases.Rebalancing,
            "Resize" => Phases.Resizing,
            "Update" => Phases.Updating,
            _ => Phases.Degraded,
        };
    }

    private static string Reason(Observation seen, Step step, StepResult result) =>
        result.Error is { } error ? $"{step.Why}: {error}"
        : step is Step.Nothing && seen.Memory.Refusal is { } refusal ? refusal : step.Why;
}
