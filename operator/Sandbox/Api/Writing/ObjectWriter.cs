// Create, update, patch and apply. Each runs whole under the store's gate: read, change a copy, check, store. The order of the
// steps is the order a real API server has: address, defaults, ownership of fields, server-owned fields, validation, store.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Patching;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Schemas;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Writing;

internal sealed class ObjectWriter(ObjectStore store, ResourceCatalog catalog, TimeProvider time)
{
    public const string ApplyPatch = "application/apply-patch+yaml";
    public const string PatchTypes = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json";

    private static readonly HashSet<string> Unprotected = ["apiVersion", "kind", "metadata", "status"];

    /// <summary>Told about every stored change of a definition, with the gate held.</summary>
    public Action<StoredObject>? DefinitionChanged { get; init; }

    /// <summary>POST.</summary>
    public WriteResult Create(WriteRequest request, JsonObject body)
    {
        lock (store.Gate) return CreateLocked(request, body, apply: null);
    }

    /// <summary>PUT: the whole object as the writer wants it.</summary>
    public WriteResult Replace(WriteRequest request, JsonObject body)
    {
        lock (store.Gate)
        {
            var current = Find(request);
            if (request.Type.IsCustom && string.IsNullOrEmpty(body.Str("metadata", "resourceVersion")))
            {
                var errors = new FieldErrors();
                errors.Invalid("metadata.resourceVersion", 0, "must be specified for an update");
                errors.ThrowIfAny(request.Type, current.Name);
            }
            return UpdateLocked(request, current, Typed(request.Type, body.Copy()), applied: false);
        }
    }

    /// <summary>PATCH by any of the four patch types.</summary>
    public WriteResult Patch(WriteRequest request, string contentType, JsonNode? patch)
    {
        lock (store.Gate)
        {
            if (contentType == ApplyPatch) return Apply(request, patch as JsonObject ?? throw ApiError.BadRequest("the applied configuration must be an object"));
            var current = Find(request);
            var shown = Presentation.Of(current, request.Type);
            var next = Patched(request.Type, shown, contentType, patch);
            return UpdateLocked(request, current, Typed(request.Type, next), applied: false);
        }
    }

    /// <summary>Changes the object through a function of its current version; used by scale, binding and the server itself.</summary>
    public WriteResult Change(WriteRequest request, Action<JsonObject> change)
    {
        lock (store.Gate)
        {
            var current = Find(request);
            var next = Presentation.Of(current, request.Type).Copy();
            change(next);
            return UpdateLocked(request, current, next, applied: false);
        }
    }

