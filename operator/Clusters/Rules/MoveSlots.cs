// Drain and balance are one thing: shards that leave have target zero. Bounded moves, planned from what is owned now with
// moves under way counted as done; the id of a move is derived from what it moves, so a restarted operator sends the same
// one, and the node treats the repeat as known.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Nodes;
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters.Rules;

internal static class MoveSlots
{
    private static readonly TimeSpan WhileMoving = TimeSpan.FromMilliseconds(250);

    public static Step? Next(Observation seen)
    {
        if (!seen.IsBootstrapped)
        {
            return null;
        }

        var running = seen.RunningTasks;
        var left = seen.SlotsToMove;
        if (left == 0 && running.Count == 0)
        {
            return null;
        }

        var operation = Operation(seen);
        if (Obstacle(seen) is var (reason, why))
        {
            return new Step.Wait { Why = why, Operation = operation, Reason = reason };
        }

        var resharding = seen.Spec.Resharding ?? new ReshardingSpec();
        var shards = Loads(seen, running);
        var room = Math.Max(0, resharding.MaxConcurrentMoves - running.Count);
        var moves = room == 0 ? [] : SlotBalancer.Next([.. shards.Select(s => s.Load)], seen.SlotBytes, resharding.BatchSlots, room);
        var moving = running.Aggregate(SlotSet.Empty, (all, t) => all.Union(t.Slots));
        var planned = moves.Select(m => Transfer(seen, shards[m.Source].Primary!, shards[m.Target].Primary!, m.Slots)).ToList();
        if (planned.Contains(null))
        {
            // A node said who owns what a moment before that move ended: the next look sees it.
            return new Step.Wait { Why = $"{left} slots to move, the last move ended just now", Operation = operation, LookAgain = WhileMoving };
        }

        var transfers = planned.OfType<SlotTransfer>().Where(t => Invariants.AgainstMove(seen.View, t.Source.Report!.Id, t.Target.Report!.Id, t.Slots, moving) is null).ToList();
        if (transfers.Find(t => t.Attempt > 0) is { } again && Backoff(seen, again) is { } pause)
        {
            return pause with { Operation = operation };
        }

        if (transfers.Count > 0)
        {
            return new Step.MoveSlots(transfers)
            {
                Why = $"{left} slots to move: " + string.Join(", ", transfers.Select(t => $"{t.Slots.Count} from {t.Source} to {t.Target}")),
                Operation = operation,
                LookAgain = WhileMoving,
                Attempt = transfers.Max(t => t.Attempt),
            };
        }

        if (running.Count > 0)
        {
            return new Step.Wait { Why = $"{left} slots to move, {moving.Count} on their way", Operation = operation, LookAgain = WhileMoving };
        }

        var notReady = shards.FirstOrDefault(s => !s.Load.CanReceive && !s.Load.IsLeaving);
        return new Step.Wait
        {
            Why = $"{left} slots to move, waiting for shard {(notReady.Load is null ? "primaries" : Observation.Text(notReady.Index))} to be ready",
            Operation = operation,
            Reason = "ShardNotReady",
        };
    }

    private static string Operation(Observation seen) =>
        seen.Shards.Keys.Any(seen.IsLeaving) ? "ScaleIn" : seen.ShardIndexes.Any(s => seen.SlotsOfShard(s).IsEmpty) ? "ScaleOut"
            : seen.Cluster.Status?.Operation?.Type is { } type && type is "ScaleIn" or "ScaleOut" ? "ScaleOut" : "Rebalance";

