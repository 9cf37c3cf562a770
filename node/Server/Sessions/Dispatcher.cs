// From bytes to an executed command, on one screen: read requests, pass the gates in order, run the handler, journal the
// effect. Everything a client sends goes through here; recovery, the primary's stream and slot imports enter by Apply.
using Shoal.Protocol.Resp;
using Shoal.Server.Blocking;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Tracking;
using Shoal.Store;

namespace Shoal.Server.Sessions;

/// <summary>Runs requests. Engine thread.</summary>
public sealed unsafe class Dispatcher : IRequestHandler, IApplier
{
    /// <summary>Commands, and reply bytes, after which a connection lets the others have their turn.</summary>
    private const int TurnCommands = 1024, TurnReplyBytes = 8 * 1024 * 1024;

    /// <summary>A batch whose replies grow beyond this closes its connection even when no output limit is set: it would take the node with it.</summary>
    private const int MostReplyBytes = 1 << 30;

    private readonly NodeServices _node;
    private readonly CommandTable _table;
    private readonly Gates _gates;
    private readonly CallMeter _meter;
    private readonly BlockedSessions _blocked;
    private readonly RespReader _rerunReader = new(new RespLimits());
    private readonly Stack<RespReader> _readers = new();
    private readonly ReplyWriter _discarded = new();
    private readonly ReplyWriter _late = new();
    private Session? _replay;
    private bool _observed;

    public Dispatcher(NodeServices node)
    {
        _node = node;
        _table = node.Commands;
        Gates = _gates = new Gates(node);
        _meter = new CallMeter(node);
        _blocked = node.Blocked;
        Transactions = new TransactionRunner(node, this);
    }

    internal Gates Gates { get; }

    internal TransactionRunner Transactions { get; }

    /// <summary>Makes room under maxmemory; false when nothing more can be evicted. Set by the server part.</summary>
    internal Func<bool>? EnsureMemory
    {
        set => _gates.EnsureMemory = value;
    }

    internal CallMeter Meter => _meter;

    /// <summary>There is room under maxmemory, or eviction makes some. A script asks before it begins.</summary>
    internal bool HasMemory => _gates.EnsureMemory is not { } ensure || ensure();

    /// <summary>What becomes of due keys that clients' requests meet, by whatever protocol.</summary>
    internal ExpiryMode ClientExpiry => _node.Serving.HidesExpired ? ExpiryMode.Hide : ExpiryMode.Remove;

    /// <summary>The session whose command is running, or ran last in the running batch; null outside.</summary>
    internal Session? Running { get; private set; }

    /// <summary>Monitors or tracking sessions came or went: from now on they are told of commands, or there are none.</summary>
    internal void Observe() => _observed = _node.Monitors.Any || _node.Tracker.IsOn;

    public bool Opened(Connection connection) => Admission.Admit(_node, connection);

    public void Closed(Connection connection)
    {
        if (connection.State is not Session session) return;
        connection.State = null;
        session.Parked?.Cut();
        if (session.Reader is { } reader) ReturnReader(reader);
        session.Reader = null;
        Transactions.Forget(session);
        _node.Channels.Forget(session);
        _node.Tracker.Disable(session);
        _node.Monitors.Remove(session);
        session.DropPushes();
        _node.Sessions.Remove(session);
    }

