// Columns of the core types, as `kubectl get` shows them against a real cluster.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Tables;

internal static class CoreColumns
{
    public static readonly IReadOnlyList<Column> Namespace =
        [Column.ObjectName, Cells.Text("Status", tree => tree.Str("status", "phase")), Column.Age];

    public static readonly IReadOnlyList<Column> Pod =
    [
        Column.ObjectName,
        Cells.Text("Ready", PodStatus.Ready),
        Cells.Text("Status", PodStatus.Word),
        Cells.Text("Restarts", PodStatus.Restarts),
        Column.Age,
        Cells.Text("IP", tree => Cells.At(tree, "status", "podIP"), 1),
        Cells.Text("Node", tree => Cells.At(tree, "spec", "nodeName"), 1),
        Cells.Text("Nominated Node", tree => Cells.At(tree, "status", "nominatedNodeName"), 1),
        Cells.Text("Readiness Gates", _ => Cells.None, 1),
    ];

    public static readonly IReadOnlyList<Column> Service =
    [
        Column.ObjectName,
        Cells.Text("Type", tree => tree.Str("spec", "type")),
        Cells.Text("Cluster-IP", tree => Cells.At(tree, "spec", "clusterIP")),
        Cells.Text("External-IP", ExternalAddress),
        Cells.Text("Port(s)", tree => Cells.Join((tree.Arr("spec", "ports") ?? []).Select(Port))),
        Column.Age,
        Cells.Text("Selector", tree => Cells.Join((tree.Obj("spec", "selector") ?? []).Select(p => $"{p.Key}={p.Value.AsString()}").Order(StringComparer.Ordinal)), 1),
    ];

    public static readonly IReadOnlyList<Column> Endpoints = [Column.ObjectName, Cells.Text("Endpoints", Addresses), Column.Age];

    public static readonly IReadOnlyList<Column> ConfigMap =
        [Column.ObjectName, Cells.Number("Data", tree => (tree.Obj("data")?.Count ?? 0) + (tree.Obj("binaryData")?.Count ?? 0)), Column.Age];

    public static readonly IReadOnlyList<Column> Secret =
        [Column.ObjectName, Cells.Text("Type", tree => tree.Str("type")), Cells.Number("Data", tree => tree.Obj("data")?.Count ?? 0), Column.Age];

    public static readonly IReadOnlyList<Column> Claim =
    [
        Column.ObjectName,
        Cells.Text("Status", tree => tree.At("metadata", "deletionTimestamp") is null ? tree.Str("status", "phase") : "Terminating"),
        Cells.Text("Volume", tree => tree.Str("spec", "volumeName") ?? ""),
        Cells.Text("Capacity", tree => tree.At("status", "capacity", "storage").AsText() ?? ""),
        Cells.Text("Access Modes", tree => Modes(tree.Arr("status", "accessModes"))),
        Cells.Text("StorageClass", tree => tree.Str("spec", "storageClassName") ?? ""),
        Cells.Text("VolumeAttributesClass", tree => tree.Str("spec", "volumeAttributesClassName") ?? "<unset>"),
        Column.Age,
        Cells.Text("VolumeMode", tree => tree.Str("spec", "volumeMode"), 1),
    ];

    public static readonly IReadOnlyList<Column> Volume =
    [
        Column.ObjectName,
        Cells.Text("Capacity", tree => tree.At("spec", "capacity", "storage").AsText() ?? ""),
        Cells.Text("Access Modes", tree => Modes(tree.Arr("spec", "accessModes"))),
        Cells.Text("Reclaim Policy", tree => tree.Str("spec", "persistentVolumeReclaimPolicy")),
        Cells.Text("Status", tree => tree.At("metadata", "deletionTimestamp") is null ? tree.Str("status", "phase") : "Terminating"),
        Cells.Text("Claim", tree => tree.Obj("spec", "claimRef") is { } claim ? $"{claim.Str("namespace")}/{claim.Str("name")}" : ""),
        Cells.Text("StorageClass", tree => tree.Str("spec", "storageClassName") ?? ""),
        Cells.Text("VolumeAttributesClass", tree => tree.Str("spec", "volumeAttributesClassName") ?? "<unset>"),
        Cells.Text("Reason", tree => tree.Str("status", "reason") ?? ""),
        Column.Age,
        Cells.Text("VolumeMode", tree => tree.Str("spec", "volumeMode"), 1),
    ];

    public static readonly IReadOnlyList<Column> ServiceAccount =
        [Column.ObjectName, Cells.Number("Secrets", tree => tree.Arr("secrets")?.Count ?? 0), Column.Age];

