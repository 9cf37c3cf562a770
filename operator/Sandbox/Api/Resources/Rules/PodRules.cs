// Pods and pod templates: the defaults controllers rely on, and which fields of a running pod may still change.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal sealed class PodRules : ResourceRules
{
    private static readonly string[] ResizeOnly = ["resources"];

    public override void Default(JsonObject tree)
    {
        tree.Ensure("spec").Default("serviceAccountName", "default");
        tree.Ensure("spec").Default("enableServiceLinks", true);
        PodDefaults.Apply(tree.Ensure("spec"));
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope)
    {
        var spec = tree.Ensure("spec");
        tree["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QualityOfService(spec) };
    }

    public override void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope)
    {
        var status = next.Ensure("status");
        if (status["qosClass"] is null && current.Str("status", "qosClass") is { } quality) status["qosClass"] = quality;
        if (scope.Subresource != "resize") return;
        // A resize may touch nothing but the containers' resources; everything else stays as it is.
        var wanted = next.Obj("spec");
        var spec = current.Obj("spec")!.Copy();
        foreach (var list in new[] { "containers", "initContainers" })
        {
            foreach (var container in spec.Arr(list) ?? [])
            {
                var asked = (wanted.Arr(list) ?? []).FirstOrDefault(c => c.Str("name") == container.Str("name"));
                foreach (var field in ResizeOnly)
                    if (asked.At(field) is { } value) container!.AsObject()[field] = value.DeepClone();
            }
        }
        next["spec"] = spec;
    }

    public override void Validate(JsonObject tree, FieldErrors errors) =>
        PodDefaults.Validate(tree.Obj("spec"), "spec", errors);

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        var (before, after) = (Frozen(current, scope), Frozen(next, scope));
        if (!JsonTree.Same(before, after))
        {
            errors.Forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,"
                + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
        }
    }

    /// <summary>The part of the spec that a plain update must leave alone; resources change through the resize subresource only.</summary>
    private static JsonObject Frozen(JsonObject pod, WriteScope scope)
    {
        var spec = pod.Obj("spec")?.Copy() ?? [];
        foreach (var field in new[] { "activeDeadlineSeconds", "tolerations", "ephemeralContainers", "schedulingGates" }) spec.Remove(field);
        if (scope.Subresource == "binding") spec.Remove("nodeName");
        foreach (var list in new[] { "containers", "initContainers" })
        {
            foreach (var container in spec.Arr(list) ?? [])
            {
                container!.AsObject().Remove("image");
                if (scope.Subresource == "resize") container.AsObject().Remove("resources");
            }
        }
        return spec;
    }

    private static string QualityOfService(JsonObject spec)
    {
        var all = (spec.Arr("containers") ?? []).Concat(spec.Arr("initContainers") ?? []).Select(c => c.Obj("resources")).ToList();
        if (all.TrueForAll(r => (r.Obj("limits")?.Count ?? 0) == 0 && (r.Obj("requests")?.Count ?? 0) == 0)) return "BestEffort";
        var guaranteed = all.TrueForAll(r => new[] { "cpu", "memory" }.All(
            name => r.At("limits", name) is { } limit && JsonTree.Same(limit, r.At("requests", name))));
        return guaranteed ? "Guaranteed" : "Burstable";
    }
}
