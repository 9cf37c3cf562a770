// The defaults of a pod spec, shared by pods and by the templates inside StatefulSets, Deployments and Jobs.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal static class PodDefaults
{
    public static void ApplyToTemplate(JsonObject owner)
    {
        var template = owner.Ensure("template");
        Apply(template.Ensure("spec"));
    }

    public static void Apply(JsonObject spec)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("schedulerName", "default-scheduler");
        spec.Default("terminationGracePeriodSeconds", 30);
        spec.Default("securityContext", new JsonObject());
        if (spec.Str("serviceAccountName") is { } account) spec.Default("serviceAccount", account);
        foreach (var list in new[] { "containers", "initContainers" })
            foreach (var container in spec.Arr(list) ?? [])
                if (container is JsonObject each) Container(each);
        foreach (var volume in spec.Arr("volumes") ?? [])
            if (volume is JsonObject each) Volume(each);
        foreach (var toleration in spec.Arr("tolerations") ?? [])
            if (toleration is JsonObject each && each["tolerationSeconds"] is null && each["key"] is null) each.Default("operator", "Exists");
    }

    public static void Validate(JsonObject? spec, string path, FieldErrors errors)
    {
        if (spec.Arr("containers") is not { Count: > 0 } containers)
        {
            errors.Required($"{path}.containers");
            return;
        }
        var names = new HashSet<string>();
        ValidateList(containers, $"{path}.containers");
        ValidateList(spec.Arr("initContainers") ?? [], $"{path}.initContainers");
        if (spec.Str("restartPolicy") is { } policy and not ("Always" or "OnFailure" or "Never"))
            errors.NotSupported($"{path}.restartPolicy", policy, ["Always", "OnFailure", "Never"]);

        void ValidateList(JsonArray list, string at)
        {
            for (var i = 0; i < list.Count; i++)
            {
                var name = list[i].Str("name") ?? "";
                if (name.Length == 0) errors.Required($"{at}[{i}].name");
                else if (!Names.IsLabel(name)) errors.Invalid($"{at}[{i}].name", name, Names.LabelRule);
                else if (!names.Add(name)) errors.Duplicate($"{at}[{i}].name", name);
                if (string.IsNullOrEmpty(list[i].Str("image"))) errors.Required($"{at}[{i}].image");
                ValidateMounts(list[i], $"{at}[{i}].volumeMounts");
            }
        }

        void ValidateMounts(JsonNode? container, string at)
        {
            var known = (spec.Arr("volumes") ?? []).Select(v => v.Str("name")).ToHashSet();
            var mounts = container.Arr("volumeMounts") ?? [];
            for (var i = 0; i < mounts.Count; i++)
            {
                var name = mounts[i].Str("name") ?? "";
                if (path == "spec" && !known.Contains(name))
                    errors.Add(new Http.Cause("FieldValueNotFound", $"Not found: \"{name}\"", $"{at}[{i}].name"));
                if (string.IsNullOrEmpty(mounts[i].Str("mountPath"))) errors.Required($"{at}[{i}].mountPath");
            }
        }
    }

    private static void Container(JsonObject container)
    {
        container.Default("imagePullPolicy", PullPolicy(container.Str("image") ?? ""));
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        var resources = container.Ensure("resources");
        foreach (var part in new[] { "limits", "requests" })
            if (resources.Obj(part) is { } amounts) Stringify(amounts);
        foreach (var (name, amount) in resources.Obj("limits") ?? [])
            resources.Ensure("requests").Default(name, amount?.DeepClone());
        foreach (var port in container.Arr("ports") ?? []) (port as JsonObject)?.Default("protocol", "TCP");
        foreach (var probe in new[] { "livenessProbe", "readinessProbe", "startupProbe" })
            if (container.Obj(probe) is { } each) Probe(each);
        foreach (var variable in container.Arr("env") ?? [])
            variable.Obj("valueFrom", "fieldRef")?.Default("apiVersion", "v1");
    }

    private static void Probe(JsonObject probe)
    {
        probe.Default("timeoutSeconds", 1);
        probe.Default("periodSeconds", 10);
        probe.Default("successThreshold", 1);
        probe.Default("failureThreshold", 3);
        if (probe.Obj("httpGet") is not { } get) return;
        get.Default("path", "/");
        get.Default("scheme", "HTTP");
    }

    private static void Volume(JsonObject volume)
    {
        foreach (var source in new[] { "configMap", "secret", "projected", "downwardAPI" })
            volume.Obj(source)?.Default("defaultMode", 420);
        if (volume.Count == 1) volume["emptyDir"] = new JsonObject();
    }

    /// <summary>Quantities given as numbers are stored as text.</summary>
    public static void Stringify(JsonObject amounts)
    {
        foreach (var (name, amount) in amounts.ToList())
            if (amount is not null && amount.AsString() is null) amounts[name] = amount.AsText();
    }

    private static string PullPolicy(string image)
    {
        if (image.Contains('@')) return "IfNotPresent";
        var last = image[(image.LastIndexOf('/') + 1)..];
        var colon = last.IndexOf(':');
        return colon < 0 || last[(colon + 1)..] == "latest" ? "Always" : "IfNotPresent";
    }
}
