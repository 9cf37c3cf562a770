// Keeps a local copy of a collection: list once, then watch from the list's version. What people learnt the hard way is
// here: bookmarks and every event advance the version we resume from; a closed stream is resumed, not relisted; 410 means
// relist at once; an unreachable server is retried with backoff; and because a missed event is the bug nobody can see,
// everything is listed again now and then and the differences are reported as changes.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>What an informer looks at and how often it distrusts itself.</summary>
public sealed record InformerOptions
{
    /// <summary>Null = all namespaces.</summary>
    public string? Namespace { get; init; }

    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }

    /// <summary>List everything again after this long.</summary>
    public TimeSpan RelistEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The server is asked to end each watch after this long.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>First and longest wait after the server could not be reached.</summary>
    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often to look whether an API the server does not serve has appeared.</summary>
    public TimeSpan AbsentApiRetry { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>One change of the cache: added (Old null), modified, or removed (New null).</summary>
public sealed record InformerChange<T>(T? Old, T? New)
    where T : class
{
    /// <summary>The newest state known.</summary>
    public T Object => New ?? Old!;
}

/// <summary>The part of an informer that does not depend on the type it watches.</summary>
public interface IInformer
{
    ResourceType Type { get; }

    /// <summary>True once the first list has been taken in (or the API turned out to be absent).</summary>
    bool IsSynced { get; }

    /// <summary>False while the server does not offer this resource; the cache is empty then.</summary>
    bool IsServed { get; }

    /// <summary>When the server last answered a list or said anything on a watch; null = never.</summary>
    DateTimeOffset? LastContact { get; }

    /// <summary>Completes once <see cref="IsSynced"/>.</summary>
    Task WhenSyncedAsync(CancellationToken ct = default);

    /// <summary>Lists and watches until cancelled; does not throw for anything the server does.</summary>
    Task RunAsync(CancellationToken ct);
}

/// <summary>A cache of a collection, kept current. Objects handed out are shared: clone before changing one.</summary>
public sealed class Informer<T> : IInformer
    where T : class, IKubernetesObject
{
    private readonly ConcurrentDictionary<NamespacedName, T> _cache = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IKubernetes _kubernetes;
    private readonly InformerOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Lock _handlersGate = new();
    private Action<InformerChange<T>>[] _handlers = [];
    private string? _version;
    private long _lastContact;

    public Informer(IKubernetes kubernetes, InformerOptions options, TimeProvider clock, ILogger log, ResourceType? type = null)
    {
        (_kubernetes, _options, _clock, _log) = (kubernetes, options, clock, log);
        Type = type ?? ResourceType.Of<T>();
    }

    public ResourceType Type { get; }

    public bool IsSynced => _synced.Task.IsCompleted;

    public bool IsServed { get; private set; } = true;

    public DateTimeOffset? LastContact =>
        Interlocked.Read(ref _lastContact) is var ticks and > 0 ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>Everything cached, in no order.</summary>
    public IReadOnlyList<T> All() => [.. _cache.Values];

    /// <summary>Everything cached of one namespace.</summary>
    public IReadOnlyList<T> In(string ns) => [.. _cache.Where(e => e.Key.Namespace == ns).Select(e => e.Value)];

    /// <summary>One object, null when it is not there.</summary>
    public T? Get(NamespacedName key) => _cache.GetValueOrDefault(key);

    public Task WhenSyncedAsync(CancellationToken ct = default) => _synced.Task.WaitAsync(ct);

    /// <summary>
    /// Calls <paramref name="handler"/> for each change, in order, on the informer's thread; it must be quick and must not throw.
    /// What is cached already is reported first, as added.
    /// </summary>
    public void Subscribe(Action<InformerChange<T>> handler)
    {
        lock (_handlersGate)
        {
            foreach (var known in _cache.Values)
            {
                handler(new InformerChange<T>(null, known));
            }

            _handlers = [.. _handlers, handler];
        }
    }

    public async Task RunAsync(CancellationToken ct)
    {
        var failures = 0;
        var listedAt = 0L;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (_version is null || _clock.GetElapsedTime(listedAt) >= _options.RelistEvery)
                {
                    await RelistAsync(ct).ConfigureAwait(false);
                    listedAt = _clock.GetTimestamp();
                }

                var left = _options.RelistEvery - _clock.GetElapsedTime(listedAt);
                await FollowAsync(left < _options.WatchTimeout ? left : _options.WatchTimeout, () => failures = 0, ct).ConfigureAwait(false);
                continue;
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (KubernetesException e) when (e.IsGone)
            {
                Log.VersionExpired(_log, Type.ToString(), _version);
                _version = null;
            }
            catch (KubernetesException e) when (e.IsNotFound)
            {
                await ForgetAbsentApiAsync(ct).ConfigureAwait(false);
                continue;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Log.WatchFailed(_log, Type.ToString(), e.Message);
            }

            await PauseAsync(failures++, ct).ConfigureAwait(false);
        }
    }

    private async Task RelistAsync(CancellationToken ct)
    {
        var list = await _kubernetes.ListAsync<T>(
            Type, _options.Namespace, new ListOptions { LabelSelector = _options.LabelSelector, FieldSelector = _options.FieldSelector }, ct)
            .ConfigureAwait(false);
        IsServed = true;
        Touch();
        var seen = new HashSet<NamespacedName>(list.Items.Count);
        foreach (var item in list.Items)
        {
            seen.Add(NamespacedName.Of(item));
            Put(item);
        }

        foreach (var (key, old) in _cache)
        {
            if (!seen.Contains(key))
            {
                Drop(key, old);
            }
        }

        _version = list.ResourceVersion;
        _synced.TrySetResult();
    }

    private async Task FollowAsync(TimeSpan timeout, Action onProgress, CancellationToken ct)
    {
        var options = new WatchOptions
        {
            LabelSelector = _options.LabelSelector,
            FieldSelector = _options.FieldSelector,
            ResourceVersion = _version,
            Timeout = timeout < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : timeout,
        };
        var started = _clock.GetTimestamp();
        var events = 0;
        await foreach (var change in _kubernetes.WatchAsync<T>(Type, _options.Namespace, options, ct).ConfigureAwait(false))
        {
            events++;
            Touch();
            onProgress();
            if (change.Type == WatchEventType.Deleted)
            {
                Drop(NamespacedName.Of(change.Object), change.Object);
            }
            else if (change.Type != WatchEventType.Bookmark)
            {
                Put(change.Object);
            }

            if (change.Object.Metadata.ResourceVersion is { Length: > 0 } version)
            {
                _version = version;
            }
        }

        if (events == 0 && _clock.GetElapsedTime(started) < TimeSpan.FromSeconds(1))
        {
            // A server that closes empty streams at once must not be hammered.
            throw new IOException("the watch ended at once without an event");
        }

        Touch();
        onProgress();
    }

    private async Task ForgetAbsentApiAsync(CancellationToken ct)
    {
        if (IsServed)
        {
            Log.ApiAbsent(_log, Type.ToString());
        }

        IsServed = false;
        Touch();
        foreach (var (key, old) in _cache)
        {
            Drop(key, old);
        }

        _version = null;
        _synced.TrySetResult();
        await DelayAsync(_options.AbsentApiRetry, ct).ConfigureAwait(false);
    }

    private void Put(T item)
    {
        var key = NamespacedName.Of(item);
        var old = _cache.GetValueOrDefault(key);
        if (old is not null && old.Metadata.Uid == item.Metadata.Uid && old.Metadata.ResourceVersion == item.Metadata.ResourceVersion
            && item.Metadata.ResourceVersion is not null)
        {
            return;
        }

        _cache[key] = item;
        Tell(new InformerChange<T>(old, item));
    }

    private void Drop(NamespacedName key, T last)
    {
        if (_cache.TryRemove(key, out var old))
        {
            // The final state of a deleted object may be newer than what was cached.
            Tell(new InformerChange<T>(last ?? old, null));
        }
    }

    private void Tell(InformerChange<T> change)
    {
        lock (_handlersGate)
        {
            foreach (var handler in _handlers)
            {
                handler(change);
            }
        }
    }

    private void Touch() => Interlocked.Exchange(ref _lastContact, _clock.GetUtcNow().UtcTicks);

    private Task PauseAsync(int failures, CancellationToken ct)
    {
        var ms = Math.Min(_options.MaxBackoff.TotalMilliseconds, _options.MinBackoff.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 20)));
        return DelayAsync(TimeSpan.FromMilliseconds(ms * (1 + (Random.Shared.NextDouble() * 0.2))), ct);
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken ct)
    {
        try
        {
            await Task.Delay(delay, _clock, ct).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop looks at the token next.
        }
    }
}
