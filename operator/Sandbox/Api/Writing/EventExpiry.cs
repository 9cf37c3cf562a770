// Events are forgotten after their time to live, or a long-running sandbox would collect them for ever.
using System.Globalization;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Storage;

namespace Shoal.Sandbox.Api.Writing;

internal sealed class EventExpiry : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);
    private readonly ObjectStore store;
    private readonly SandboxApiOptions options;
    private readonly ITimer timer;
    private bool isOver;

    public EventExpiry(ObjectStore store, SandboxApiOptions options)
    {
        (this.store, this.options) = (store, options);
        timer = options.TimeProvider.CreateTimer(_ => RemoveOld(), null, LookEvery, LookEvery);
    }

    public void Dispose()
    {
        timer.Dispose();
        // A pass that is running finishes before the store closes; a later one sees that it is over.
        lock (store.Gate) isOver = true;
    }

    private void RemoveOld()
    {
        var oldest = options.TimeProvider.GetUtcNow() - options.EventTimeToLive;
        lock (store.Gate)
        {
            if (isOver) return;
            foreach (var stored in store.List("/events").Objects.Values)
            {
                var seen = stored.Tree.Str("lastTimestamp") ?? stored.Tree.Str("eventTime") ?? stored.Tree.Str("metadata", "creationTimestamp");
                if (DateTimeOffset.TryParse(seen, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at < oldest)
                    store.Remove(stored, stored.Tree.Copy());
            }
        }
    }
}