    private static (string Reason, string Why)? Obstacle(Observation seen)
    {
        var resharding = seen.Spec.Resharding ?? new ReshardingSpec();
        if (resharding.Paused)
        {
            return ("ReshardingPaused", $"{seen.SlotsToMove} slots to move, but spec.resharding.paused is true");
        }

        if (seen.RunningBackup is { } backup)
        {
            return ("BackupRunning", $"{seen.SlotsToMove} slots to move, after backup {backup}");
        }

        if (seen.View.AssignedSlots < HashSlot.Count)
        {
            return ("SlotsUnassigned", $"{HashSlot.Count - seen.View.AssignedSlots} slots have no owner; none are moved until they have");
        }

        var answered = seen.ShardIndexes.Sum(s => seen.SlotsOfShard(s).Count);
        if (answered < HashSlot.Count)
        {
            return ("OwnerUnreachable", $"the owners of {HashSlot.Count - answered} slots do not answer; no slots are moved until they do");
        }

        var memory = seen.ShardIndexes.Where(s => seen.PrimaryOf(s) is not null)
            .Select(s => (Shard: s, Node: seen.PrimaryOf(s)!.Report!)).Select(s => new ShardMemory(s.Node.UsedBytes, s.Node.MaxBytes, seen.IsLeaving(s.Shard))).ToList();
        var check = DrainPlan.Check(memory, resharding.MaxMemoryPercentOnTarget);
        return check.Fits ? null : ("InsufficientCapacity",
            $"scale-in refused: each remaining shard would hold {check.ProjectedBytes} bytes, {check.ProjectedBytes - check.AllowedBytes} more than "
            + $"{resharding.MaxMemoryPercentOnTarget}% of its maxMemory ({Quantity.FromBytes(check.AllowedBytes)})");
    }

    private static List<(int Index, Member? Primary, ShardLoad Load)> Loads(Observation seen, IReadOnlyList<SlotTask> running)
    {
        var shards = new List<(int, Member?, ShardLoad)>();
        foreach (var shard in seen.ShardIndexes)
        {
            var members = seen.InShard(shard).Where(m => m.Report is not null).Select(m => m.Report!.Id).ToHashSet();
            var slots = seen.SlotsOfShard(shard);
            var busy = false;
            foreach (var task in running)
            {
                if (members.Contains(task.Source))
                {
                    slots = slots.Except(task.Slots);
                    busy = true;
                }
                else if (members.Contains(task.Target))
                {
                    slots = slots.Union(task.Slots);
                    busy = true;
                }
            }

            var primary = seen.PrimaryOf(shard);
            var ready = primary is not null && seen.InShard(shard).All(m => m == primary || m.Report is { IsLinked: true });
            shards.Add((shard, primary, new ShardLoad(primary?.Report!.Id ?? "", slots, seen.IsLeaving(shard), ready, busy || primary is null)));
        }

        return shards;
    }

    // Null when this very move has succeeded.
    private static SlotTransfer? Transfer(Observation seen, Member source, Member target, SlotSet slots)
    {
        // Epochs rise with every finished move, so the same slots moved again later are another task; failed attempts count too.
        var epoch = Math.Max(source.Report!.Answer.Myself.ConfigEpoch, target.Report!.Answer.Myself.ConfigEpoch);
        var subject = string.Create(CultureInfo.InvariantCulture, $"{seen.Cluster.Metadata.Uid}/{source.Report.Id}/{target.Report.Id}/{slots}/{epoch}");
        for (var attempt = 0; ; attempt++)
        {
            var id = Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{subject}/{attempt}"))));
            var ended = seen.Members.SelectMany(m => m.Report?.Tasks ?? []).Where(t => t.Id == id && !t.IsRunning).ToList();
            if (ended.Exists(t => t.HasSucceeded))
            {
                return null;
            }

            if (ended.Count == 0)
            {
                return new SlotTransfer(source, target, slots, id, attempt);
            }
        }
    }

    // A move that failed is tried again after 2, 4, 8... seconds, at most 5 minutes, counted from the moment status says so.
    private static Step.Wait? Backoff(Observation seen, SlotTransfer again)
    {
        var operation = seen.Cluster.Status?.Operation;
        var delay = TimeSpan.FromSeconds(Math.Min(300, Math.Pow(2, Math.Min(again.Attempt, 10))));
        if (operation?.Attempt == again.Attempt && operation.UpdatedAt is { } since && seen.Now - since >= delay)
        {
            return null;
        }

        var error = seen.Members.SelectMany(m => m.Report?.Tasks ?? [])
            .LastOrDefault(t => t.HasFailed && t.Slots.Equals(again.Slots) && t.Message.Length > 0)?.Message ?? "the node did not say why";
        return new Step.Wait
        {
            Why = $"moving {again.Slots.Count} slots from {again.Source} to {again.Target} failed {again.Attempt} times, next try after {delay.TotalSeconds:0} s: {error}",
            Reason = "MigrationFailed",
            Attempt = again.Attempt,
            Error = error,
        };
    }
}
