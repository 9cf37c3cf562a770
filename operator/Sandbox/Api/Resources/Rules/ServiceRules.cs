// Services: defaults and a cluster address. Addresses come from 127.96.0.0/16: nothing routes them, but they are loopback,
// so a sandbox that wants to proxy them can, and no packet can leave the machine by mistake.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal sealed class ServiceRules : ResourceRules
{
    private const int FirstNodePort = 30000;
    private const int LastNodePort = 32767;

    public override NameForm NameForm => NameForm.ServiceLabel;

    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.Str("type") != "ExternalName")
        {
            spec.Default("internalTrafficPolicy", "Cluster");
            spec.Default("ipFamilies", new JsonArray("IPv4"));
            spec.Default("ipFamilyPolicy", "SingleStack");
        }
        if (spec.Str("type") is "NodePort" or "LoadBalancer") spec.Default("externalTrafficPolicy", "Cluster");
        foreach (var port in spec.Arr("ports") ?? [])
        {
            if (port is not JsonObject each) continue;
            each.Default("protocol", "TCP");
            if (each["targetPort"] is null && each["port"] is { } number) each["targetPort"] = number.DeepClone();
        }
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope)
    {
        tree["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
        Allocate(tree.Ensure("spec"), scope);
    }

    public override void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope)
    {
        var spec = next.Ensure("spec");
        if (spec.Str("type") == "ExternalName") return;
        foreach (var field in new[] { "clusterIP", "clusterIPs" })
            if (string.IsNullOrEmpty(spec.Str(field)) && spec[field] is not JsonArray) spec.TakeFrom(field, current.Obj("spec"));
        foreach (var port in spec.Arr("ports") ?? [])
        {
            var had = (current.Arr("spec", "ports") ?? []).FirstOrDefault(p => JsonTree.Same(p.At("port"), port.At("port")));
            if (port is JsonObject each && each["nodePort"] is null && spec.Str("type") is "NodePort" or "LoadBalancer" && had?["nodePort"] is { } number)
                port!["nodePort"] = number.DeepClone();
        }
        Allocate(spec, scope);
    }

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        var spec = tree.Obj("spec");
        var ports = spec.Arr("ports") ?? [];
        if (ports.Count == 0 && spec.Str("clusterIP") != "None" && spec.Str("type") != "ExternalName") errors.Required("spec.ports");
        var seen = new HashSet<string>();
        for (var i = 0; i < ports.Count; i++)
        {
            var number = ports[i].Long("port");
            if (number is null) errors.Required($"spec.ports[{i}].port");
            else if (number is < 1 or > 65535) errors.Invalid($"spec.ports[{i}].port", ports[i].At("port"), "must be between 1 and 65535, inclusive");
            var name = ports[i].Str("name");
            if (string.IsNullOrEmpty(name) && ports.Count > 1) errors.Required($"spec.ports[{i}].name");
            else if (!string.IsNullOrEmpty(name) && !seen.Add(name)) errors.Duplicate($"spec.ports[{i}].name", name);
        }
        if (spec.Str("type") is { } kind and not ("ClusterIP" or "NodePort" or "LoadBalancer" or "ExternalName"))
            errors.NotSupported("spec.type", kind, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        var (before, after) = (current.Str("spec", "clusterIP"), next.Str("spec", "clusterIP"));
        if (before is not null && before != after && next.Str("spec", "type") != "ExternalName")
            errors.Invalid("spec.clusterIPs[0]", next.At("spec", "clusterIP"), "may not change once set");
    }

    private static void Allocate(JsonObject spec, WriteScope scope)
    {
        if (spec.Str("type") == "ExternalName") return;
        if (string.IsNullOrEmpty(spec.Str("clusterIP"))) spec["clusterIP"] = FreeAddress(scope);
        spec.Default("clusterIPs", new JsonArray(spec.Str("clusterIP")));
        if (spec.Str("type") is not ("NodePort" or "LoadBalancer")) return;
        var taken = scope.Living("/services").SelectMany(s => s.Arr("spec", "ports") ?? []).Select(p => p.Long("nodePort")).ToHashSet();
        foreach (var port in spec.Arr("ports") ?? [])
        {
            if (port is not JsonObject each || each["nodePort"] is not null) continue;
            var free = Enumerable.Range(FirstNodePort, LastNodePort - FirstNodePort).First(n => !taken.Contains(n));
            taken.Add(free);
            each["nodePort"] = free;
        }
    }

    private static string FreeAddress(WriteScope scope)
    {
        var taken = scope.Living("/services").Select(s => s.Str("spec", "clusterIP")).ToHashSet();
        return Enumerable.Range(1, 65534)
            .Select(n => string.Create(CultureInfo.InvariantCulture, $"127.96.{n >> 8}.{n & 255}"))
            .First(address => !taken.Contains(address));
    }
}
