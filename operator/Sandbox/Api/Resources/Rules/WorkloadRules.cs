// StatefulSets, Deployments, ReplicaSets, Jobs and CronJobs: defaults, and the fields that are fixed once created.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Selectors;

namespace Shoal.Sandbox.Api.Resources.Rules;

internal sealed class StatefulSetRules : ResourceRules
{
    private static readonly string[] Changeable =
        ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"];

    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("replicas", 1);
        spec.Default("podManagementPolicy", "OrderedReady");
        spec.Default("revisionHistoryLimit", 10);
        var update = spec.Ensure("updateStrategy");
        update.Default("type", "RollingUpdate");
        if (update.Str("type") == "RollingUpdate") update.Ensure("rollingUpdate").Default("partition", 0);
        var retention = spec.Ensure("persistentVolumeClaimRetentionPolicy");
        retention.Default("whenDeleted", "Retain");
        retention.Default("whenScaled", "Retain");
        PodDefaults.ApplyToTemplate(spec);
        foreach (var claim in spec.Arr("volumeClaimTemplates") ?? [])
        {
            if (claim is not JsonObject each) continue;
            each.Default("apiVersion", "v1");
            each.Default("kind", "PersistentVolumeClaim");
            each.Ensure("spec").Default("volumeMode", "Filesystem");
            each.Ensure("status").Default("phase", "Pending");
        }
    }

    public override void PrepareCreate(JsonObject tree, WriteScope scope) => tree["status"] = new JsonObject { ["replicas"] = 0, ["availableReplicas"] = 0 };

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        Templates.Validate(tree, errors);
        if (tree.Long("spec", "replicas") is < 0) errors.Invalid("spec.replicas", tree.At("spec", "replicas"), "must be greater than or equal to 0");
        if (tree.Str("spec", "template", "spec", "restartPolicy") is { } policy and not "Always")
            errors.NotSupported("spec.template.spec.restartPolicy", policy, ["Always"]);
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        var (before, after) = (current.Obj("spec")!.Copy(), next.Obj("spec")!.Copy());
        foreach (var field in Changeable)
        {
            before.Remove(field);
            after.Remove(field);
        }
        if (!JsonTree.Same(before, after))
        {
            errors.Forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
        }
    }
}

internal sealed class DeploymentRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("replicas", 1);
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("progressDeadlineSeconds", 600);
        var strategy = spec.Ensure("strategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Str("type") == "RollingUpdate")
        {
            strategy.Ensure("rollingUpdate").Default("maxUnavailable", "25%");
            strategy.Ensure("rollingUpdate").Default("maxSurge", "25%");
        }
        PodDefaults.ApplyToTemplate(spec);
    }

    public override void Validate(JsonObject tree, FieldErrors errors) => Templates.Validate(tree, errors);

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors) =>
        Templates.SelectorIsFixed(current, next, errors);
}

internal sealed class ReplicaSetRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        if (tree.Str("kind") == "ReplicaSet") tree.Ensure("spec").Default("replicas", 1);
        PodDefaults.ApplyToTemplate(tree.Ensure("spec"));
    }

    public override void Validate(JsonObject tree, FieldErrors errors) => Templates.Validate(tree, errors);

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors) =>
        Templates.SelectorIsFixed(current, next, errors);
}

