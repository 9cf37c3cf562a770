// The one word kubectl shows for a pod, from its phase, its containers' states and its deletion.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal static class PodStatus
{
    public static string Word(JsonObject pod)
    {
        var word = pod.Str("status", "reason") ?? pod.Str("status", "phase") ?? "Unknown";
        var initializing = Initializing(pod, ref word);
        if (!initializing) word = Running(pod, word);
        if (pod.At("metadata", "deletionTimestamp") is null) return word;
        return pod.Str("status", "reason") == "NodeLost" ? "Unknown" : "Terminating";
    }

    public static string Ready(JsonObject pod)
    {
        var total = pod.Arr("spec", "containers")?.Count ?? 0;
        var ready = Statuses(pod, "containerStatuses").Count(s => s.IsTrue("ready") && s.At("state", "running") is not null);
        return $"{ready}/{total}";
    }

    public static string Restarts(JsonObject pod, TimeProvider time)
    {
        var statuses = Statuses(pod, "containerStatuses").ToList();
        var count = statuses.Sum(s => s.Long("restartCount") ?? 0);
        var last = statuses.Select(s => s.Str("lastState", "terminated", "finishedAt")).Where(t => t is not null).OrderDescending(StringComparer.Ordinal).FirstOrDefault();
        return count == 0 || last is null ? $"{count}" : $"{count} ({Ages.Since(last, time)} ago)";
    }

    private static bool Initializing(JsonObject pod, ref string word)
    {
        var statuses = Statuses(pod, "initContainerStatuses").ToList();
        var total = pod.Arr("spec", "initContainers")?.Count ?? 0;
        for (var i = 0; i < statuses.Count; i++)
        {
            if (statuses[i].Obj("state", "terminated") is { } done && done.Long("exitCode") == 0) continue;
            if (statuses[i].Obj("state", "terminated") is { } failed) word = "Init:" + Ended(failed);
            else if (statuses[i].Str("state", "waiting", "reason") is { Length: > 0 } reason and not "PodInitializing") word = "Init:" + reason;
            else word = $"Init:{i}/{total}";
            return true;
        }
        return false;
    }

    private static string Running(JsonObject pod, string word)
    {
        var hasRunning = false;
        foreach (var status in Statuses(pod, "containerStatuses").Reverse())
        {
            if (status.Str("state", "waiting", "reason") is { Length: > 0 } waiting) word = waiting;
            else if (status.Obj("state", "terminated") is { } ended) word = Ended(ended);
            else if (status.IsTrue("ready") && status.At("state", "running") is not null) hasRunning = true;
        }
        if (word != "Completed" || !hasRunning) return word;
        var isReady = (pod.Arr("status", "conditions") ?? []).Any(c => c.Str("type") == "Ready" && c.Str("status") == "True");
        return isReady ? "Running" : "NotReady";
    }

    private static string Ended(JsonObject terminated)
    {
        if (terminated.Str("reason") is { Length: > 0 } reason) return reason;
        return terminated.Long("signal") is > 0 and var signal ? $"Signal:{signal}" : $"ExitCode:{terminated.Long("exitCode") ?? 0}";
    }

    private static IEnumerable<JsonNode?> Statuses(JsonObject pod, string list) => pod.Arr("status", list) ?? [];
}
