// Derives a pod's status from its containers, the way kubelet does. Pure.

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed record PodView(V1Pod Pod, string? PodIP, IReadOnlyList<ContainerRun> Init, IReadOnlyList<ContainerRun> Main, DateTimeOffset Now)
{
    /// <summary>Set when the pod failed as a whole (deadline, eviction).</summary>
    public (string Reason, string Message)? Failure { get; init; }

    /// <summary>Why a resize cannot be made; null = none is pending.</summary>
    public string? ResizeRefused { get; init; }

    /// <summary>True once it is being deleted and everything has ended.</summary>
    public bool IsTerminated { get; init; }
}

internal static class PodStatusReport
{
    public static V1PodStatus From(PodView view)
    {
        var initialized = IsInitialized(view);
        var earlier = view.Pod.Status;
        return new V1PodStatus
        {
            Phase = Phase(view),
            Reason = view.Failure?.Reason,
            Message = view.Failure?.Message,
            HostIP = PodServices.HostIP,
            PodIP = view.PodIP,
            PodIPs = view.PodIP is { } ip ? [new V1PodIP { Ip = ip }] : null,
            StartTime = earlier?.StartTime ?? view.Now,
            InitContainerStatuses = view.Init.Count == 0 ? null : [.. view.Init.Select(c => c.Status(initialized))],
            ContainerStatuses = [.. view.Main.Select(c => c.Status(initialized))],
            Conditions = Conditions(view, initialized),
            Resize = view.ResizeRefused is null ? null : "Infeasible",
        };
    }

    public static bool IsInitialized(PodView view) => view.Init.All(c => c.IsSidecar ? c.IsRunning && c.IsStarted || c.HasEnded : c.HasSucceeded);

    public static string Phase(PodView view)
    {
        if (view.Failure is not null)
        {
            return "Failed";
        }

        var policy = view.Pod.Spec?.RestartPolicy ?? "Always";
        if (policy == "Never" && view.Init.Any(c => !c.IsSidecar && c.HasEnded && !c.HasSucceeded))
        {
            return "Failed";
        }

        if (!view.Main.All(c => c.IsRunning || c.Ended is not null))
        {
            return "Pending";
        }

        var over = view.IsTerminated || policy != "Always";
        if (over && view.Main.All(c => c.HasEnded && (view.IsTerminated || c.HasSucceeded || policy == "Never")))
        {
            return view.Main.All(c => c.HasSucceeded) ? "Succeeded" : "Failed";
        }

        return "Running";
    }

    private static List<V1PodCondition> Conditions(PodView view, bool initialized)
    {
        var phase = Phase(view);
        var unready = view.Main.Concat(view.Init.Where(c => c.IsSidecar)).Where(c => !(c.IsRunning && c.IsReady)).Select(c => c.Spec.Name).ToList();
        var gates = (view.Pod.Spec?.ReadinessGates ?? []).Select(g => g.ConditionType)
            .Where(type => view.Pod.Status?.Conditions?.Exists(c => c.Type == type && c.Status == "True") != true).ToList();
        var (reason, message) = phase switch
        {
            "Succeeded" => ("PodCompleted", null),
            "Failed" => ("PodFailed", null),
            _ when unready.Count > 0 => ("ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]"),
            _ => ((string?)null, (string?)null),
        };
        var containersReady = phase == "Running" && unready.Count == 0;
        var ours = new List<V1PodCondition>
        {
            Condition("Initialized", initialized, initialized ? null : "ContainersNotInitialized", null),
            Condition("Ready", containersReady && gates.Count == 0, containersReady && gates.Count > 0 ? "ReadinessGatesNotReady" : reason, message),
            Condition("ContainersReady", containersReady, reason, message),
            Condition("PodScheduled", true, null, null),
        };
        if (view.ResizeRefused is { } refused)
        {
            ours.Add(Condition("PodResizePending", true, "Infeasible", refused));
        }

        foreach (var condition in ours)
        {
            var before = view.Pod.Status?.Conditions?.Find(c => c.Type == condition.Type);
            condition.LastTransitionTime = before?.Status == condition.Status ? before.LastTransitionTime ?? view.Now : view.Now;
        }

        var foreign = (view.Pod.Status?.Conditions ?? []).Where(c => c.Type != "PodResizePending" && !ours.Exists(o => o.Type == c.Type));
        return [.. ours, .. foreign];
    }

    private static V1PodCondition Condition(string type, bool holds, string? reason, string? message) =>
        new() { Type = type, Status = holds ? "True" : "False", Reason = reason, Message = message };
}
