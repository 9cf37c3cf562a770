// Columns of workloads, policies and storage classes.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal static class WorkloadColumns
{
    public static readonly IReadOnlyList<Column> StatefulSet =
    [
        Column.ObjectName,
        Cells.Text("Ready", tree => $"{tree.Long("status", "readyReplicas") ?? 0}/{tree.Long("spec", "replicas") ?? 0}"),
        Column.Age,
        .. Cells.Template("spec", "template", "spec"),
    ];

    public static readonly IReadOnlyList<Column> ControllerRevision =
    [
        Column.ObjectName,
        Cells.Text("Controller", tree => (tree.Arr("metadata", "ownerReferences") ?? []).FirstOrDefault(o => o.IsTrue("controller")) is { } owner
            ? $"{owner.Str("kind")?.ToLowerInvariant()}.{owner.Str("apiVersion")?.Split('/')[0]}/{owner.Str("name")}" : Cells.None),
        Cells.Number("Revision", tree => tree.Long("revision")),
        Column.Age,
    ];

    public static readonly IReadOnlyList<Column> Deployment =
    [
        Column.ObjectName,
        Cells.Text("Ready", tree => $"{tree.Long("status", "readyReplicas") ?? 0}/{tree.Long("spec", "replicas") ?? 0}"),
        Cells.Number("Up-to-date", tree => tree.Long("status", "updatedReplicas")),
        Cells.Number("Available", tree => tree.Long("status", "availableReplicas")),
        Column.Age,
        .. Cells.Template("spec", "template", "spec"),
        Cells.Selector(),
    ];

    public static readonly IReadOnlyList<Column> ReplicaSet =
    [
        Column.ObjectName,
        Cells.Number("Desired", tree => tree.Long("spec", "replicas")),
        Cells.Number("Current", tree => tree.Long("status", "replicas")),
        Cells.Number("Ready", tree => tree.Long("status", "readyReplicas")),
        Column.Age,
        .. Cells.Template("spec", "template", "spec"),
        Cells.Selector(),
    ];

    public static readonly IReadOnlyList<Column> Job =
    [
        Column.ObjectName,
        Cells.Text("Status", JobStatus),
        Cells.Text("Completions", tree => tree.Long("spec", "completions") is { } wanted
            ? $"{tree.Long("status", "succeeded") ?? 0}/{wanted}"
            : $"{tree.Long("status", "succeeded") ?? 0}/1 of {tree.Long("spec", "parallelism") ?? 1}"),
        Cells.Text("Duration", Duration),
        Column.Age,
        .. Cells.Template("spec", "template", "spec"),
        Cells.Selector(),
    ];

    public static readonly IReadOnlyList<Column> CronJob =
    [
        Column.ObjectName,
        Cells.Text("Schedule", tree => tree.Str("spec", "schedule")),
        Cells.Text("Timezone", tree => Cells.At(tree, "spec", "timeZone")),
        Cells.Text("Suspend", tree => tree.IsTrue("spec", "suspend") ? "True" : "False"),
        Cells.Number("Active", tree => tree.Arr("status", "active")?.Count ?? 0),
        Cells.Text("Last Schedule", (tree, time) => tree.Str("status", "lastScheduleTime") is { } last ? Ages.Since(last, time) : Cells.None),
        Column.Age,
        .. Cells.Template("spec", "jobTemplate", "spec", "template", "spec"),
    ];

    public static readonly IReadOnlyList<Column> Budget =
    [
        Column.ObjectName,
        Cells.Text("Min Available", tree => tree.At("spec", "minAvailable").AsText() ?? "N/A"),
        Cells.Text("Max Unavailable", tree => tree.At("spec", "maxUnavailable").AsText() ?? "N/A"),
        Cells.Number("Allowed Disruptions", tree => tree.Long("status", "disruptionsAllowed")),
        Column.Age,
    ];

    public static readonly IReadOnlyList<Column> Lease =
        [Column.ObjectName, Cells.Text("Holder", tree => tree.Str("spec", "holderIdentity") ?? ""), Column.Age];

    public static readonly IReadOnlyList<Column> Binding =
    [
        Column.ObjectName,
        Cells.Text("Role", tree => $"{tree.Str("roleRef", "kind")}/{tree.Str("roleRef", "name")}"),
        Column.Age,
        Cells.Text("ServiceAccounts", tree => Cells.Join((tree.Arr("subjects") ?? []).Where(s => s.Str("kind") == "ServiceAccount").Select(s => $"{s.Str("namespace")}/{s.Str("name")}"), ""), 1),
    ];

    public static readonly IReadOnlyList<Column> StorageClass =
    [
        new("Name", "string", "name", "", 0, (tree, _) => tree.Str("metadata", "name")
            + (tree.Str("metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true" ? " (default)" : "")),
        Cells.Text("Provisioner", tree => tree.Str("provisioner")),
        Cells.Text("ReclaimPolicy", tree => tree.Str("reclaimPolicy")),
        Cells.Text("VolumeBindingMode", tree => tree.Str("volumeBindingMode")),
        Cells.Text("AllowVolumeExpansion", tree => tree.IsTrue("allowVolumeExpansion") ? "true" : "false"),
        Column.Age,
    ];

    private static string JobStatus(JsonObject tree)
    {
        foreach (var (type, word) in new[] { ("Complete", "Complete"), ("Failed", "Failed") })
            if (HasCondition(tree, type)) return word;
        if (tree.At("metadata", "deletionTimestamp") is not null) return "Terminating";
        if (HasCondition(tree, "Suspended")) return "Suspended";
        return HasCondition(tree, "FailureTarget") ? "FailureTarget" : HasCondition(tree, "SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private static bool HasCondition(JsonObject tree, string type) =>
        (tree.Arr("status", "conditions") ?? []).Any(c => c.Str("type") == type && c.Str("status") == "True");

    private static string Duration(JsonObject tree, TimeProvider time)
    {
        if (!DateTimeOffset.TryParse(tree.Str("status", "startTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var start)) return "";
        var ended = DateTimeOffset.TryParse(tree.Str("status", "completionTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end);
        return Ages.Text((ended ? end : time.GetUtcNow()) - start);
    }
}
