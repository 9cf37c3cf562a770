// Delete: at once, or by marking the object and waiting for finalizers, for the kubelet (pods), for the content (namespaces).
// Dependents are the garbage collector's business (Sandbox/Controllers); this verb only leaves it the finalizers it honours.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Writing;

internal sealed class ObjectRemover(ObjectStore store, ResourceCatalog catalog, TimeProvider time)
{
    private const long DefaultPodGraceSeconds = 30;
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";

    public Action<StoredObject>? DefinitionChanged { get; init; }

    /// <summary>Deletes one object. The result says whether it is gone or merely terminating.</summary>
    public WriteResult Delete(WriteRequest request, DeleteRequest options)
    {
        lock (store.Gate)
        {
            var type = request.Type;
            var stored = store.Get(type.Storage, type.Namespaced ? request.Namespace : null, request.Name!) ?? throw ApiError.NotFound(type, request.Name!);
            CheckPreconditions(type, stored, options);
            return Delete(request, stored, options);
        }
    }

    /// <summary>Deletes every object <paramref name="matches"/> accepts; returns them as they were.</summary>
    public List<StoredObject> DeleteMany(WriteRequest request, DeleteRequest options, Func<StoredObject, bool> matches)
    {
        lock (store.Gate)
        {
            var all = store.List(request.Type.Storage).Objects.Values.Where(matches).ToList();
            foreach (var each in all) Delete(request with { Namespace = each.Namespace, Name = each.Name }, each, options);
            return all;
        }
    }

    /// <summary>Removes a namespace's content, as far as finalizers allow, and the namespace with its last object.</summary>
    public void EmptyNamespace(string ns)
    {
        lock (store.Gate)
        {
            var stored = store.Get("/namespaces", null, ns);
            if (stored is not { IsTerminating: true }) return;
            var left = store.All().Where(o => o.Namespace == ns).ToList();
            foreach (var each in left.Where(o => !o.IsTerminating || o.Resource == "/pods"))
            {
                var type = catalog.StoredAs(each.Resource).FirstOrDefault();
                if (type is null) Remove(each, each.Tree.Copy());
                else Delete(new WriteRequest(type, ns, each.Name, null) { Manager = "namespace-controller" }, each, new DeleteRequest(null, "Background", null, null));
            }
            if (store.All().Any(o => o.Namespace == ns)) return;
            var last = stored.Tree.Copy();
            last.Ensure("spec").Remove("finalizers");
            if (last.Arr("metadata", "finalizers") is { Count: > 0 }) store.Put(stored.Resource, last);
            else Remove(stored, last);
        }
    }

    private WriteResult Delete(WriteRequest request, StoredObject stored, DeleteRequest options)
    {
        var next = stored.Tree.Copy();
        var metadata = next.Ensure("metadata");
        var grace = Grace(stored, options);
        SetPropagation(metadata, options.PropagationPolicy, stored.IsTerminating);
        var waits = metadata.Arr("finalizers") is { Count: > 0 } || grace > 0 || stored.Resource == "/namespaces";
        if (!waits)
        {
            if (request.DryRun) return new WriteResult(next, Deleted: true);
            metadata["deletionTimestamp"] ??= JsonTree.Timestamp(time.GetUtcNow());
            if (grace is 0) metadata["deletionGracePeriodSeconds"] = 0;
            return new WriteResult(Remove(stored, next).Tree, Deleted: true);
        }
        if (stored.IsTerminating && (grace is null || grace >= (stored.Tree.Long("metadata", "deletionGracePeriodSeconds") ?? 0)))
        {
            // Already on its way, and not asked to hurry.
            grace = null;
        }
        else
        {
            metadata["deletionTimestamp"] = JsonTree.Timestamp(time.GetUtcNow() + TimeSpan.FromSeconds(grace ?? 0));
            metadata["deletionGracePeriodSeconds"] = grace ?? 0;
            if (metadata.Long("generation") is { } generation) metadata["generation"] = generation + 1;
        }
        if (stored.Resource == "/namespaces") next.Ensure("status")["phase"] = "Terminating";
        if (request.DryRun || JsonTree.Same(stored.Tree, next)) return new WriteResult(Presentation.Of(next, request.Type));
        var marked = store.Put(stored.Resource, next);
        DefinitionChanged?.Invoke(marked);
        return new WriteResult(Presentation.Of(marked, request.Type));
    }

    /// <summary>Seconds a pod gets to stop; null for everything that has no grace.</summary>
    private static long? Grace(StoredObject stored, DeleteRequest options)
    {
        if (stored.Resource != "/pods") return null;
        if (string.IsNullOrEmpty(stored.Tree.Str("spec", "nodeName"))) return 0;
        if (stored.Tree.Str("status", "phase") is "Succeeded" or "Failed") return 0;
        if (stored.IsTerminating && options.GracePeriodSeconds is null) return stored.Tree.Long("metadata", "deletionGracePeriodSeconds");
        return Math.Max(0, options.GracePeriodSeconds ?? stored.Tree.Long("spec", "terminationGracePeriodSeconds") ?? DefaultPodGraceSeconds);
    }

    private static void SetPropagation(JsonObject metadata, string? policy, bool isTerminating)
    {
        if (policy is null || (policy == "Background" && isTerminating && metadata["finalizers"] is null)) return;
        var finalizers = (metadata.Arr("finalizers") ?? []).Select(f => f.AsString()!).Where(f => f is not (Foreground or Orphan)).ToList();
        if (policy == "Foreground") finalizers.Add(Foreground);
        else if (policy == "Orphan") finalizers.Add(Orphan);
        else if (policy != "Background")
            throw ApiError.BadRequest($"DeleteOptions.propagationPolicy: Unsupported value: \"{policy}\": supported values: \"Background\", \"Foreground\", \"Orphan\"");
        if (finalizers.Count == 0) metadata.Remove("finalizers");
        else metadata["finalizers"] = new JsonArray([.. finalizers.Select(f => (JsonNode)f)]);
    }

    private static void CheckPreconditions(ResourceType type, StoredObject stored, DeleteRequest options)
    {
        if (options.ResourceVersion is { Length: > 0 } revision && revision != stored.Tree.Str("metadata", "resourceVersion"))
            throw ApiError.Conflict(type, stored.Name, $"Precondition failed: ResourceVersion in precondition: {revision}, ResourceVersion in object meta: {stored.Tree.Str("metadata", "resourceVersion")}");
        ObjectWriter.CheckPreconditions(type, stored, options.Uid, null);
    }

    private StoredObject Remove(StoredObject stored, JsonObject last)
    {
        var removed = store.Remove(stored, last);
        DefinitionChanged?.Invoke(removed);
        return removed;
    }
}