    public static readonly IReadOnlyList<Column> Event =
    [
        Cells.Text("Last Seen", LastSeen),
        Cells.Text("Type", tree => tree.Str("type")),
        Cells.Text("Reason", tree => tree.Str("reason")),
        Cells.Text("Object", tree => $"{Involved(tree).Str("kind")?.ToLowerInvariant()}/{Involved(tree).Str("name")}"),
        Cells.Text("Subobject", tree => Involved(tree).Str("fieldPath") ?? "", 1),
        Cells.Text("Source", tree => tree.Str("source", "component") ?? tree.Str("reportingComponent") ?? tree.Str("reportingController") ?? "", 1),
        Cells.Text("Message", tree => (tree.Str("message") ?? tree.Str("note"))?.Trim()),
        Cells.Text("First Seen", (tree, time) => Ages.Since(tree.Str("firstTimestamp") ?? tree.Str("eventTime") ?? tree.Str("metadata", "creationTimestamp"), time), 1),
        Cells.Number("Count", tree => tree.Long("count") ?? tree.Long("series", "count") ?? 1, 1),
        new("Name", "string", "name", "", 1, (tree, _) => tree.Str("metadata", "name")),
    ];

    public static readonly IReadOnlyList<Column> Node =
    [
        Column.ObjectName,
        Cells.Text("Status", NodeStatus),
        Cells.Text("Roles", Roles),
        Column.Age,
        Cells.Text("Version", tree => tree.Str("status", "nodeInfo", "kubeletVersion") ?? ""),
        Cells.Text("Internal-IP", tree => Address(tree, "InternalIP"), 1),
        Cells.Text("External-IP", tree => Address(tree, "ExternalIP"), 1),
        Cells.Text("OS-Image", tree => tree.Str("status", "nodeInfo", "osImage") ?? "<unknown>", 1),
        Cells.Text("Kernel-Version", tree => tree.Str("status", "nodeInfo", "kernelVersion") ?? "<unknown>", 1),
        Cells.Text("Container-Runtime", tree => tree.Str("status", "nodeInfo", "containerRuntimeVersion") ?? "<unknown>", 1),
    ];

    private static string ExternalAddress(JsonObject tree) => tree.Str("spec", "type") switch
    {
        "ExternalName" => Cells.At(tree, "spec", "externalName"),
        "LoadBalancer" => Cells.Join((tree.Arr("status", "loadBalancer", "ingress") ?? []).Select(i => i.Str("ip") ?? i.Str("hostname")), "<pending>"),
        _ => Cells.Join((tree.Arr("spec", "externalIPs") ?? []).Select(i => i.AsString())),
    };

    private static string Port(JsonNode? port)
    {
        var node = port.Long("nodePort") is > 0 and var number ? $":{number}" : "";
        return $"{port.Long("port")}{node}/{port.Str("protocol") ?? "TCP"}";
    }

    private static string Addresses(JsonObject tree)
    {
        const int Shown = 3;
        var all = (tree.Arr("subsets") ?? []).SelectMany(subset => (subset.Arr("addresses") ?? []).SelectMany(address =>
            (subset.Arr("ports") ?? []).Select(port => $"{address.Str("ip")}:{port.Long("port")}"))).ToList();
        return all.Count <= Shown ? Cells.Join(all) : $"{string.Join(",", all.Take(Shown))} + {all.Count - Shown} more...";
    }

    private static string Modes(JsonArray? modes) => Cells.Join((modes ?? []).Select(m => m.AsString() switch
    {
        "ReadWriteOnce" => "RWO", "ReadOnlyMany" => "ROX", "ReadWriteMany" => "RWX", "ReadWriteOncePod" => "RWOP", var other => other,
    }), "");

    private static JsonObject? Involved(JsonObject tree) => tree.Obj("involvedObject") ?? tree.Obj("regarding");

    private static string LastSeen(JsonObject tree, TimeProvider time)
    {
        var last = tree.Str("series", "lastObservedTime") ?? tree.Str("lastTimestamp") ?? tree.Str("deprecatedLastTimestamp") ?? tree.Str("eventTime")
            ?? tree.Str("metadata", "creationTimestamp");
        return Ages.Since(last, time);
    }

    private static string NodeStatus(JsonObject tree)
    {
        var ready = (tree.Arr("status", "conditions") ?? []).FirstOrDefault(c => c.Str("type") == "Ready").Str("status");
        var word = ready switch { "True" => "Ready", null => "Unknown", _ => "NotReady" };
        return tree.IsTrue("spec", "unschedulable") ? word + ",SchedulingDisabled" : word;
    }

    private static string Roles(JsonObject tree)
    {
        const string Prefix = "node-role.kubernetes.io/";
        return Cells.Join((tree.Obj("metadata", "labels") ?? []).Where(l => l.Key.StartsWith(Prefix, StringComparison.Ordinal)).Select(l => l.Key[Prefix.Length..]));
    }

    private static string Address(JsonObject tree, string type) =>
        (tree.Arr("status", "addresses") ?? []).FirstOrDefault(a => a.Str("type") == type).Str("address") ?? Cells.None;
}
