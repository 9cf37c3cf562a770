// All sessions: who is connected, who is to be closed, and the limits that close them.
using Shoal.Server.Hosting;
using Shoal.Server.Network;

namespace Shoal.Server.Sessions;

/// <summary>The sessions of the node. Engine thread.</summary>
public sealed class SessionRegistry(NodeServices node)
{
    private readonly Dictionary<long, Session> _sessions = [];

    public int Count => _sessions.Count;

    public IEnumerable<Session> All => _sessions.Values;

    /// <summary>maxclients.</summary>
    public int Limit { get; set; } = 10000;

    /// <summary>Seconds without a request after which a client is closed; 0 = never.</summary>
    public int IdleSeconds { get; set; }

    /// <summary>client-output-buffer-limit by kind: hard bytes, soft bytes, soft seconds; 0 = none.</summary>
    public Dictionary<SessionKind, (long Hard, long Soft, int Seconds)> OutputLimits { get; } = new()
    {
        [SessionKind.Normal] = (0, 0, 0),
        [SessionKind.Replica] = (256L << 20, 64L << 20, 60),
        [SessionKind.PubSub] = (32L << 20, 8L << 20, 60),
        [SessionKind.Primary] = (0, 0, 0),
        [SessionKind.SlotImport] = (0, 0, 0),
    };

    /// <summary>What one batch of such a session may answer: its hard limit, or <paramref name="otherwise"/>.</summary>
    internal int MostReplyBytes(SessionKind kind, int otherwise) =>
        OutputLimits[kind].Hard is > 0 and var hard && hard < otherwise ? (int)hard : otherwise;

    public Session? Find(long id) => _sessions.GetValueOrDefault(id);

    internal void Add(Session session) => _sessions[session.Id] = session;

    internal void Remove(Session session) => _sessions.Remove(session.Id);

    /// <summary>Closes every client that is not <paramref name="except"/> and that <paramref name="which"/> picks; returns how many.</summary>
    public int Close(Func<Session, bool> which, Session? except, bool exceptToo = false)
    {
        int closed = 0;
        foreach (var session in _sessions.Values.Where(which).ToArray())
        {
            if (session == except)
            {
                if (!exceptToo) continue;
                session.Connection!.CloseAfterReplies();
            }
            else session.Connection!.Close();
            closed++;
        }
        return closed;
    }

    /// <summary>Once a second: idle clients and clients whose output has grown beyond the limits are closed.</summary>
    public void Sweep()
    {
        foreach (var session in _sessions.Values.ToArray())
        {
            var connection = session.Connection!;
            if (IsIdle(session)) connection.Close();
            else if (IsOverLimit(session, connection))
            {
                node.Counters.OutputLimitDisconnections++;
                connection.Close();
            }
        }
    }

    /// <summary>Something was pushed to the session: beyond the hard limit it is closed, though not before the caller is done.</summary>
    internal void WatchOutput(Session session)
    {
        var connection = session.Connection!;
        long hard = OutputLimits[session.Kind].Hard;
        if (hard == 0 || connection.PendingOutput <= hard) return;
        session.IsCondemned = true;
        node.Counters.OutputLimitDisconnections++;
        node.Engine.Post(connection.Close);
    }

    private bool IsIdle(Session session) =>
        IdleSeconds > 0 && session.Kind == SessionKind.Normal && !session.IsMonitor && session.Parked is null
        && node.NowMs - session.LastSeenMs > IdleSeconds * 1000L;

    private bool IsOverLimit(Session session, Connection connection)
    {
        var (hard, soft, seconds) = OutputLimits[session.Kind];
        long pending = connection.PendingOutput;
        if (hard > 0 && pending > hard) return true;
        if (soft == 0 || pending <= soft)
        {
            session.OverSoftLimitSinceMs = 0;
            return false;
        }
        if (session.OverSoftLimitSinceMs == 0) session.OverSoftLimitSinceMs = node.NowMs;
        return node.NowMs - session.OverSoftLimitSinceMs > seconds * 1000L;
    }
}
