// Deletes objects whose owners are gone, and carries out foreground and orphan deletions:
//
//   owner gone                              -> its dependents are deleted; one that has another owner left loses the reference
//   owner deleting, finalizer "orphan"      -> dependents lose the reference, then the finalizer goes
//   owner deleting, "foregroundDeletion"    -> dependents are deleted first; the finalizer goes when no blocking one is left
//
// Owners are known by uid. Whether an owner is really gone is asked of the server before anything is deleted: a cache that
// lags must never cost an object its life. Resources are found by discovery, so custom resources are collected too.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Controllers;

internal sealed class GarbageCollector(IKubernetes api, TimeProvider clock, ILogger log)
{
    private const string Orphan = "orphan";
    private const string Foreground = "foregroundDeletion";
    private static readonly TimeSpan DiscoverEvery = TimeSpan.FromSeconds(10);

    // Short-lived or heartbeat objects that own nothing and are owned by nothing we collect.
    private static readonly HashSet<string> Skipped = ["events", "leases", "nodes", "componentstatuses"];

    private readonly ConcurrentDictionary<ResourceType, Informer<UntypedObject>> _informers = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<(ResourceType Type, NamespacedName Key), byte>> _dependents = new();
    private readonly WorkQueue _queue = new(clock, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10));

    public async Task RunAsync(CancellationToken ct)
    {
        using var closing = ct.UnsafeRegister(static q => ((WorkQueue)q!).Close(), _queue);
        var running = new List<Task> { Task.Run(() => WorkAsync(ct), CancellationToken.None) };
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var isNews = false;
                foreach (var resource in await api.DiscoverAsync(ct).ConfigureAwait(false))
                {
                    isNews |= Watch(resource, running, ct);
                }

                if (isNews)
                {
                    // What had an owner of a kind unknown until now was left alone; its owner may be gone already.
                    foreach (var (type, key) in _dependents.Values.SelectMany(d => d.Keys))
                    {
                        Enqueue(type, key);
                    }
                }

                await Task.Delay(DiscoverEvery, clock, ct).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
            {
                Log.CollectFailed(log, "discovery", e.Message);
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(1), clock, ct)).ConfigureAwait(false);
            }
        }

        await Task.WhenAll(running).ConfigureAwait(false);
        _queue.Dispose();
    }

    private bool Watch(ApiResource resource, List<Task> running, CancellationToken ct)
    {
        var isWatchable = resource.Verbs.Contains("list") && resource.Verbs.Contains("watch") && resource.Verbs.Contains("delete");
        if (!isWatchable || Skipped.Contains(resource.Type.Plural) || _informers.Keys.Any(t => t.Group == resource.Type.Group && t.Plural == resource.Type.Plural))
        {
            return false;
        }

        var informer = new Informer<UntypedObject>(api, new InformerOptions(), clock, log, resource.Type);
        _informers[resource.Type] = informer;
        informer.Subscribe(change => OnChange(resource.Type, change));
        running.Add(Task.Run(() => informer.RunAsync(ct), CancellationToken.None));
        return true;
    }

    private void OnChange(ResourceType type, InformerChange<UntypedObject> change)
    {
        var key = NamespacedName.Of(change.Object);
        foreach (var owner in change.Old?.Metadata.OwnerReferences ?? [])
        {
            if (change.New?.Metadata.OwnerReferences?.Exists(o => o.Uid == owner.Uid) != true && _dependents.TryGetValue(owner.Uid ?? "", out var set))
            {
                set.TryRemove((type, key), out _);
                QueueOwner(owner, key.Namespace);
            }
        }

        if (change.New is null || (change.Old is not null && change.Old.Metadata.Uid != change.New.Metadata.Uid))
        {
            // Gone: everything it owned has to be looked at.
            foreach (var (dependentType, dependentKey) in Dependents((change.Old ?? change.Object).Metadata.Uid!))
            {
                Enqueue(dependentType, dependentKey);
            }
        }

        if (change.New is not { } now)
        {
            return;
        }

        foreach (var owner in now.Metadata.OwnerReferences ?? [])
        {
            _dependents.GetOrAdd(owner.Uid ?? "", static _ => new())[(type, key)] = 0;
        }

        if (now.Metadata.OwnerReferences is { Count: > 0 } || IsWaiting(now))
        {
            Enqueue(type, key);
        }
    }

    private static bool IsWaiting(IKubernetesObject o) =>
        o.Metadata.DeletionTimestamp is not null && o.Metadata.Finalizers?.Exists(f => f is Orphan or Foreground) == true;

    private ICollection<(ResourceType Type, NamespacedName Key)> Dependents(string uid) => _dependents.TryGetValue(uid, out var set) ? set.Keys : [];

    private void QueueOwner(V1OwnerReference owner, string ns)
    {
        if (TypeOf(owner) is { } type)
        {
            Enqueue(type, new NamespacedName(type.Namespaced ? ns : "", owner.Name ?? ""));
        }
    }

    private void Enqueue(ResourceType type, NamespacedName key)
    {
        // The queue's keys are pairs of texts: the resource takes the place of the namespace.
        _queue.Add(new NamespacedName(type.ToString(), key.ToString()));
    }

    private (ResourceType Type, NamespacedName Key) Decode(NamespacedName name)
    {
        var type = _informers.Keys.First(t => t.ToString() == name.Namespace);
        var slash = name.Name.IndexOf('/', StringComparison.Ordinal);
        return (type, slash < 0 ? new NamespacedName("", name.Name) : new NamespacedName(name.Name[..slash], name.Name[(slash + 1)..]));
    }

    private ResourceType? TypeOf(V1OwnerReference owner)
    {
        var slash = owner.ApiVersion?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        var group = slash < 0 ? "" : owner.ApiVersion![..slash];
        return _informers.Keys.FirstOrDefault(t => t.Kind == owner.Kind && t.Group == group);
    }

    private async Task WorkAsync(CancellationToken ct)
    {
        while (await _queue.TakeAsync(CancellationToken.None).ConfigureAwait(false) is { } name)
        {
            try
            {
                var (type, key) = Decode(name);
                await CollectAsync(type, key, ct).ConfigureAwait(false);
                _queue.Forget(name);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
            {
                if (e is not KubernetesException { IsConflict: true })
                {
                    Log.CollectFailed(log, name.ToString(), e.Message);
                }

                _queue.AddAfterFailure(name);
            }
            finally
            {
                _queue.Done(name);
            }
        }
    }

    private async Task CollectAsync(ResourceType type, NamespacedName key, CancellationToken ct)
    {
        if (_informers[type].Get(key) is not { } cached)
        {
            return;
        }

        if (IsWaiting(cached))
        {
            await FinishDeletionAsync(type, key, ct).ConfigureAwait(false);
        }

        if (cached.Metadata.OwnerReferences is { Count: > 0 } && cached.Metadata.DeletionTimestamp is null)
        {
            await CheckOwnersAsync(type, cached, ct).ConfigureAwait(false);
        }
    }

    private async Task CheckOwnersAsync(ResourceType type, UntypedObject cached, CancellationToken ct)
    {
        var left = new List<V1OwnerReference>();
        var isForeground = false;
        var gone = 0;
        foreach (var reference in cached.Metadata.OwnerReferences!)
        {
            var owner = await FindOwnerAsync(reference, cached.Metadata.Namespace, ct).ConfigureAwait(false);
            if (owner is OwnerState.Gone)
            {
                gone++;
                continue;
            }

            left.Add(reference);
            isForeground |= owner is OwnerState.DeletingForeground;
        }

        var keepers = left.Count > 0 && !(isForeground && left.Count == 1);
        if (gone == 0 && !(isForeground && !keepers))
        {
            return;
        }

        var live = await api.GetAsync<UntypedObject>(type, cached.Metadata.Namespace, cached.Metadata.Name!, ct).ConfigureAwait(false);
        if (live is null || live.Metadata.Uid != cached.Metadata.Uid || live.Metadata.DeletionTimestamp is not null
            || live.Metadata.ResourceVersion != cached.Metadata.ResourceVersion)
        {
            // The cache lags: the change it has not seen will bring us back.
            return;
        }

        if (keepers)
        {
            await SetMetadataAsync(type, live, "ownerReferences", left, ct).ConfigureAwait(false);
        }
        else
        {
            await api.DeleteAsync(type, live.Metadata.Namespace, live.Metadata.Name!, new DeleteOptions
            {
                Propagation = isForeground ? "Foreground" : "Background",
                Uid = live.Metadata.Uid,
                ResourceVersion = live.Metadata.ResourceVersion,
            }, ct).ConfigureAwait(false);
        }
    }

    private enum OwnerState { Alive, DeletingForeground, Gone }

    private async Task<OwnerState> FindOwnerAsync(V1OwnerReference reference, string? ns, CancellationToken ct)
    {
        if (TypeOf(reference) is not { } type)
        {
            // A kind the server does not serve: nothing can be said about it, so nothing is done.
            return OwnerState.Alive;
        }

        var key = new NamespacedName(type.Namespaced ? ns ?? "" : "", reference.Name ?? "");
        var owner = _informers[type].Get(key);
        if (owner?.Metadata.Uid != reference.Uid)
        {
            owner = await api.GetAsync<UntypedObject>(type, type.Namespaced ? ns : null, reference.Name ?? "", ct).ConfigureAwait(false);
        }

        if (owner is null || owner.Metadata.Uid != reference.Uid)
        {
            return OwnerState.Gone;
        }

        return owner.Metadata.DeletionTimestamp is not null && owner.Metadata.Finalizers?.Contains(Foreground) == true
            ? OwnerState.DeletingForeground : OwnerState.Alive;
    }

    private async Task FinishDeletionAsync(ResourceType type, NamespacedName key, CancellationToken ct)
    {
        var owner = await api.GetAsync<UntypedObject>(type, key.Namespace.Length == 0 ? null : key.Namespace, key.Name, ct).ConfigureAwait(false);
        if (owner is null || !IsWaiting(owner))
        {
            return;
        }

        var orphans = owner.Metadata.Finalizers!.Contains(Orphan);
        var blocked = false;
        var dependents = orphans ? await ListDependentsAsync(owner, ct).ConfigureAwait(false) : [.. Dependents(owner.Metadata.Uid!)];
        foreach (var (dependentType, dependentKey) in dependents)
        {
            var dependent = await api.GetAsync<UntypedObject>(
                dependentType, dependentKey.Namespace.Length == 0 ? null : dependentKey.Namespace, dependentKey.Name, ct).ConfigureAwait(false);
            if (dependent?.Metadata.OwnerReferences?.Find(o => o.Uid == owner.Metadata.Uid) is not { } reference)
            {
                continue;
            }

            if (orphans)
            {
                List<V1OwnerReference> others = [.. dependent.Metadata.OwnerReferences.Where(o => o.Uid != owner.Metadata.Uid)];
                await SetMetadataAsync(dependentType, dependent, "ownerReferences", others, ct).ConfigureAwait(false);
            }
            else
            {
                blocked |= reference.BlockOwnerDeletion == true;
                Enqueue(dependentType, dependentKey);
            }
        }

        if (!blocked)
        {
            List<string> kept = [.. owner.Metadata.Finalizers.Where(f => f != (orphans ? Orphan : Foreground))];
            await SetMetadataAsync(type, owner, "finalizers", kept, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Every dependent as the server knows them: one the caches have not seen yet would be collected instead of orphaned.</summary>
    private async Task<List<(ResourceType Type, NamespacedName Key)>> ListDependentsAsync(UntypedObject owner, CancellationToken ct)
    {
        var found = new List<(ResourceType, NamespacedName)>();
        foreach (var (type, informer) in _informers.Where(i => i.Value.IsServed))
        {
            var ns = type.Namespaced && !string.IsNullOrEmpty(owner.Metadata.Namespace) ? owner.Metadata.Namespace : null;
            var all = await api.ListAsync<UntypedObject>(type, ns, ListOptions.All, ct).ConfigureAwait(false);
            found.AddRange(all.Items.Where(o => o.Metadata.OwnerReferences?.Exists(r => r.Uid == owner.Metadata.Uid) == true)
                .Select(o => (informer.Type, NamespacedName.Of(o))));
        }

        return found;
    }

    private Task<UntypedObject> SetMetadataAsync(ResourceType type, UntypedObject o, string member, object value, CancellationToken ct) =>
        api.PatchAsync<UntypedObject>(
            type,
            o.Metadata.Namespace,
            o.Metadata.Name!,
            Patch.Merge(new Dictionary<string, object>
            {
                ["metadata"] = new Dictionary<string, object?>
                {
                    ["uid"] = o.Metadata.Uid,
                    ["resourceVersion"] = o.Metadata.ResourceVersion,
                    [member] = value,
                },
            }),
            ct: ct);
}