    public int Consume(Connection connection, ReadOnlySpan<byte> bytes)
    {
        if (connection.State is not Session session) return bytes.Length;
        if (_node.Serving.Busy is { } busy && session.Kind is (SessionKind.Primary or SessionKind.SlotImport))
        {
            busy.Rest(connection);
            return 0;
        }
        var reader = session.Reader ?? TakeReader();
        var c = Begin(session, connection.Replies);
        var databases = _node.Databases;
        databases.ExpiryMode = session.Kind == SessionKind.SlotImport ? ExpiryMode.Ignore
            : ClientExpiry;
        // Requests until the next look ahead, which must begin between two of them.
        int ahead = !session.Authenticated || !Lookahead.Helps(c.Keys, bytes.Length) ? int.MaxValue : reader.IsIdle ? 0 : 1;
        int used = 0, left = TurnCommands, replyStart = c.Reply.Length, replyEnd = replyStart + TurnReplyBytes;
        int most = _node.Sessions.MostReplyBytes(session.Kind, MostReplyBytes);
        c.Reply.Bound(most);
        if (session.NoTouch) databases.Clock.Rests = true;
        session.LastSeenMs = c.NowMs;
        session.IsServed = true;
        reader.Unauthenticated = !session.Authenticated;
        fixed (byte* start = bytes)
        {
            while (used < bytes.Length)
            {
                if (--ahead < 0)
                {
                    Lookahead.Hint(_node.Databases[session.Db], databases.ClusterMode, start + used, bytes.Length - used);
                    ahead = Lookahead.Window - 1;
                }
                var status = reader.Read(start + used, bytes.Length - used, out c.Request, out int length);
                if (status != ReadStatus.Complete)
                {
                    if (status == ReadStatus.Malformed) used = Refuse(connection, c.Reply, reader, bytes.Length);
                    break;
                }
                if (c.Request.Count > 0 && !Run(ref c)) break;
                used += length;
                if (connection.IsPaused || connection.IsClosing || connection.IsClosed) break;
                if (--left == 0 || c.Reply.Length > replyEnd || c.Reply.Overflowed) break;
            }
        }
        if (session.NoTouch) databases.Clock.Rests = false;
        if (!connection.IsClosed && (c.Reply.Overflowed || c.Reply.Length - replyStart > most)) DropReplies(connection, c.Reply, replyStart);
        return End(connection, session, reader, used);
    }

    /// <summary>One request of a client: gates, then the handler. False when it must be tried again later (nothing was replied).</summary>
    internal bool Run(ref CommandContext c)
    {
        int mark = c.Reply.Length;
        var session = c.Session;
        switch (_gates.Check(ref c))
        {
            case Verdict.Later:
                return false;
            case Verdict.Run:
                Call(ref c);
                break;
        }
        if (session.ReplyMode != ReplyMode.On && !RepliesByPush(c.Command)) Silence(session, c.Reply, mark);
        if (_observed) Tracker.RequestDone(ref c);
        if (session.Pushes is not null) session.FlushPushes(c.Reply);
        // Inside a busy script the unit that made them ready has not ended.
        if (_blocked.HasReady && _node.Serving.Busy is null) _blocked.Serve();
        return true;
    }

    /// <summary>Runs the kept request of a waiting session. False when it must be tried again later (nothing was replied).</summary>
    internal bool Rerun(Session session, NativeBuffer frame, ReplyWriter reply)
    {
        var databases = _node.Databases;
        var mode = databases.ExpiryMode;
        databases.ExpiryMode = ClientExpiry;
        var c = Begin(session, reply);
        c.IsRerun = true;
        _rerunReader.Read(frame.Start, frame.Length, out c.Request, out _);
        bool ran = Run(ref c);
        databases.ExpiryMode = mode;
        return ran;
    }

    /// <summary>Runs the handler of a command that has passed, journals its effect and counts it.</summary>
    internal void Call(ref CommandContext c)
    {
        var command = c.Command;
        Running = c.Session;
        c.Keys = _node.Databases[c.Session.Db];
        c.Propagation = Propagation.None;
        c.Reply.ErrorSeen = false;
        long begun = _meter.Begin(command);
        command.Handler(ref c);
        if (c.Propagation == Propagation.Verbatim && !c.IsReplay) _node.Journal.Append(c.Session.Db, c.Slot, c.Request);
        _meter.End(ref c, command, begun);
        if (_observed) Ran(ref c);
    }

    private void Ran(ref CommandContext c)
    {
        // A woken request was shown when it came.
        if (!c.IsRerun) _node.Monitors.CommandRan(ref c);
        if (_node.Tracker.IsOn) _node.Tracker.CommandRan(ref c);
    }

    /// <inheritdoc/>
    public string? Apply(int db, in Request request)
    {
        var session = _replay ??= new Session(_node, null) { Authenticated = true };
        if (!session.Select(db)) return ErrorReplies.DatabaseOutOfRange;
        var c = Begin(session, _discarded);
        c.Request = request;
        c.IsReplay = true;
        if (Resolve(ref c) is { } error) return error;
        c.Slot = _gates.SlotForReplay(ref c);
        _discarded.Clear(64 * 1024);
        var mode = _node.Databases.ExpiryMode;
        _node.Databases.ExpiryMode = ExpiryMode.Ignore;
        Call(ref c);
        Running = null;
        _node.Databases.ExpiryMode = mode;
        return null;
    }

