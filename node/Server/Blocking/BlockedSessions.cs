// Clients that wait for a key (BLPOP, BZPOPMIN, XREAD BLOCK...). A waiting session keeps a copy of its request. A key that
// changes while somebody waits for it is noted as ready; once the running unit (command, EXEC, script) is over, the sessions
// waiting for it are served in the order they came: each runs its request again, through all gates, as if it arrived now. So
// a handler needs no second form for being woken, and what is journalled is what it does then (LPOP, not BLPOP).
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Blocking;

/// <summary>All sessions that wait for keys. Engine thread.</summary>
public sealed class BlockedSessions(NodeServices node)
{
    private readonly Dictionary<int, Dictionary<byte[], AwaitedKey>> _databases = [];
    private readonly HashSet<Waiter> _waiters = [];
    private readonly ReplyWriter _replies = new(4096);
    private List<AwaitedKey> _ready = [];
    private List<AwaitedKey> _postponed = [];
    private List<AwaitedKey> _spare = [];
    private Waiter? _rerunning;
    private bool _isServing;

    /// <summary>Keys at least one session waits for.</summary>
    public int KeyCount { get; private set; }

    /// <summary>Keys whose removal also wakes a session (XREADGROUP).</summary>
    public int KeysAwaitedGone => _databases.Values.Sum(keys => keys.Values.Count(k => k.AwaitedGone > 0));

    /// <summary>Waiting sessions that give up at some time.</summary>
    public int WithTimeout => _waiters.Count(w => w.HasTimeout);

    /// <summary>Some awaited key changed: <see cref="Serve"/> has work.</summary>
    public bool HasReady { get; private set; }

