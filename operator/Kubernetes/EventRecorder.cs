// Events about our objects, as kubectl describe shows them. An event is a courtesy: it never blocks, never fails the
// caller, and never floods the server. The same event again raises the count of the first; an object that produces too
// many different ones runs out of tokens and the rest is dropped.

using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>Records events in the background; never blocks and never throws. Repeats are counted, floods are dropped.</summary>
public sealed class EventRecorder : IAsyncDisposable
{
    private const int Burst = 25;
    private const int RememberedEvents = 2048;
    private static readonly TimeSpan TokenEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AggregateFor = TimeSpan.FromMinutes(10);

    private readonly record struct EventKey(string Uid, string Type, string Reason, string Message);

    private readonly Channel<(V1ObjectReference About, EventKey Key)> _queue =
        Channel.CreateBounded<(V1ObjectReference, EventKey)>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Dictionary<EventKey, (V1Event Event, long At)> _recent = [];
    private readonly Dictionary<string, (double Tokens, long At)> _buckets = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly IKubernetes _kubernetes;
    private readonly string _component;
    private readonly string? _host;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Task _writer;

    public EventRecorder(IKubernetes kubernetes, string component, TimeProvider clock, ILogger log, string? host = null)
    {
        (_kubernetes, _component, _clock, _log, _host) = (kubernetes, component, clock, log, host);
        _writer = Task.Run(WriteAllAsync);
    }

    /// <summary>Something went as it should. <paramref name="reason"/> is one UpperCamelCase word.</summary>
    public void Normal(IKubernetesObject about, string reason, string message) => Record(V1ObjectReference.To(about), "Normal", reason, message);

    /// <summary>Something did not.</summary>
    public void Warning(IKubernetesObject about, string reason, string message) => Record(V1ObjectReference.To(about), "Warning", reason, message);

    /// <summary>As the others, for a part of an object, such as one container of a pod.</summary>
    public void Record(V1ObjectReference about, string type, string reason, string message)
    {
        var text = message.Length > 1000 ? message[..1000] + "..." : message;
        _queue.Writer.TryWrite((about, new EventKey(about.Uid ?? $"{about.Namespace}/{about.Name}", type, reason, text)));
    }

    /// <summary>Writes what is queued, for at most two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAny(_writer, Task.Delay(TimeSpan.FromSeconds(2))).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _writer.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WriteAllAsync()
    {
        await foreach (var (about, key) in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await WriteAsync(about, key, _stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Log.EventDropped(_log, key.Reason, e.Message);
            }
        }
    }

    private async Task WriteAsync(V1ObjectReference about, EventKey key, CancellationToken ct)
    {
        if (_recent.TryGetValue(key, out var known) && _clock.GetElapsedTime(known.At) < AggregateFor)
        {
            var again = known.Event;
            again.Count = (again.Count ?? 1) + 1;
            again.LastTimestamp = _clock.GetUtcNow();
            _recent[key] = (again, _clock.GetTimestamp());
            try
            {
                var patch = new Dictionary<string, object> { ["count"] = again.Count, ["lastTimestamp"] = again.LastTimestamp };
                await _kubernetes.PatchAsync<V1Event>(again.Metadata.Namespace, again.Metadata.Name!, Patch.Merge(patch), ct: ct).ConfigureAwait(false);
                return;
            }
            catch (KubernetesException e) when (e.IsNotFound)
            {
                // The server has let it expire: start a new one.
            }
        }

        if (!TakeToken(key.Uid))
        {
            return;
        }

        var made = await _kubernetes.CreateAsync(Make(about, key), ct).ConfigureAwait(false);
        if (_recent.Count >= RememberedEvents)
        {
            _recent.Clear();
            _buckets.Clear();
        }

        _recent[key] = (made, _clock.GetTimestamp());
    }

    private bool TakeToken(string uid)
    {
        var (tokens, at) = _buckets.GetValueOrDefault(uid, (Burst, _clock.GetTimestamp()));
        tokens = Math.Min(Burst, tokens + (_clock.GetElapsedTime(at) / TokenEvery));
        var granted = tokens >= 1;
        _buckets[uid] = (granted ? tokens - 1 : tokens, _clock.GetTimestamp());
        return granted;
    }

    private V1Event Make(V1ObjectReference about, EventKey key)
    {
        var now = _clock.GetUtcNow();
        return new V1Event
        {
            Metadata = new V1ObjectMeta
            {
                Namespace = string.IsNullOrEmpty(about.Namespace) ? "default" : about.Namespace,
                Name = $"{about.Name}.{now.UtcTicks:x}{Random.Shared.Next(0x1000):x3}",
            },
            InvolvedObject = about,
            Type = key.Type,
            Reason = key.Reason,
            Message = key.Message,
            Count = 1,
            FirstTimestamp = now,
            LastTimestamp = now,
            Source = new V1EventSource { Component = _component, Host = _host },
            ReportingComponent = _component,
        };
    }
}
