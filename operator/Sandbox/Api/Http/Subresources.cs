// The subresources that are not plain parts of their object: scale, binding and eviction. (status and resize go through the
// ordinary writing verbs, log has a file of its own.)
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Selectors;
using Shoal.Sandbox.Api.Storage;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api.Http;

internal sealed class Subresources(ObjectStore store, ObjectWriter writer, ObjectRemover remover, WriteVerbs verbs, Lifecycles lifecycles, TimeProvider time)
{
    public Task GetScaleAsync(ApiExchange exchange) => exchange.WriteAsync(ScaleOf(exchange.Type, Find(exchange)));

    /// <summary>PUT or PATCH of an autoscaling/v1 Scale.</summary>
    public async Task WriteScaleAsync(ApiExchange exchange, bool isPatch)
    {
        var type = exchange.Type;
        var request = exchange.ToWrite(exchange.Target.Name, "scale");
        var body = await exchange.ReadBodyAsync(request.Validation);
        var result = writer.Change(request, tree =>
        {
            var current = ScaleOf(type, tree);
            var contentType = exchange.ContentType == ObjectWriter.ApplyPatch ? "application/merge-patch+json" : exchange.ContentType;
            if (contentType == "application/strategic-merge-patch+json") contentType = "application/merge-patch+json";
            var wanted = isPatch ? ObjectWriter.Patched(null, current, contentType, body)
                : body as JsonObject ?? throw ApiError.BadRequest("a Scale is expected");
            var named = wanted.Str("metadata", "name");
            if (!string.IsNullOrEmpty(named) && named != request.Name) throw ApiError.BadRequest("the name in the Scale does not match the URL");
            if (wanted.Str("metadata", "resourceVersion") is { Length: > 0 } revision) tree["metadata"]!["resourceVersion"] = revision;
            var replicas = wanted.Long("spec", "replicas") ?? 0;
            if (replicas < 0)
            {
                var errors = new FieldErrors();
                errors.Invalid("spec.replicas", replicas, "should be a non-negative integer");
                errors.ThrowIfAny(type, request.Name!);
            }
            Set(tree, type.Scale!.SpecReplicas, replicas);
        });
        await exchange.WriteAsync(ScaleOf(type, result.Tree));
    }

    /// <summary>POST pods/binding: the scheduler's decision.</summary>
    public async Task BindAsync(ApiExchange exchange)
    {
        var body = await exchange.ReadObjectAsync();
        var request = exchange.ToWrite(exchange.Target.Name, "binding");
        var node = body.Str("target", "name");
        if (string.IsNullOrEmpty(node)) throw ApiError.BadRequest("Binding.target.name: Required value");
        writer.Change(request, pod =>
        {
            if (pod.At("metadata", "deletionTimestamp") is not null)
                throw ApiError.Conflict(exchange.Type, request.Name!, $"pod {request.Name} is being deleted, cannot be assigned to a host");
            if (pod.Str("spec", "nodeName") is { Length: > 0 } bound)
                throw ApiError.Conflict(exchange.Type, request.Name!, $"pod {request.Name} is already assigned to node \"{bound}\"");
            pod.Ensure("spec")["nodeName"] = node;
            Conditions.Set(pod, "PodScheduled", "True", null, null, time);
        });
        await exchange.WriteAsync(Success(), StatusCodes.Status201Created);
    }

    /// <summary>POST pods/eviction: a delete that respects disruption budgets.</summary>
    public async Task EvictAsync(ApiExchange exchange)
    {
        var body = await exchange.ReadObjectAsync();
        var request = exchange.ToWrite(exchange.Target.Name, null);
        var pod = Find(exchange);
        var running = pod.Str("status", "phase") is not ("Succeeded" or "Failed") && pod.At("metadata", "deletionTimestamp") is null;
        if (running) SpendBudget(request, pod);
        var options = new DeleteRequest(body.Long("deleteOptions", "gracePeriodSeconds"), body.Str("deleteOptions", "propagationPolicy"),
            body.Str("deleteOptions", "preconditions", "uid"), body.Str("deleteOptions", "preconditions", "resourceVersion"));
        var result = remover.Delete(request, options);
        lifecycles.AfterDelete(exchange.Type, request, result);
        await exchange.WriteAsync(Success(), StatusCodes.Status201Created);
    }

    public Task WriteStatusAsync(ApiExchange exchange, bool isPatch) =>
        isPatch ? verbs.PatchAsync(exchange, "status") : verbs.ReplaceAsync(exchange, "status");

    private void SpendBudget(WriteRequest request, JsonObject pod)
    {
        var budgets = store.List("policy/poddisruptionbudgets").Objects.Values
            .Where(b => b.Namespace == request.Namespace && LabelSelector.From(b.Tree.Obj("spec", "selector")).Matches(pod)).ToList();
        foreach (var budget in budgets.Where(b => (b.Tree.Long("status", "disruptionsAllowed") ?? 0) <= 0))
        {
            throw ApiError.TooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", new Cause("DisruptionBudget",
                $"The disruption budget {budget.Name} needs {budget.Tree.Long("status", "desiredHealthy") ?? 0} healthy pods and has "
                + $"{budget.Tree.Long("status", "currentHealthy") ?? 0} currently", ""));
        }
        lock (store.Gate)
        {
            foreach (var budget in budgets)
            {
                var next = budget.Tree.Copy();
                var status = next.Ensure("status");
                status["disruptionsAllowed"] = (status.Long("disruptionsAllowed") ?? 1) - 1;
                status.Ensure("disruptedPods")[request.Name!] = JsonTree.Timestamp(time.GetUtcNow());
                if (!request.DryRun && ReferenceEquals(store.Get(budget.Resource, budget.Namespace, budget.Name), budget)) store.Put(budget.Resource, next);
            }
        }
    }

    private JsonObject Find(ApiExchange exchange) =>
        store.Get(exchange.Type.Storage, exchange.Type.Namespaced ? exchange.Target.Namespace : null, exchange.Target.Name!)?.Tree
        ?? throw ApiError.NotFound(exchange.Type, exchange.Target.Name!);

    private static JsonObject ScaleOf(ResourceType type, JsonObject tree)
    {
        var paths = type.Scale!;
        var metadata = new JsonObject();
        foreach (var field in new[] { "name", "namespace", "uid", "resourceVersion", "creationTimestamp" })
            if (tree.At("metadata", field) is { } value) metadata[field] = value.DeepClone();
        var status = new JsonObject { ["replicas"] = tree.Long(paths.StatusReplicas) ?? 0 };
        var selector = paths.Selector is { } at ? tree.Str(at) : LabelSelectorText.Of(tree.Obj("spec", "selector"));
        if (!string.IsNullOrEmpty(selector)) status["selector"] = selector;
        return new JsonObject
        {
            ["kind"] = "Scale", ["apiVersion"] = "autoscaling/v1", ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["replicas"] = tree.Long(paths.SpecReplicas) ?? 0 }, ["status"] = status,
        };
    }

    private static void Set(JsonObject tree, string[] path, long value)
    {
        foreach (var step in path.AsSpan(0, path.Length - 1)) tree = tree.Ensure(step);
        tree[path[^1]] = value;
    }

    private static JsonObject Success() => new()
    {
        ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201,
    };
}