    /// <summary>Parks the session of <paramref name="c"/>, or keeps it waiting when its request was run again in vain.</summary>
    internal void Wait(ref CommandContext c, in BlockedRequest request)
    {
        if (c.IsRerun)
        {
            _rerunning!.BlocksAgain = true;
            return;
        }
        TimeSpan? timeout = request.TimeoutMs == 0 ? null : TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMs, int.MaxValue * 1000L));
        var waiter = new Waiter(c.Session, request.Type, request.WakesWhenGone, timeout is not null, c.Command.IsWrite, c.Slot);
        waiter.Frame.Append(request.Frame.IsEmpty ? c.Request.Frame : request.Frame);
        if (!_databases.TryGetValue(c.Db, out var keys)) _databases[c.Db] = keys = new Dictionary<byte[], AwaitedKey>(ByteText.Comparer);
        var byText = keys.GetAlternateLookup<ReadOnlySpan<byte>>();
        for (int i = request.FirstKey; i <= request.LastKey; i++)
        {
            if (!byText.TryGetValue(c[i], out var key))
            {
                key = new AwaitedKey(c.Db, c[i].ToArray(), c.Slot);
                keys.Add(key.Name, key);
                KeyCount++;
            }
            if (waiter.Keys.Contains(key)) continue;
            waiter.Keys.Add(key);
            key.Waiters.Add(waiter);
            if (waiter.WakesWhenGone) key.AwaitedGone++;
        }
        _waiters.Add(waiter);
        waiter.Token = c.Session.Park(timeout, request.OnTimeout);
        waiter.Token.Abandoned = () => Forget(waiter);
    }

    /// <summary>A key was created, changed or removed. One test when nobody waits.</summary>
    public void Changed(Keyspace keyspace, ReadOnlySpan<byte> key)
    {
        if (KeyCount == 0) return;
        if (_databases.TryGetValue(keyspace.Index, out var keys) && keys.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var awaited))
            MarkReady(awaited);
    }

    /// <summary>The keys of a database were replaced or removed at once (FLUSHALL, SWAPDB, a full sync).</summary>
    public void Cleared(Keyspace keyspace)
    {
        if (KeyCount == 0 || !_databases.TryGetValue(keyspace.Index, out var keys)) return;
        foreach (var key in keys.Values) MarkReady(key);
    }

    /// <summary>Serves the sessions whose keys have become ready, until no key is. Serving one may make others ready.</summary>
    public void Serve()
    {
        // A busy script is one unit, whatever is answered meanwhile.
        if (_isServing || node.Serving.Busy is not null) return;
        _isServing = true;
        while (_ready.Count > 0)
        {
            var batch = _ready;
            _ready = _spare;
            foreach (var key in batch)
            {
                key.IsReady = false;
                Serve(key);
            }
            batch.Clear();
            _spare = batch;
        }
        HasReady = false;
        _isServing = false;
    }

    /// <summary>End of a turn: what had to wait (a pause, a batch still running) is tried again, and what changed outside commands is served.</summary>
    public void EndTurn()
    {
        if (_postponed.Count > 0)
        {
            var again = _postponed;
            _postponed = [];
            foreach (var key in again)
            {
                key.IsPostponed = false;
                if (key.Waiters.Count > 0) MarkReady(key);
            }
        }
        if (HasReady) Serve();
    }

    /// <summary>The cluster's view has changed: who waits for a key that is not served here any more learns where to go.</summary>
    public void Reroute()
    {
        if (_waiters.Count == 0) return;
        foreach (var waiter in _waiters.ToArray())
        {
            var session = waiter.Session;
            // An importing slot keeps its waiters: what they wait for will be created here.
            session.Asking = true;
            string? error = node.Cluster.RouteSlot(waiter.Slot, waiter.IsWrite, session).Error;
            session.Asking = false;
            if (error is null) continue;
            Forget(waiter);
            waiter.Token.Complete(w => w.Error(error));
        }
    }

    /// <summary>This node has become a replica: the keys will be written by nobody here. Redis closes such clients, too.</summary>
    public void GiveUp()
    {
        foreach (var waiter in _waiters.ToArray())
        {
            Forget(waiter);
            waiter.Token.Complete(static w => w.Error(ErrorReplies.Unblocked));
            waiter.Session.Connection?.CloseAfterReplies();
        }
    }

    private void MarkReady(AwaitedKey key)
    {
        if (key.IsReady || key.IsPostponed) return;
        key.IsReady = true;
        _ready.Add(key);
        HasReady = true;
    }

    private void Serve(AwaitedKey key)
    {
        // Who begins to wait meanwhile stands behind and has just looked.
        for (int at = 0, left = key.Waiters.Count; left > 0 && at < key.Waiters.Count; left--)
        {
            var entry = node.Databases[key.Db].Peek(key.Name, key.Slot);
            if (!entry.Exists && key.AwaitedGone == 0) return;
            var waiter = key.Waiters[at];
            if ((waiter.WakesWhenGone || (entry.Exists && entry.Type == waiter.Type)) && !Rerun(waiter)) Postpone(key);
            if (at < key.Waiters.Count && key.Waiters[at] == waiter) at++;
        }
    }

    /// <summary>False when it cannot be run now.</summary>
    private bool Rerun(Waiter waiter)
    {
        var session = waiter.Session;
        if (session.IsServed || session.Connection is not { IsClosed: false } connection) return false;
        int readyBefore = _ready.Count;
        waiter.BlocksAgain = false;
        _rerunning = waiter;
        session.IsServed = true;
        bool ran = node.Dispatcher.Rerun(session, waiter.Frame, _replies);
        session.IsServed = false;
        _rerunning = null;
        bool stays = !ran || waiter.BlocksAgain;
        if (stays)
        {
            // A request that found nothing has nothing to tell others: its side effects would wake it for ever.
            for (int i = _ready.Count - 1; i >= readyBefore; i--) _ready[i].IsReady = false;
            _ready.RemoveRange(readyBefore, _ready.Count - readyBefore);
        }
        else Forget(waiter);
        if (session.Pushes is not null) session.FlushPushes(_replies);
        if (_replies.Length > 0) connection.Send(_replies.Written);
        _replies.Clear(64 * 1024);
        if (!stays) waiter.Token.Release();
        return ran;
    }

    private void Postpone(AwaitedKey key)
    {
        if (key.IsPostponed) return;
        key.IsPostponed = true;
        _postponed.Add(key);
    }

    private void Forget(Waiter waiter)
    {
        if (!_waiters.Remove(waiter)) return;
        foreach (var key in waiter.Keys)
        {
            key.Waiters.Remove(waiter);
            if (waiter.WakesWhenGone) key.AwaitedGone--;
            if (key.Waiters.Count > 0) continue;
            _databases[key.Db].Remove(key.Name);
            KeyCount--;
        }
        waiter.Frame.Dispose();
    }
}
