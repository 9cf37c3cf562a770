// Server-assisted client caching (CLIENT TRACKING): remembers what tracking sessions read and tells them when it changed. Own
// changes are told behind the reply of the command that made them; BCAST sessions are told at the end of the turn. While
// nobody tracks it costs the test of one flag per changed key.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Tracking;

/// <summary>The tracking of the node. Engine thread.</summary>
public sealed class Tracker
{
    /// <summary>Keys dropped per command or turn when the table has outgrown its limit.</summary>
    private const int EvictionsPerStep = 100;

    private readonly NodeServices _node;
    private readonly TrackedKeys _keys = new();
    private readonly BroadcastPrefixes _prefixes = new();
    private readonly HashSet<Session> _sessions = [];
    private readonly ReplyWriter _value = new(256), _message = new(256);
    private bool _cleared;

    public Tracker(NodeServices node) => _node = node;

    /// <summary>Somebody tracks.</summary>
    public bool IsOn => _sessions.Count > 0;

    /// <summary>tracking-table-max-keys; 0 = no limit.</summary>
    public long MaxKeys { get; set; }

    public int SessionCount => _sessions.Count;

    public long KeyCount => _keys.Count;

    public long ItemCount => _keys.Items;

    public int PrefixCount => _prefixes.Count;

    /// <summary>CLIENT TRACKING ON; the options have been checked.</summary>
    public void Enable(Session session, TrackingOptions options, long redirect, IReadOnlyList<byte[]> prefixes)
    {
        var tracking = session.Tracking ??= new ClientTracking();
        tracking.Options = options;
        tracking.Redirect = redirect;
        tracking.IsBroken = tracking.CachingSaid = false;
        _sessions.Add(session);
        if ((options & TrackingOptions.Broadcast) != 0)
        {
            foreach (byte[] prefix in prefixes.Count == 0 ? [[]] : prefixes)
                if (tracking.Prefixes.Add(prefix)) _prefixes.Add(session, prefix);
        }
        _node.Dispatcher.Observe();
    }

    /// <summary>CLIENT TRACKING OFF, RESET, or the session left.</summary>
    public void Disable(Session session)
    {
        if (session.Tracking is not { } tracking) return;
        foreach (byte[] prefix in tracking.Prefixes) _prefixes.Remove(session, prefix);
        session.Tracking = null;
        _sessions.Remove(session);
        if (!IsOn) _keys.Clear();
        _node.Dispatcher.Observe();
    }

    /// <summary>A key changed, went, expired or was evicted. Call only while <see cref="IsOn"/>.</summary>
    public void KeyChanged(ReadOnlySpan<byte> key, Session? by)
    {
        if (_prefixes.Count > 0) _prefixes.KeyChanged(key, by);
        if (_keys.Take(key, out var tracked)) TellReaders(tracked);
    }

    /// <summary>All keys of a database went: cached copies of any are void.</summary>
    public void Cleared() => _cleared = IsOn;

    /// <summary>A command has run while somebody tracks: remembers what it read, and ends CLIENT CACHING.</summary>
    public void CommandRan(ref CommandContext c)
    {
        if (_cleared) TellCleared();
        if (c.Session.Tracking is not { } tracking) return;
        if (c.Command.Has(CommandFlags.ReadOnly) && !c.Command.Keys.IsEmpty && tracking.Remembers && !RunsScript(c.Command))
        {
            for (int key = c.Command.Keys.FirstKey(c.Request); key != 0; key = c.Command.Keys.NextKey(c.Request, key))
                _keys.Add(c.Request[key], c.Session.Id);
            KeepToLimit();
        }
    }

    /// <summary>A request of a client is over (EXEC is one): CLIENT CACHING held for it, unless a transaction has begun.</summary>
    public static void RequestDone(ref CommandContext c)
    {
        if (c.Session is { Tracking: { CachingSaid: true } tracking, Transaction: null } && c.Command is { } command
            && (command.Container ?? command).Name != "client")
            tracking.CachingSaid = false;
    }

    /// <summary>The end of a turn: messages to BCAST sessions.</summary>
    public void TurnEnds()
    {
        if (!IsOn) return;
        if (_cleared) TellCleared();
        if (_prefixes.AnyChanged) _prefixes.Drain(TellFollowers);
        KeepToLimit();
        if (MaxKeys > 0 && _keys.Count > MaxKeys) _node.Engine.Hurry();
    }

    /// <summary>Scripts are tracked by the commands they run.</summary>
    private static bool RunsScript(Command command) => command.Name is "eval_ro" or "evalsha_ro" or "fcall_ro";

    private void KeepToLimit()
    {
        if (MaxKeys == 0) return;
        for (int i = 0; i < EvictionsPerStep && _keys.Count > MaxKeys; i++)
        {
            _keys.Take(_keys.Any(), out var tracked);
            TellReaders(tracked);
        }
    }

    private void TellReaders(TrackedKey tracked)
    {
        _value.Clear();
        _value.Array(1);
        _value.Bulk(tracked.Key);
        foreach (long id in tracked.Ids)
        {
            if (_node.Sessions.Find(id) is not { Tracking: { } tracking } session || tracking.Has(TrackingOptions.Broadcast)) continue;
            if (tracking.Has(TrackingOptions.NoLoop) && session == _node.Dispatcher.Running) continue;
            Tell(session, tracking);
        }
    }

    private void TellFollowers(BroadcastPrefix prefix)
    {
        foreach (var session in prefix.Sessions)
        {
            bool all = !session.Tracking!.Has(TrackingOptions.NoLoop);
            int count = prefix.Changed.Count(k => all || k.Value != session);
            if (count == 0) continue;
            _value.Clear();
            _value.Array(count);
            foreach (var (key, by) in prefix.Changed)
                if (all || by != session) _value.Bulk(key);
            Tell(session, session.Tracking);
        }
    }

    private void TellCleared()
    {
        _cleared = false;
        _keys.Clear();
        foreach (var session in _sessions)
        {
            _value.Clear();
            _value.Resp = session.Resp;
            _value.Null();
            Tell(session, session.Tracking!);
        }
    }

    /// <summary>Sends what <see cref="_value"/> holds to the session, or to whom it redirects.</summary>
    private void Tell(Session session, ClientTracking tracking)
    {
        var target = session;
        _message.Clear();
        if (tracking.Redirect != 0)
        {
            if (_node.Sessions.Find(tracking.Redirect) is not { } other)
            {
                tracking.IsBroken = true;
                if (session.Resp < 3) return;
                _message.Raw(">2\r\n$21\r\ntracking-redir-broken\r\n"u8);
                _message.Integer(tracking.Redirect);
                session.Push(_message.Written);
                return;
            }
            target = other;
        }
        if (target.Resp > 2) _message.Raw(">2\r\n$10\r\ninvalidate\r\n"u8);
        else if (target != session && target.Kind == SessionKind.PubSub) _message.Raw("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"u8);
        else return; // RESP2 has no place for a message among replies
        _message.Raw(_value.Written);
        target.Push(_message.Written);
    }
}
