// The loop of turns. Everything that touches data happens on this thread, in this order:
//
//   posts -> timers -> sockets (read, execute, reply) -> turn tasks in order of registration (expiry, eviction, snapshot
//   steps, journal hand-off, replica links) -> replies that had to wait for the journal
//
// Replies leave at the end of each connection's batch unless the journal holds them (appendfsync always): waiting for the
// end of the turn would only let them grow cold. Whoever wants durability before the answer sets ITransport.HoldReplies.
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Shoal.Server.Network;

/// <summary>The engine thread.</summary>
public sealed class Engine : IEngine
{
    private readonly ConcurrentQueue<Action> _posts = new();
    private readonly List<Action> _turnTasks = [];
    private readonly PriorityQueue<EngineTimer, long> _timers = new();
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private ITransport _transport = null!;
    private Func<long> _journalEnd = () => 0;
    private Func<long> _journalDurable = () => 0;
    private int _threadId = -1;
    private int _woken;
    private int _asleep;
    private long _turns;
    private volatile bool _stopping;
    private bool _hurry;
    private int _cancelled;

    public Engine(TimeProvider time, ILogger log)
    {
        _time = time;
        _log = log;
        NowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    public long NowMs { get; private set; }

    /// <summary>Runs first in each turn, when the clock has moved.</summary>
    public Action<long>? ClockMoved { get; set; }

    /// <summary>Raised when something threw on the engine thread outside a command: the node must not go on.</summary>
    public Action<Exception>? Failed { get; set; }

    public bool IsEngineThread => Environment.CurrentManagedThreadId == _threadId;

    public long Turns => Volatile.Read(ref _turns);

    /// <summary>True while the engine waits for work. Any thread.</summary>
    public bool IsAsleep => Volatile.Read(ref _asleep) == 1;

    /// <summary>Connects the loop; before <see cref="Run"/>.</summary>
    public void Connect(ITransport transport, Func<long> journalEnd, Func<long> journalDurable)
    {
        _transport = transport;
        transport.Awake = TurnBegins;
        _journalEnd = journalEnd;
        _journalDurable = journalDurable;
    }

    public void Post(Action action)
    {
        _posts.Enqueue(action);
        if (Interlocked.Exchange(ref _woken, 1) == 0) _transport?.Wake();
    }

    public void AddTurnTask(Action beforeFlush) => _turnTasks.Add(beforeFlush);

    public IDisposable Every(TimeSpan interval, Action action) => Arm(new EngineTimer(this, action, Math.Max((long)interval.TotalMilliseconds, 1)), interval);

    public IDisposable After(TimeSpan delay, Action action) => Arm(new EngineTimer(this, action, 0), delay);

    public void Hurry() => _hurry = true;

    /// <summary>Turns until <see cref="Stop"/>.</summary>
    public void Run()
    {
        _threadId = Environment.CurrentManagedThreadId;
        try
        {
            while (!_stopping) Turn();
        }
        catch (Exception e)
        {
            _log.LogCritical(e, "The engine failed");
            Failed?.Invoke(e);
        }
    }

    /// <summary>Ends the loop after the running turn. Any thread.</summary>
    public void Stop() => Post(() => _stopping = true);

    public void Breathe()
    {
        _transport.Turn(0);
        _transport.EndTurn(_journalEnd(), _journalDurable());
        Volatile.Write(ref _turns, _turns + 1);
    }

    public void ServeInside()
    {
        _transport.ReleaseReplies(_journalDurable());
        _transport.TurnInside();
        Volatile.Write(ref _turns, _turns + 1);
    }

    private void Turn()
    {
        int wait = _hurry || !_posts.IsEmpty ? 0 : UntilNextTimer();
        _hurry = false;
        if (wait != 0) Volatile.Write(ref _asleep, 1);
        _transport.Turn(wait);
        RunTimers();
        foreach (var task in _turnTasks) task();
        _transport.EndTurn(_journalEnd(), _journalDurable());
        Volatile.Write(ref _turns, _turns + 1);
    }

    /// <summary>The transport woke up and is about to serve sockets: the turn begins.</summary>
    private void TurnBegins()
    {
        Volatile.Write(ref _asleep, 0);
        MoveClock();
        RunPosts();
    }

    private void MoveClock()
    {
        NowMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
        ClockMoved?.Invoke(NowMs);
    }

    private void RunPosts()
    {
        Volatile.Write(ref _woken, 0);
        // Posts made by posts run in the next turn.
        for (int left = _posts.Count; left > 0 && _posts.TryDequeue(out var post); left--) post();
    }

    private int UntilNextTimer()
    {
        while (_timers.TryPeek(out var timer, out long due))
        {
            if (!timer.IsCancelled) return (int)Math.Clamp(due - _time.GetUtcNow().ToUnixTimeMilliseconds(), 0, 60_000);
            _timers.Dequeue();
        }
        return 60_000;
    }

    private void RunTimers()
    {
        for (int most = _timers.Count; most > 0; most--)
        {
            if (!_timers.TryPeek(out var timer, out long due) || due > NowMs) return;
            _timers.Dequeue();
            if (timer.IsCancelled) continue;
            if (timer.IntervalMs > 0) _timers.Enqueue(timer, NowMs + timer.IntervalMs);
            timer.Action();
        }
    }

    private EngineTimer Arm(EngineTimer timer, TimeSpan delay)
    {
        // Timeouts of blocked clients are mostly cancelled long before they are due.
        if (_cancelled > 1024 && _cancelled > _timers.Count / 2)
        {
            var alive = _timers.UnorderedItems.Where(t => !t.Element.IsCancelled).ToArray();
            _timers.Clear();
            _timers.EnqueueRange(alive);
            _cancelled = 0;
        }
        _timers.Enqueue(timer, _time.GetUtcNow().ToUnixTimeMilliseconds() + Math.Max((long)delay.TotalMilliseconds, 0));
        return timer;
    }

    private sealed class EngineTimer(Engine engine, Action action, long intervalMs) : IDisposable
    {
        public Action Action { get; } = action;

        public long IntervalMs { get; } = intervalMs;

        public bool IsCancelled { get; private set; }

        public void Dispose()
        {
            if (!IsCancelled) engine._cancelled++;
            IsCancelled = true;
        }
    }
}
