// What follows from a delete: a terminating namespace loses its content and then itself; a terminating definition loses its
// custom objects and then itself. A real cluster has controllers for both; here they ride on the deleting request.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Writing;

internal sealed class Lifecycles(ObjectStore store, ResourceCatalog catalog, ObjectWriter writer, ObjectRemover remover)
{
    public const string DefinitionFinalizer = "customresourcecleanup.apiextensions.k8s.io";
    private const string Definitions = "apiextensions.k8s.io/customresourcedefinitions";

    /// <summary>Called once after every delete, with the gate free.</summary>
    public void AfterDelete(ResourceType type, WriteRequest request, WriteResult result)
    {
        if (request.DryRun) return;
        if (type.Storage == "/namespaces") remover.EmptyNamespace(request.Name!);
        else if (type.Storage == Definitions) EmptyDefinition(request.Name!);
        else
        {
            if (type.IsCustom && result.Deleted) EmptyDefinition(type.QualifiedPlural);
            if (request.Namespace is { Length: > 0 } ns && result.Deleted) remover.EmptyNamespace(ns);
        }
    }

    /// <summary>Continues what a stopped server left half done.</summary>
    public void Resume()
    {
        foreach (var ns in store.List("/namespaces").Objects.Values.Where(o => o.IsTerminating)) remover.EmptyNamespace(ns.Name);
        foreach (var definition in store.List(Definitions).Objects.Values.Where(o => o.IsTerminating)) EmptyDefinition(definition.Name);
    }

    private void EmptyDefinition(string name)
    {
        if (store.Get(Definitions, null, name) is not { IsTerminating: true } definition) return;
        var storage = $"{definition.Tree.Str("spec", "group")}/{definition.Tree.Str("spec", "names", "plural")}";
        if (catalog.StoredAs(storage).FirstOrDefault() is { } type)
        {
            var options = new DeleteRequest(null, "Background", null, null);
            var request = new WriteRequest(type, null, null, null) { Manager = "customresource-cleanup" };
            remover.DeleteMany(request, options, o => !o.IsTerminating);
        }
        if (!store.List(storage).Objects.IsEmpty) return;
        var definitions = catalog.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions")!;
        writer.Change(new WriteRequest(definitions, null, name, null) { Manager = "customresource-cleanup" }, tree =>
        {
            var kept = (tree.Arr("metadata", "finalizers") ?? []).Where(f => f.AsString() != DefinitionFinalizer).Select(f => f?.DeepClone()).ToArray();
            tree.Ensure("metadata")["finalizers"] = new JsonArray(kept);
        });
    }
}
