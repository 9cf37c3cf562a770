// metadata.managedFields: who set which field, by which operation. Every write goes through here, so that a later server-side
// apply can tell its own fields from those of others.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Patching;

/// <summary>The writer of a request, as far as ownership is concerned.</summary>
internal sealed record FieldWriter(string Manager, string ApiVersion, string? Subresource, string Time);

internal static class ManagedFields
{
    private sealed record Entry(string Manager, string Operation, string ApiVersion, string? Subresource, string Time, FieldSet Fields)
    {
        public bool IsOf(FieldWriter writer, string operation) => Manager == writer.Manager && Operation == operation
            && ApiVersion == writer.ApiVersion && (Subresource ?? "") == (writer.Subresource ?? "");
    }

    /// <summary>Records a create, update or patch: what changed now belongs to the writer and to nobody else.</summary>
    public static void TrackUpdate(JsonObject? live, JsonObject next, Shape shape, FieldWriter writer)
    {
        var entries = Read(next.Arr("metadata", "managedFields") is { } given ? given : live.Arr("metadata", "managedFields"));
        var changes = FieldWalk.Compare(live, next, shape);
        var touched = changes.Set.Union(changes.Removed);
        if (!touched.IsEmpty)
        {
            var own = entries.Find(e => e.IsOf(writer, "Update"))?.Fields ?? new FieldSet();
            entries = [.. entries.Where(e => !e.IsOf(writer, "Update")).Select(e => e with { Fields = e.Fields.Without(touched) })];
            entries.Add(new Entry(writer.Manager, "Update", writer.ApiVersion, writer.Subresource, writer.Time,
                own.Without(changes.Removed).Union(changes.Set)));
        }
        Write(next, entries);
    }

    /// <summary>
    /// Server-side apply: <paramref name="config"/> over <paramref name="live"/>. Fields this manager applied before and now leaves
    /// out go, unless someone else has them. Returns the merged object with managedFields set, or the conflicts.
    /// </summary>
    public static (JsonObject Merged, List<Cause> Conflicts) Apply(JsonObject? live, JsonObject config, Shape shape, FieldWriter writer, bool force)
    {
        var entries = Read(live.Arr("metadata", "managedFields"));
        if (live is not null && entries.Count == 0 && live.At("metadata", "managedFields") is null)
        {
            entries.Add(new Entry("before-first-apply", "Update", writer.ApiVersion, null, writer.Time, FieldWalk.Fields(live, shape)));
        }
        var mine = entries.Find(e => e.IsOf(writer, "Apply"));
        var others = entries.Where(e => !e.IsOf(writer, "Apply")).ToList();
        var wanted = FieldWalk.Fields(config, shape);
        var merged = live is null ? config.Copy() : (JsonObject)FieldWalk.Merge(live, config, shape)!;
        if (mine is not null)
        {
            var kept = others.Aggregate(wanted, (all, e) => all.Union(e.Fields));
            FieldWalk.Remove(merged, mine.Fields.Without(wanted), kept, shape);
        }
        var changes = FieldWalk.Compare(live, merged, shape);
        var conflicts = Conflicts(others, changes.Set);
        if (conflicts.Count > 0 && !force) return (merged, conflicts);

        var touched = changes.Set.Union(changes.Removed);
        var result = others.Select(e => e with { Fields = e.Fields.Without(touched) }).ToList();
        var time = mine is not null && mine.Fields.SameAs(wanted) ? mine.Time : writer.Time;
        result.Add(new Entry(writer.Manager, "Apply", writer.ApiVersion, writer.Subresource, time, wanted));
        Write(merged, result);
        return (merged, []);
    }

    private static List<Cause> Conflicts(List<Entry> others, FieldSet changed)
    {
        var conflicts = new List<Cause>();
        foreach (var entry in others)
        {
            foreach (var path in entry.Fields.Intersect(changed).Paths())
            {
                var by = $"conflict with \"{entry.Manager}\""
                    + (entry.Subresource is { Length: > 0 } sub ? $" with subresource \"{sub}\"" : "")
                    + (entry.Operation == "Update" ? $" using {entry.ApiVersion}" : "");
                conflicts.Add(new Cause("FieldManagerConflict", by, path));
            }
        }
        return conflicts;
    }

    private static List<Entry> Read(JsonArray? managed)
    {
        var entries = new List<Entry>();
        foreach (var each in managed ?? [])
        {
            if (each.Str("manager") is not { } manager || each.Obj("fieldsV1") is not { } fields) continue;
            entries.Add(new Entry(manager, each.Str("operation") ?? "Update", each.Str("apiVersion") ?? "", each.Str("subresource"),
                each.Str("time") ?? "", FieldSet.FromJson(fields)));
        }
        return entries;
    }

    private static void Write(JsonObject tree, List<Entry> entries)
    {
        var list = new JsonArray();
        foreach (var entry in entries.Where(e => !e.Fields.IsEmpty)
            .OrderBy(e => e.Operation, StringComparer.Ordinal).ThenBy(e => e.Time, StringComparer.Ordinal).ThenBy(e => e.Manager, StringComparer.Ordinal))
        {
            var json = new JsonObject
            {
                ["manager"] = entry.Manager, ["operation"] = entry.Operation, ["apiVersion"] = entry.ApiVersion, ["time"] = entry.Time,
                ["fieldsType"] = "FieldsV1", ["fieldsV1"] = entry.Fields.ToJson(),
            };
            if (!string.IsNullOrEmpty(entry.Subresource)) json["subresource"] = entry.Subresource;
            list.Add(json);
        }
        if (list.Count > 0) tree.Ensure("metadata")["managedFields"] = list;
        else tree.Obj("metadata")?.Remove("managedFields");
    }
}
