// Nothing to do, yet not everything is well: say what is missing.
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters.Rules;

internal static class WaitForNodes
{
    public static Step? Next(Observation seen)
    {
        var missing = seen.Members.FirstOrDefault(m => !m.Answers || !m.IsReady || m.Report is { IsPrimary: false, IsLinked: false });
        if (missing is not null)
        {
            return new Step.Wait { Why = Describe(missing), Reason = "NodeNotReady" };
        }

        if (seen.View.AssignedSlots < HashSlot.Count)
        {
            return new Step.Wait
            {
                Why = $"{HashSlot.Count - seen.View.AssignedSlots} slots have no owner; the operator does not hand them out again",
                Reason = "SlotsUnassigned",
                LookAgain = TimeSpan.FromSeconds(5),
            };
        }

        return seen.View.DisputedSlots == 0 ? null : new Step.Wait { Why = $"nodes do not agree yet on the owner of {seen.View.DisputedSlots} slots" };
    }

    /// <summary>What a member lacks, for people.</summary>
    public static string Describe(Member member)
    {
        if (member.Pod is null)
        {
            return $"{member.PodName} does not exist yet";
        }

        if (member.IsTerminating)
        {
            return $"{member.PodName} is terminating";
        }

        var statuses = (member.Pod.Status?.InitContainerStatuses ?? []).Concat(member.Pod.Status?.ContainerStatuses ?? []);
        foreach (var status in statuses)
        {
            if (status.State?.Waiting is { Reason: { Length: > 0 } and not "PodInitializing" and not "ContainerCreating" } waiting)
            {
                var last = status.LastState?.Terminated;
                return $"{member.PodName}: container {status.Name} waits ({waiting.Reason}) {last?.Message ?? waiting.Message}".TrimEnd();
            }

            if (status.State?.Terminated is { ExitCode: not 0 } dead)
            {
                return $"{member.PodName}: container {status.Name} exited with {dead.ExitCode} {dead.Message}".TrimEnd();
            }
        }

        var unscheduled = member.Pod.Status?.Conditions?.Find(c => c is { Type: "PodScheduled", Status: "False" });
        if (unscheduled is not null)
        {
            return $"{member.PodName} is not scheduled: {unscheduled.Message}";
        }

        return member.Report is null
            ? $"{member.PodName} does not answer{(member.Error is null ? "" : ": " + member.Error)}"
            : !member.Report.IsPrimary && !member.Report.IsLinked ? $"{member.PodName} is not linked to its primary" : $"{member.PodName} is not ready";
    }
}
