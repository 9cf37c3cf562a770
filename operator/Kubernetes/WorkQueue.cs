// The queue between informers and reconcilers. A key is in it at most once however many events name it; a key being
// worked on is never given to a second worker, and if it is added meanwhile it comes back when the first is done.

namespace Shoal.Operator.Kubernetes;

/// <summary>Keys waiting to be reconciled. Thread safe.</summary>
public sealed class WorkQueue : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly TimeSpan _minBackoff;
    private readonly TimeSpan _maxBackoff;
    private readonly Queue<NamespacedName> _ready = new();
    private readonly HashSet<NamespacedName> _queued = [];
    private readonly HashSet<NamespacedName> _working = [];
    private readonly HashSet<NamespacedName> _again = [];
    private readonly Dictionary<NamespacedName, int> _failures = [];
    private readonly Dictionary<NamespacedName, long> _dueAt = [];
    private readonly PriorityQueue<NamespacedName, long> _delayed = new();
    private readonly Queue<TaskCompletionSource<NamespacedName?>> _waiters = new();
    private readonly ITimer _timer;
    private bool _closed;

    /// <param name="clock">Drives delays.</param>
    /// <param name="minBackoff">First retry delay; default 100 ms.</param>
    /// <param name="maxBackoff">Longest retry delay; default 5 minutes.</param>
    public WorkQueue(TimeProvider clock, TimeSpan? minBackoff = null, TimeSpan? maxBackoff = null)
    {
        _clock = clock;
        _minBackoff = minBackoff ?? TimeSpan.FromMilliseconds(100);
        _maxBackoff = maxBackoff ?? TimeSpan.FromMinutes(5);
        _timer = clock.CreateTimer(_ => Release(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys ready to be taken (not those delayed or being worked on).</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    /// <summary>Queues a key now; a pending delay for it is dropped.</summary>
    public void Add(NamespacedName key)
    {
        lock (_gate)
        {
            _dueAt.Remove(key);
            Enqueue(key);
        }
    }

    /// <summary>Queues a key after a delay; of several delays the earliest counts.</summary>
    public void AddAfter(NamespacedName key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = _clock.GetTimestamp() + (long)(delay.TotalSeconds * _clock.TimestampFrequency);
            if (_closed || (_dueAt.TryGetValue(key, out var already) && already <= due))
            {
                return;
            }

            _dueAt[key] = due;
            _delayed.Enqueue(key, due);
            Arm();
        }
    }

    /// <summary>Queues a key after its next backoff: doubling from the minimum to the maximum, with up to 10 % added at random.</summary>
    /// <returns>The delay chosen.</returns>
    public TimeSpan AddAfterFailure(NamespacedName key)
    {
        TimeSpan delay;
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(key);
            _failures[key] = failures + 1;
            var ms = Math.Min(_maxBackoff.TotalMilliseconds, _minBackoff.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 30)));
            delay = TimeSpan.FromMilliseconds(ms * (1 + (Random.Shared.NextDouble() * 0.1)));
        }

        AddAfter(key, delay);
        return delay;
    }

    /// <summary>Forgets a key's failures: its next backoff starts from the minimum.</summary>
    public void Forget(NamespacedName key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
        }
    }

    /// <summary>Takes the next key; null once the queue is closed. Every key taken must be given back with <see cref="Done"/>.</summary>
    public async ValueTask<NamespacedName?> TakeAsync(CancellationToken ct = default)
    {
        TaskCompletionSource<NamespacedName?> waiter;
        lock (_gate)
        {
            if (_closed)
            {
                return null;
            }

            if (_ready.TryDequeue(out var key))
            {
                _queued.Remove(key);
                _working.Add(key);
                return key;
            }

            waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Enqueue(waiter);
        }

        using (ct.UnsafeRegister(static (w, token) => ((TaskCompletionSource<NamespacedName?>)w!).TrySetCanceled(token), waiter))
        {
            return await waiter.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Gives a key back; if it was added while being worked on it is queued again.</summary>
    public void Done(NamespacedName key)
    {
        lock (_gate)
        {
            _working.Remove(key);
            if (_again.Remove(key))
            {
                Enqueue(key);
            }
        }
    }

    /// <summary>Ends all waits and drops what is queued.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _ready.Clear();
            _delayed.Clear();
            while (_waiters.TryDequeue(out var waiter))
            {
                waiter.TrySetResult(null);
            }
        }

        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        Close();
        _timer.Dispose();
    }

    private void Enqueue(NamespacedName key)
    {
        if (_closed || _queued.Contains(key))
        {
            return;
        }

        if (_working.Contains(key))
        {
            _again.Add(key);
            return;
        }

        while (_waiters.TryDequeue(out var waiter))
        {
            // Mark first: the waiter may run at once.
            _working.Add(key);
            if (waiter.TrySetResult(key))
            {
                return;
            }

            _working.Remove(key);
        }

        _queued.Add(key);
        _ready.Enqueue(key);
    }

    private void Release()
    {
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            while (_delayed.TryPeek(out var key, out var due) && due <= now)
            {
                _delayed.Dequeue();
                if (_dueAt.TryGetValue(key, out var current) && current == due)
                {
                    _dueAt.Remove(key);
                    Enqueue(key);
                }
            }

            Arm();
        }
    }

    private void Arm()
    {
        if (!_closed && _delayed.TryPeek(out _, out var due))
        {
            var ticks = Math.Max(0, due - _clock.GetTimestamp());
            _timer.Change(TimeSpan.FromSeconds((double)ticks / _clock.TimestampFrequency) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
    }
}
