// The recent changes of one resource. Each watch reads it with its own position, so a slow watch costs no memory: when
// the window has moved past it, it is told so (410) and lists again, exactly as with a real API server's watch cache.
namespace Shoal.Sandbox.Api.Storage;

internal sealed class WatchHistory(int window, long floor)
{
    private readonly Lock gate = new();
    private readonly Queue<WatchEvent> events = new();
    private TaskCompletionSource changed = NewSignal();
    private long oldestResumable = floor;

    /// <summary>Completes at the next change after the moment it was read.</summary>
    public Task Changed
    {
        get { lock (gate) return changed.Task; }
    }

    public void Append(WatchEvent happened)
    {
        TaskCompletionSource wake;
        lock (gate)
        {
            events.Enqueue(happened);
            if (events.Count > window) oldestResumable = events.Dequeue().Revision;
            (wake, changed) = (changed, NewSignal());
        }
        wake.SetResult();
    }

    /// <summary>Adds everything after <paramref name="revision"/>; false when part of it is no longer known.</summary>
    public bool TryRead(long revision, List<WatchEvent> into)
    {
        lock (gate)
        {
            if (revision < oldestResumable) return false;
            foreach (var happened in events)
                if (happened.Revision > revision) into.Add(happened);
            return true;
        }
    }

    public long OldestResumable
    {
        get { lock (gate) return oldestResumable; }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
