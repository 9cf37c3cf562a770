// Who is subscribed to what, and the way of a message to them: found by the channel's bytes without allocation, encoded once
// per protocol version however many listen, and pushed to each session in the order messages were published.
using System.Runtime.InteropServices;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.PubSub;

/// <summary>The subscriptions of the node. Engine thread.</summary>
public sealed class Channels
{
    private readonly Dictionary<byte[], HashSet<Session>>[] _byScope =
        [new(ByteText.Comparer), new(ByteText.Comparer), new(ByteText.Comparer)];

    private readonly Dictionary<byte[], HashSet<Session>>.AlternateLookup<ReadOnlySpan<byte>> _channels, _shardChannels;
    private readonly EncodedMessage _encoded = new();

    public Channels()
    {
        _channels = _byScope[(int)Scope.Channel].GetAlternateLookup<ReadOnlySpan<byte>>();
        _shardChannels = _byScope[(int)Scope.Shard].GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Carries messages to other nodes; null when there are none.</summary>
    public IMessageRelay? Outward { get; set; }

    /// <summary>Anybody is subscribed to a channel or pattern.</summary>
    public bool AnyListens => CountOf(Scope.Channel) + CountOf(Scope.Pattern) > 0;

    /// <summary>Channels, patterns or shard channels with subscribers.</summary>
    public int CountOf(Scope scope) => _byScope[(int)scope].Count;

    /// <summary>Their names.</summary>
    public IEnumerable<byte[]> NamesOf(Scope scope) => _byScope[(int)scope].Keys;

    /// <summary>Sessions subscribed to exactly this name.</summary>
    public int SubscribersOf(Scope scope, ReadOnlySpan<byte> name) =>
        _byScope[(int)scope].GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var sessions) ? sessions.Count : 0;

    /// <summary>False when the session is subscribed already.</summary>
    public bool Subscribe(Session session, Scope scope, ReadOnlySpan<byte> name)
    {
        var own = session.Subscriptions ??= new Subscriptions();
        byte[] copy = name.ToArray();
        if (!own.Of(scope).Add(copy)) return false;
        ref var sessions = ref CollectionsMarshal.GetValueRefOrAddDefault(_byScope[(int)scope], copy, out _);
        (sessions ??= []).Add(session);
        Mark(session);
        return true;
    }

    /// <summary>False when the session is not subscribed.</summary>
    public bool Unsubscribe(Session session, Scope scope, byte[] name)
    {
        if (session.Subscriptions is not { } own || !own.Of(scope).Remove(name)) return false;
        var sessions = _byScope[(int)scope][name];
        sessions.Remove(session);
        if (sessions.Count == 0) _byScope[(int)scope].Remove(name);
        Mark(session);
        return true;
    }

    /// <summary>Drops all subscriptions of a session without a word (it left, or RESET).</summary>
    public void Forget(Session session)
    {
        if (session.Subscriptions is not { Total: > 0 } own) return;
        foreach (var scope in Enum.GetValues<Scope>())
            foreach (byte[] name in own.Of(scope).ToArray()) Unsubscribe(session, scope, name);
    }

    /// <summary>Delivers a message to subscribers of the channel and of matching patterns on this node; returns how many.</summary>
    public int Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message)
    {
        int receivers = 0;
        if (_channels.TryGetValue(channel, out var sessions)) receivers = Deliver(sessions, "message"u8, default, channel, message);
        foreach (var (pattern, listeners) in _byScope[(int)Scope.Pattern])
            if (GlobPattern.Matches(pattern, channel)) receivers += Deliver(listeners, "pmessage"u8, pattern, channel, message);
        return receivers;
    }

    /// <summary>Delivers a message to subscribers of the shard channel on this node; returns how many.</summary>
    public int PublishShard(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message) =>
        _shardChannels.TryGetValue(channel, out var sessions) ? Deliver(sessions, "smessage"u8, default, channel, message) : 0;

    /// <summary>The slots of these shard channels went to other nodes: their subscribers are told and dropped.</summary>
    public void DropShardChannels(Predicate<byte[]> which)
    {
        var dropped = _byScope[(int)Scope.Shard].Keys.Where(name => which(name)).ToArray();
        foreach (byte[] name in dropped)
        {
            foreach (var session in _byScope[(int)Scope.Shard][name].ToArray())
            {
                Unsubscribe(session, Scope.Shard, name);
                _encoded.Clear();
                session.Push(_encoded.Confirmation(session.Resp, "sunsubscribe"u8, name, session.Subscriptions!.CountFor(Scope.Shard)));
            }
        }
    }

    private int Deliver(
        HashSet<Session> sessions, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message)
    {
        _encoded.Clear();
        foreach (var session in sessions) session.Push(_encoded.Message(session.Resp, kind, pattern, channel, message));
        return sessions.Count;
    }

    /// <summary>A session with subscriptions is of another kind: other output limits, no idle timeout, few commands in RESP2.</summary>
    private static void Mark(Session session)
    {
        bool listens = session.Subscriptions is { Total: > 0 };
        if (session.Kind is SessionKind.Normal or SessionKind.PubSub) session.Kind = listens ? SessionKind.PubSub : SessionKind.Normal;
        session.IsRestricted = listens || session.IsMonitor;
    }
}