    public static JsonObject Patched(ResourceType? type, JsonObject target, string contentType, JsonNode? patch)
    {
        var result = contentType switch
        {
            "application/merge-patch+json" when patch is JsonObject => JsonPatch.Merge(target, patch),
            "application/json-patch+json" when patch is JsonArray operations => JsonPatch.Apply(target, operations),
            "application/strategic-merge-patch+json" when type is { IsCustom: false } && patch is JsonObject changes =>
                StrategicMergePatch.Apply(target, changes, type.Shape),
            "application/strategic-merge-patch+json" when type is { IsCustom: true } => throw ApiError.UnsupportedMediaType(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"),
            "application/merge-patch+json" or "application/json-patch+json" or "application/strategic-merge-patch+json" =>
                throw ApiError.BadRequest("the patch has the wrong JSON type for its content type"),
            _ => throw ApiError.UnsupportedMediaType(PatchTypes),
        };
        return result as JsonObject ?? throw ApiError.PatchRefused("the patch leaves no object");
    }

    private WriteResult Apply(WriteRequest request, JsonObject config)
    {
        config = Typed(request.Type, config.Copy());
        if (config.Arr("metadata", "managedFields") is { Count: > 0 }) throw ApiError.BadRequest("metadata.managedFields must be nil");
        ObjectMetadata.Address(config, request);
        var current = store.Get(request.Type.Storage, request.Type.Namespaced ? request.Namespace : null, request.Name!);
        if (current is null)
        {
            if (request.Subresource is not null) throw ApiError.NotFound(request.Type, request.Name!);
            if (!string.IsNullOrEmpty(config.Str("metadata", "uid")))
                throw ApiError.Conflict(request.Type, request.Name!, $"uid mismatch: the provided object specified uid {config.Str("metadata", "uid")}, and no existing object was found");
            return CreateLocked(request, config, apply: config);
        }
        CheckUnknownFields(request, config);
        var live = Presentation.Of(current, request.Type);
        var own = config.Copy();
        OnlyReached(own, request);
        var (merged, conflicts) = ManagedFields.Apply(live, own, request.Type.Shape, Writer(request), request.Force);
        if (conflicts.Count > 0) throw ApiError.ApplyConflict(conflicts);
        if (config.Str("metadata", "resourceVersion") is { Length: > 0 } revision) merged["metadata"]!["resourceVersion"] = revision;
        return UpdateLocked(request, current, merged, applied: true);
    }

    /// <summary>An applied configuration counts only in the part its endpoint writes.</summary>
    private static void OnlyReached(JsonObject config, WriteRequest request)
    {
        if (request.Subresource == "status")
        {
            foreach (var name in config.Select(p => p.Key).Where(n => !Unprotected.Contains(n)).ToList()) config.Remove(name);
            foreach (var name in config.Ensure("metadata").Select(p => p.Key).Where(n => n is not ("name" or "namespace")).ToList()) config["metadata"]!.AsObject().Remove(name);
        }
        else if (request.Type.HasStatus) config.Remove("status");
    }

    private WriteResult CreateLocked(WriteRequest request, JsonObject body, JsonObject? apply)
    {
        var type = request.Type;
        var tree = apply is null ? Typed(type, body.Copy()) : body;
        ObjectMetadata.Address(tree, request);
        CheckNamespace(request);
        CheckUnknownFields(request, tree);
        if (type.HasStatus) tree.Remove("status");
        JsonObject? config = apply is null ? null : tree.Copy();
        ObjectMetadata.Birth(tree, type, time.GetUtcNow());
        var name = tree.Str("metadata", "name") ?? "";
        if (store.Get(type.Storage, request.Namespace, name) is not null) throw ApiError.AlreadyExists(type, name);
        var scope = Scope(request);
        Complete(type, tree);
        if (config is null) ManagedFields.TrackUpdate(Blank(type), tree, type.Shape, Writer(request));
        else tree["metadata"]!["managedFields"] = ManagedFields.Apply(null, config, type.Shape, Writer(request), request.Force).Merged.Arr("metadata", "managedFields")?.DeepClone();
        if (!type.IsCustom) type.Rules.PrepareCreate(tree, scope);
        Check(type, null, tree, scope);
        return new WriteResult(Store(request, tree), Created: true);
    }

    /// <summary>What a new object is compared with: built-in types always have a spec and a status, if empty.</summary>
    private static JsonObject Blank(ResourceType type) =>
        type.IsCustom ? [] : new JsonObject { ["metadata"] = new JsonObject(), ["spec"] = new JsonObject(), ["status"] = new JsonObject() };

    private WriteResult UpdateLocked(WriteRequest request, StoredObject stored, JsonObject next, bool applied)
    {
        var type = request.Type;
        var current = Presentation.Of(stored, type);
        ObjectMetadata.Address(next, request with { Name = stored.Name });
        CheckPreconditions(type, stored, next.Str("metadata", "uid"), next.Str("metadata", "resourceVersion"));
        ObjectMetadata.Keep(current, next);
        if (!applied) CheckUnknownFields(request, next);
        Confine(request, current, next);
        var scope = Scope(request);
        if (!type.IsCustom) type.Rules.PrepareUpdate(current, next, scope);
        Complete(type, next);
        if (!applied) ManagedFields.TrackUpdate(current, next, type.Shape, Writer(request));
        CountGeneration(request, current, next);
        Check(type, current, next, scope);
        if (stored.IsTerminating) CheckFinalizers(type, current, next);
        if (Unchanged(current, next)) return new WriteResult(current);
        if (IsDone(stored, next)) return new WriteResult(request.DryRun ? next : Remove(stored, next), Deleted: true);
        return new WriteResult(Store(request, next));
    }

    /// <summary>An endpoint changes its own part of the object only: status the status, everything else all but the status.</summary>
    private static void Confine(WriteRequest request, JsonObject current, JsonObject next)
    {
        if (request.Subresource == "status")
        {
            foreach (var name in next.Select(p => p.Key).Union(current.Select(p => p.Key)).Where(n => n is not ("status" or "metadata")).ToList())
                next.TakeFrom(name, current);
            var managed = next.Obj("metadata")?["managedFields"]?.DeepClone();
            next["metadata"] = current.Obj("metadata")!.Copy();
            if (managed is not null) next["metadata"]!["managedFields"] = managed;
        }
        else if (request.Type.HasStatus && request.Subresource != "binding") next.TakeFrom("status", current);
    }

    private static void CountGeneration(WriteRequest request, JsonObject current, JsonObject next)
    {
        var type = request.Type;
        if (!type.CountsGeneration && !type.IsCustom) return;
        if (request.Subresource == "status") return;
        var wanted = Wanted(current, type);
        if (JsonTree.Same(wanted, Wanted(next, type))) return;
        next["metadata"]!["generation"] = (current.Long("metadata", "generation") ?? 0) + 1;
    }

    private static JsonObject Wanted(JsonObject tree, ResourceType type)
    {
        var rest = new JsonObject();
        foreach (var (name, value) in tree)
            if (name is not ("apiVersion" or "kind" or "metadata") && !(name == "status" && type.HasStatus)) rest[name] = value?.DeepClone();
        return rest;
    }

    private static bool Unchanged(JsonObject current, JsonObject next)
    {
        if (JsonTree.Same(current, next)) return true;
        var (before, after) = (WithoutTimes(current), WithoutTimes(next));
        return JsonTree.Same(before, after);
    }

    /// <summary>Ownership entries that differ in nothing but their time are no change.</summary>
    private static JsonObject WithoutTimes(JsonObject tree)
    {
        var copy = tree.Copy();
        foreach (var entry in copy.Arr("metadata", "managedFields") ?? []) entry!.AsObject().Remove("time");
        return copy;
    }

    private static void CheckFinalizers(ResourceType type, JsonObject current, JsonObject next)
    {
        var had = (current.Arr("metadata", "finalizers") ?? []).Select(f => f.AsString()).ToHashSet();
        var added = (next.Arr("metadata", "finalizers") ?? []).Where(f => !had.Contains(f.AsString())).ToList();
        if (added.Count == 0) return;
        var errors = new FieldErrors();
        errors.Forbidden("metadata.finalizers", "no new finalizers can be added if the object is being deleted, found new finalizers "
            + $"[]string{{{string.Join(", ", added.Select(JsonTree.ToText))}}}");
        errors.ThrowIfAny(type, next.Str("metadata", "name") ?? "");
    }

    /// <summary>A terminating object goes with its last finalizer; a pod also waits for its kubelet, a namespace for its content.</summary>
    private bool IsDone(StoredObject stored, JsonObject next)
    {
        if (!stored.IsTerminating || next.Arr("metadata", "finalizers") is { Count: > 0 }) return false;
        if (stored.Resource == "/namespaces") return next.Arr("spec", "finalizers") is not { Count: > 0 };
        return next.Long("metadata", "deletionGracePeriodSeconds") is null or 0;
    }

    private JsonObject Store(WriteRequest request, JsonObject tree)
    {
        if (request.DryRun) return tree;
        tree["apiVersion"] = StorageType(request.Type).ApiVersion;
        var stored = store.Put(request.Type.Storage, Presentation.ForStorage(tree, request.Type));
        DefinitionChanged?.Invoke(stored);
        return Presentation.Of(stored, request.Type);
    }

    private JsonObject Remove(StoredObject stored, JsonObject last)
    {
        var removed = store.Remove(stored, last);
        DefinitionChanged?.Invoke(removed);
        return removed.Tree;
    }

    private ResourceType StorageType(ResourceType type) =>
        type.StorageGroup is null ? catalog.StoredAs(type.Storage).FirstOrDefault(type) : type;

    private static void Complete(ResourceType type, JsonObject tree)
    {
        if (type.Schema is { } schema) schema.Complete(tree);
        else type.Rules.Default(tree);
    }

    private void Check(ResourceType type, JsonObject? current, JsonObject next, WriteScope scope)
    {
        var errors = new FieldErrors();
        ObjectMetadata.Validate(next, type, errors);
        if (type.Schema is { } schema) schema.Validate(next, current, errors);
        else if (scope.Subresource is null or "resize")
        {
            type.Rules.Validate(next, errors);
        }
        if (!type.IsCustom && current is not null && scope.Subresource != "status") type.Rules.ValidateUpdate(current, next, scope, errors);
        errors.ThrowIfAny(type, next.Str("metadata", "name") ?? next.Str("metadata", "generateName") ?? "");
    }

    private static void CheckUnknownFields(WriteRequest request, JsonObject tree)
    {
        var unknown = request.Type.Schema?.UnknownFields(tree) ?? [];
        if (unknown.Count == 0 || request.Validation == FieldValidation.Ignore) return;
        var texts = unknown.Select(path => $"unknown field \"{path}\"").ToList();
        if (request.Validation == FieldValidation.Strict)
            throw ApiError.BadRequest($"{request.Type.Kind} in version \"{request.Type.Version}\" cannot be handled as a {request.Type.Kind}: strict decoding error: {string.Join(", ", texts)}");
        request.Warnings.AddRange(texts);
    }

    /// <summary>Built-in types have no null values: decoding drops them.</summary>
    private static JsonObject Typed(ResourceType type, JsonObject tree)
    {
        if (!type.IsCustom) NullValues.Strip(tree);
        return tree;
    }

    private void CheckNamespace(WriteRequest request)
    {
        if (!request.Type.Namespaced) return;
        var found = store.Get("/namespaces", null, request.Namespace!) ?? throw ApiError.NotFound(catalog.Find("", "v1", "namespaces")!, request.Namespace!);
        if (found.IsTerminating)
            throw ApiError.Forbidden(request.Type, request.Name ?? "", $"unable to create new content in namespace {request.Namespace} because it is being terminated");
    }

    public static void CheckPreconditions(ResourceType type, StoredObject stored, string? uid, string? resourceVersion)
    {
        if (!string.IsNullOrEmpty(uid) && uid != stored.Uid)
            throw ApiError.Conflict(type, stored.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}");
        if (!string.IsNullOrEmpty(resourceVersion) && resourceVersion != stored.Tree.Str("metadata", "resourceVersion"))
            throw ApiError.Modified(type, stored.Name);
    }

    private StoredObject Find(WriteRequest request) =>
        store.Get(request.Type.Storage, request.Type.Namespaced ? request.Namespace : null, request.Name!) ?? throw ApiError.NotFound(request.Type, request.Name!);

    private WriteScope Scope(WriteRequest request) =>
        new(time, resource => store.List(resource).Objects.Values.Select(o => o.Tree), request.Subresource);

    private FieldWriter Writer(WriteRequest request) =>
        new(request.Manager, request.Type.ApiVersion, request.Subresource, JsonTree.Timestamp(time.GetUtcNow()));
}
