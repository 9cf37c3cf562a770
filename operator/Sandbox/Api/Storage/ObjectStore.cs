// All objects of the sandbox, in memory, with one revision counter for everything, as etcd has. Writers hold Gate for their
// whole read-check-write, which makes every verb atomic; readers take immutable snapshots and never wait.
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Storage;

/// <summary>All objects of one resource as of one revision.</summary>
internal sealed record ListSnapshot(long Revision, ImmutableSortedDictionary<string, StoredObject> Objects);

internal sealed class ObjectStore : IDisposable
{
    private static readonly ImmutableSortedDictionary<string, StoredObject> Empty =
        ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, ImmutableSortedDictionary<string, StoredObject>> resources = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WatchHistory> histories = new(StringComparer.Ordinal);
    private readonly StateLog log;
    private readonly int window;
    private readonly long floor;
    private long revision;

    public ObjectStore(string directory, int historyWindow)
    {
        window = historyWindow;
        var loaded = new List<WatchEvent>();
        var snapshot = 0L;
        log = StateLog.Open(directory, line =>
        {
            if (line.Operation == StateOperation.End || line.Tree is null)
            {
                loaded.Clear();
                snapshot = revision = line.Revision;
                return;
            }
            loaded.Add(Load(line));
            revision = Math.Max(revision, line.Revision);
        });
        floor = snapshot;
        foreach (var happened in loaded) History(happened.Object.Resource).Append(happened);
    }

    /// <summary>Held by a writer from reading what it changes until <see cref="Put"/> or <see cref="Remove"/>.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The latest revision; everything up to it is visible.</summary>
    public long Revision => Interlocked.Read(ref revision);

    public StoredObject? Get(string resource, string? ns, string name) =>
        Of(resource).GetValueOrDefault(StoredObject.KeyOf(ns, name));

    public ListSnapshot List(string resource)
    {
        lock (Gate) return new ListSnapshot(revision, Of(resource));
    }

    /// <summary>Every living object, of every resource.</summary>
    public IEnumerable<StoredObject> All() => resources.Values.SelectMany(each => each.Values);

    public WatchHistory History(string resource) => histories.GetOrAdd(resource, _ => new WatchHistory(window, floor));

    /// <summary>Stores a new version under the next revision. The caller holds <see cref="Gate"/> and gives the tree away.</summary>
    public StoredObject Put(string resource, JsonObject tree)
    {
        var stored = Stamp(resource, tree);
        var objects = Of(resource);
        objects.TryGetValue(stored.Key, out var previous);
        log.Append(StateOperation.Put, stored);
        resources[resource] = objects.SetItem(stored.Key, stored);
        Publish(new WatchEvent(previous is null ? Change.Added : Change.Modified, stored, previous));
        return stored;
    }

    /// <summary>Removes an object; watches see <paramref name="last"/> under the revision of the removal. The caller holds <see cref="Gate"/>.</summary>
    public StoredObject Remove(StoredObject current, JsonObject last)
    {
        var stored = Stamp(current.Resource, last);
        log.Append(StateOperation.Delete, stored);
        resources[current.Resource] = Of(current.Resource).Remove(current.Key);
        Publish(new WatchEvent(Change.Deleted, stored, current));
        return stored;
    }

    public void Dispose() => log.Dispose();

    private StoredObject Stamp(string resource, JsonObject tree)
    {
        var next = revision + 1;
        tree.Ensure("metadata")["resourceVersion"] = next.ToString(CultureInfo.InvariantCulture);
        return new StoredObject(resource, tree, next);
    }

    private void Publish(WatchEvent happened)
    {
        History(happened.Object.Resource).Append(happened);
        Interlocked.Exchange(ref revision, happened.Revision);
        if (log.IsWorthCompacting) log.TryCompact(revision, All());
    }

    private ImmutableSortedDictionary<string, StoredObject> Of(string resource) => resources.GetValueOrDefault(resource, Empty);

    private WatchEvent Load(StateLine line)
    {
        var stored = new StoredObject(line.Resource, line.Tree!, line.Revision);
        var objects = Of(line.Resource);
        objects.TryGetValue(stored.Key, out var previous);
        var deleted = line.Operation == StateOperation.Delete;
        resources[line.Resource] = deleted ? objects.Remove(stored.Key) : objects.SetItem(stored.Key, stored);
        return new WatchEvent(deleted ? Change.Deleted : previous is null ? Change.Added : Change.Modified, stored, previous);
    }
}