    /// <summary>Finds the row of a request and checks its arity; the error text, or null.</summary>
    internal string? Resolve(ref CommandContext c)
    {
        var command = _table.Find(c.Request[0]);
        if (command is null) return Unknown(c.Request);
        if (command.Subcommands.Count > 0 && c.Request.Count > 1)
        {
            var sub = command.Subcommand(c.Request[1]);
            if (sub is null) return ErrorReplies.UnknownSubcommand(Printable(c.Request[1]), command.Name);
            command = sub;
        }
        c.Command = command;
        return command.Accepts(c.Request.Count) ? null : ErrorReplies.WrongArity(command.FullName);
    }

    /// <summary>A context for <paramref name="session"/> writing to <paramref name="reply"/>.</summary>
    internal CommandContext Begin(Session session, ReplyWriter reply)
    {
        reply.Resp = session.Resp;
        return new CommandContext
        {
            Node = _node, Session = session, Keys = _node.Databases[session.Db], Reply = reply, NowMs = _node.NowMs, IsReplay = session.IsReplay,
        };
    }

    /// <summary>A parked command's reply has come: sends it and lets the session go on.</summary>
    internal void ReplyLater(Session session, Connection connection, Action<ReplyWriter> reply)
    {
        _late.Resp = session.Resp;
        reply(_late);
        if (session.ReplyMode == ReplyMode.On) connection.Send(_late.Written);
        _late.Clear(64 * 1024);
        if (session.Parked is null) connection.Resume();
    }

    /// <summary>client-output-buffer-limit: the client hears nothing of the batch.</summary>
    private void DropReplies(Connection connection, ReplyWriter reply, int start)
    {
        _node.Counters.OutputLimitDisconnections++;
        reply.Truncate(start);
        connection.Close();
    }

    private int End(Connection connection, Session session, RespReader reader, int used)
    {
        session.IsServed = false;
        Running = null;
        if (connection.IsClosed)
        {
            // Closed() has already run and returned the session's reader.
            if (session.Reader is null) ReturnReader(reader);
            return used;
        }
        if (reader.IsIdle)
        {
            session.Reader = null;
            ReturnReader(reader);
            connection.WantedBytes = reader.Wanted;
        }
        else
        {
            session.Reader = reader;
            connection.WantedBytes = reader.Wanted;
        }
        if (session.Pushes is not null) session.FlushPushes(connection.Replies);
        return used;
    }

    /// <summary>What SUBSCRIBE and its kin answer are pushes: CLIENT REPLY OFF does not silence them.</summary>
    private static bool RepliesByPush(Command? command) => command is not null && command.Has(CommandFlags.PubSub) && command.Has(CommandFlags.NoScript);

    private RespReader TakeReader() => _readers.Count > 0 ? _readers.Pop() : new RespReader(_node.Limits);

    private void ReturnReader(RespReader reader)
    {
        reader.Reset();
        if (_readers.Count < 64) _readers.Push(reader);
        else reader.Dispose();
    }

    private static int Refuse(Connection connection, ReplyWriter reply, RespReader reader, int all)
    {
        reply.Error("ERR " + reader.Error);
        connection.CloseAfterReplies();
        return all;
    }

    /// <summary>CLIENT REPLY OFF and SKIP: what was written is taken back.</summary>
    private static void Silence(Session session, ReplyWriter reply, int mark)
    {
        switch (session.ReplyMode)
        {
            case ReplyMode.SkipNext:
                session.ReplyMode = ReplyMode.Skip;
                reply.Truncate(mark);
                break;
            case ReplyMode.Skip:
                session.ReplyMode = ReplyMode.On;
                reply.Truncate(mark);
                break;
            case ReplyMode.Off:
                reply.Truncate(mark);
                break;
        }
    }

    private static string Unknown(in Request request)
    {
        var args = new System.Text.StringBuilder();
        for (int i = 1; i < request.Count && args.Length < 128; i++) args.Append('\'').Append(Printable(request[i])).Append("' ");
        return ErrorReplies.UnknownCommand(Printable(request[0]), args.ToString());
    }

    private static string Printable(ReadOnlySpan<byte> text) => System.Text.Encoding.Latin1.GetString(text[..Math.Min(text.Length, 128)]);
}