internal sealed class JobRules : ResourceRules
{
    private static readonly string[] Fixed = ["completionMode", "selector", "template", "podReplacementPolicy"];

    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        if (spec["completions"] is null && spec["parallelism"] is null) spec["completions"] = 1;
        spec.Default("parallelism", 1);
        spec.Default("backoffLimit", 6);
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", false);
        spec.Default("manualSelector", false);
        spec.Default("podReplacementPolicy", "TerminatingOrFailed");
        PodDefaults.ApplyToTemplate(spec);
    }

    /// <summary>A job selects its pods by labels the server makes unique.</summary>
    public override void PrepareCreate(JsonObject tree, WriteScope scope)
    {
        tree["status"] = new JsonObject();
        var spec = tree.Ensure("spec");
        if (spec.IsTrue("manualSelector")) return;
        var (uid, name) = (tree.Str("metadata", "uid")!, tree.Str("metadata", "name")!);
        var labels = spec.Ensure("template").Ensure("metadata").Ensure("labels");
        labels["controller-uid"] = uid;
        labels["job-name"] = name;
        labels["batch.kubernetes.io/controller-uid"] = uid;
        labels["batch.kubernetes.io/job-name"] = name;
        foreach (var (label, value) in spec.Obj("template", "metadata", "labels")!.Where(l => l.Key != "controller-uid" && !l.Key.EndsWith("controller-uid", StringComparison.Ordinal)).ToList())
            if (label is "job-name" or "batch.kubernetes.io/job-name") tree.Ensure("metadata").Ensure("labels").Default(label, value?.DeepClone());
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
    }

    public override void PrepareUpdate(JsonObject current, JsonObject next, WriteScope scope)
    {
        // Server-made selector and labels are not the writer's to send back.
        if (current.IsTrue("spec", "manualSelector")) return;
        next.Ensure("spec").TakeFrom("selector", current.Obj("spec"));
        var labels = next.Ensure("spec").Ensure("template").Ensure("metadata").Ensure("labels");
        foreach (var (name, value) in current.Obj("spec", "template", "metadata", "labels") ?? [])
            if (name is "controller-uid" or "job-name" || name.StartsWith("batch.kubernetes.io/", StringComparison.Ordinal))
                labels.Default(name, value?.DeepClone());
    }

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        PodDefaults.Validate(tree.Obj("spec", "template", "spec"), "spec.template.spec", errors);
        if (tree.Str("spec", "template", "spec", "restartPolicy") is { } policy and not ("OnFailure" or "Never"))
            errors.NotSupported("spec.template.spec.restartPolicy", policy, ["OnFailure", "Never"]);
    }

    public override void ValidateUpdate(JsonObject current, JsonObject next, WriteScope scope, FieldErrors errors)
    {
        foreach (var field in Fixed)
            if (!JsonTree.Same(current.At("spec", field), next.At("spec", field)))
                errors.Invalid($"spec.{field}", next.At("spec", field), "field is immutable");
    }
}

internal sealed class CronJobRules : ResourceRules
{
    public override void Default(JsonObject tree)
    {
        var spec = tree.Ensure("spec");
        spec.Default("concurrencyPolicy", "Allow");
        spec.Default("suspend", false);
        spec.Default("successfulJobsHistoryLimit", 3);
        spec.Default("failedJobsHistoryLimit", 1);
        PodDefaults.ApplyToTemplate(spec.Ensure("jobTemplate").Ensure("spec"));
    }

    public override void Validate(JsonObject tree, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(tree.Str("spec", "schedule"))) errors.Required("spec.schedule");
    }
}

/// <summary>What everything with a selector and a pod template must satisfy.</summary>
internal static class Templates
{
    public static void Validate(JsonObject tree, FieldErrors errors)
    {
        if (tree.Obj("spec", "selector") is not { } selector) errors.Required("spec.selector");
        else
        {
            var labels = tree.Obj("spec", "template", "metadata", "labels");
            var pod = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = labels?.DeepClone() } };
            if (!LabelSelector.From(selector).Matches(pod))
                errors.Invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
        }
        PodDefaults.Validate(tree.Obj("spec", "template", "spec"), "spec.template.spec", errors);
    }

    public static void SelectorIsFixed(JsonObject current, JsonObject next, FieldErrors errors)
    {
        if (!JsonTree.Same(current.At("spec", "selector"), next.At("spec", "selector")))
            errors.Invalid("spec.selector", next.At("spec", "selector"), "field is immutable");
    }
}
