// One client's state: who it is, what it selected, what it waits for. Its socket is the Connection.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Network;
using Shoal.Server.Security;

namespace Shoal.Server.Sessions;

/// <summary>CLIENT REPLY.</summary>
public enum ReplyMode : byte
{
    On,
    Off,
    /// <summary>The next command's reply is dropped.</summary>
    SkipNext,
    /// <summary>This command's reply is dropped.</summary>
    Skip,
}

/// <summary>What kind of peer a session serves, as CLIENT LIST and CLIENT KILL TYPE tell them apart.</summary>
public enum SessionKind : byte
{
    Normal,
    Replica,
    Primary,
    PubSub,
    /// <summary>The source of an atomic slot migration: its writes are journalled and answered, but never paused, and the
    /// source decides what has expired.</summary>
    SlotImport,
}

/// <summary>A client session. Engine thread only.</summary>
public sealed class Session
{
    private readonly NodeServices _node;

    public Session(NodeServices node, Connection? connection)
    {
        _node = node;
        Connection = connection;
        CreatedMs = LastSeenMs = node.NowMs;
        User = node.Access.Users.Default;
        Authenticated = !node.Access.Users.LoginRequired;
    }

    /// <summary>The socket; null for the session commands are replayed in.</summary>
    public Connection? Connection { get; }

    public long Id => Connection?.Id ?? 0;

    /// <summary>"ip:port" of the client; empty in a replay.</summary>
    public string Address => Connection?.RemoteAddress ?? "";

    /// <summary>Selected database.</summary>
    public int Db { get; private set; }

    /// <summary>Protocol version, 2 or 3.</summary>
    public int Resp { get; set; } = 2;

    public bool Authenticated { get; set; }

    /// <summary>Whose permissions the session has.</summary>
    public User User { get; internal set; }

    public string Name { get; set; } = "";

    public string LibraryName { get; set; } = "";

    public string LibraryVersion { get; set; } = "";

    public SessionKind Kind { get; set; }

    public ReplyMode ReplyMode { get; set; }

    /// <summary>READONLY: a cluster replica may serve this client's reads.</summary>
    public bool ReadsReplica { get; set; }

    /// <summary>ASKING: the next command may use an importing slot.</summary>
    public bool Asking { get; set; }

    public bool NoEvict { get; set; }

    public bool NoTouch { get; set; }

    /// <summary>Commands of the primary's stream, of recovery or of a slot import: gates do not apply.</summary>
    public bool IsReplay => Connection is null || Kind == SessionKind.Primary;

    public long CreatedMs { get; }

    public long LastSeenMs { get; set; }

    /// <summary>Commands run since the session began.</summary>
    public long Commands { get; set; }

    /// <summary>Since when the output is beyond the soft limit (Unix ms); 0 = it is not.</summary>
    internal long OverSoftLimitSinceMs { get; set; }

    /// <summary>The last command run, for CLIENT LIST.</summary>
    public Command? LastCommand { get; set; }

    /// <summary>MULTI state; null outside a transaction.</summary>
    internal Transaction? Transaction { get; set; }

    /// <summary>Keys of WATCH; null when none.</summary>
    internal WatchedKeys? Watched { get; set; }

    /// <summary>The unfinished request's reader; null when nothing is unfinished.</summary>
    internal RespReader? Reader { get; set; }

    /// <summary>What the session is subscribed to; null when it never subscribed.</summary>
    internal PubSub.Subscriptions? Subscriptions { get; set; }

    /// <summary>CLIENT TRACKING; null while it tracks nothing.</summary>
    internal Tracking.ClientTracking? Tracking { get; set; }

    /// <summary>MONITOR was said.</summary>
    internal bool IsMonitor { get; set; }

    /// <summary>Only some commands are allowed: a RESP2 subscriber, or a monitor.</summary>
    internal bool IsRestricted { get; set; }

    /// <summary>Its batch is being run: what is pushed meanwhile waits for the end of the running command.</summary>
    internal bool IsServed { get; set; }

    /// <summary>Pushes that wait for the running command's reply; null or empty when there are none.</summary>
    internal ReplyWriter? Pushes { get; private set; }

    /// <summary>Set while the session waits for a parked reply.</summary>
    public ParkToken? Parked { get; internal set; }

    /// <summary>Selects a database; false when there is no such one.</summary>
    public bool Select(int db)
    {
        if ((uint)db >= (uint)_node.Databases.Count) return false;
        Db = db;
        return true;
    }

    /// <summary>
    /// Sends bytes out of band: a message, an invalidation. They keep their order among each other, come behind the reply of the
    /// command this session is running, if any, and count against the output limits. Never closes the session before it returns.
    /// </summary>
    public void Push(ReadOnlySpan<byte> bytes)
    {
        if (Connection is not { IsClosed: false } connection || IsCondemned) return;
        if (IsServed) (Pushes ??= new ReplyWriter(1024)).Raw(bytes);
        else
        {
            connection.SendSoon(bytes);
            _node.Sessions.WatchOutput(this);
        }
    }

    /// <summary>Moves what was pushed during a command behind its reply.</summary>
    internal void FlushPushes(ReplyWriter replies)
    {
        replies.Raw(Pushes!.Written);
        if (IsServed) Pushes.Clear(64 * 1024);
        else DropPushes();
    }

    internal void DropPushes()
    {
        Pushes?.Dispose();
        Pushes = null;
    }

    /// <summary>Its output is beyond the limit: it is closed in the next turn and sent nothing more.</summary>
    internal bool IsCondemned { get; set; }

    /// <summary>
    /// The handler cannot answer yet: the session reads no further request until the token completes. Write nothing to
    /// the reply after this.
    /// </summary>
    /// <param name="timeout">When given, <paramref name="onTimeout"/> writes the reply after that time.</param>
    /// <param name="onTimeout">Writes the reply when the time is over (or on CLIENT UNBLOCK).</param>
    public ParkToken Park(TimeSpan? timeout = null, Action<ReplyWriter>? onTimeout = null)
    {
        var token = new ParkToken(_node, this, onTimeout);
        Parked = token;
        Connection?.Pause();
        if (timeout is { } after) token.ArmTimeout(after);
        return token;
    }

    /// <summary>
    /// This connection now carries a replica's stream: whoever calls sends by <see cref="Network.Connection.Send"/>; requests
    /// that still arrive (REPLCONF ACK) are dispatched with their replies dropped.
    /// </summary>
    public Connection BecomeReplicaLink()
    {
        Kind = SessionKind.Replica;
        ReplyMode = ReplyMode.Off;
        return Connection ?? throw new InvalidOperationException("a replayed command cannot become a replica");
    }
}
