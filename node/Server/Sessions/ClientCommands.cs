// CLIENT: who is connected and what may be done about it.
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.PubSub;
using Shoal.Server.Tracking;
using static Shoal.Server.Commands.CommandFlags;
using static Shoal.Server.Sessions.SessionCommands;

namespace Shoal.Server.Sessions;

public static class ClientCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags own = NoScript | Loading | Stale;
        t.Add("client", -2, None, Keys.None, "connection slow", Unknown)
            .With("id", 2, own, Keys.None, Id)
            .With("getname", 2, own, Keys.None, GetName)
            .With("setname", 3, own, Keys.None, SetNameCommand)
            .With("setinfo", 4, own, Keys.None, SetInfo)
            .With("info", 2, own, Keys.None, Describe)
            .With("list", -2, own | Admin, Keys.None, List)
            .With("kill", -3, own | Admin, Keys.None, Kill)
            .With("reply", 3, own, Keys.None, Reply)
            .With("pause", -3, own | Admin, Keys.None, Pause)
            .With("unpause", 2, own | Admin, Keys.None, Unpause)
            .With("unblock", -3, own | Admin, Keys.None, Unblock)
            .With("no-evict", 3, own | Admin, Keys.None, NoEvict)
            .With("no-touch", 3, own, Keys.None, NoTouch)
            .With("help", 2, Loading | Stale, Keys.None, Help);
    }

    /// <summary>Sets the session's name; false when an error was written.</summary>
    internal static bool SetName(ref CommandContext c, ReadOnlySpan<byte> name)
    {
        if (!IsPrintable(name))
        {
            c.Reply.Error("ERR Client names cannot contain spaces, newlines or special characters.");
            return false;
        }
        c.Session.Name = Encoding.ASCII.GetString(name);
        return true;
    }

    private static void Unknown(ref CommandContext c) => c.WrongArity();

    private static void Id(ref CommandContext c) => c.Reply.Integer(c.Session.Id);

    private static void GetName(ref CommandContext c)
    {
        if (c.Session.Name.Length == 0) c.Reply.Null();
        else c.Reply.Bulk(c.Session.Name);
    }

    private static void SetNameCommand(ref CommandContext c)
    {
        if (SetName(ref c, c[2])) c.Reply.Ok();
    }

    private static void SetInfo(ref CommandContext c)
    {
        string value = Encoding.ASCII.GetString(c[3]);
        bool name = Is(c[2], "LIB-NAME");
        if (!name && !Is(c[2], "LIB-VER")) c.Reply.Error($"ERR Unrecognized option '{Encoding.Latin1.GetString(c[2])}'");
        else if (!IsPrintable(c[3]))
            c.Reply.Error($"ERR {(name ? "lib-name" : "lib-ver")} cannot contain spaces, newlines or special characters.");
        else
        {
            if (name) c.Session.LibraryName = value;
            else c.Session.LibraryVersion = value;
            c.Reply.Ok();
        }
    }

    private static void Describe(ref CommandContext c) => c.Reply.Verbatim(Describe(c.Node, c.Session) + "\n");

    private static void List(ref CommandContext c)
    {
        var text = new StringBuilder();
        Func<Session, bool> which = _ => true;
        if (c.ArgCount == 4 && Is(c[2], "TYPE"))
        {
            if (KindOf(c[3]) is not { } kind)
            {
                c.Reply.Error($"ERR Unknown client type '{Encoding.Latin1.GetString(c[3])}'");
                return;
            }
            which = s => s.Kind == kind;
        }
        else if (c.ArgCount > 3 && Is(c[2], "ID"))
        {
            var ids = new HashSet<long>();
            for (int i = 3; i < c.ArgCount; i++)
            {
                if (!Utf8Parser.TryParse(c[i], out long id, out int used) || used != c[i].Length || id < 1)
                {
                    c.Reply.Error("ERR Invalid client ID");
                    return;
                }
                ids.Add(id);
            }
            which = s => ids.Contains(s.Id);
        }
        else if (c.ArgCount != 2)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        foreach (var session in c.Node.Sessions.All.Where(which).OrderBy(s => s.Id)) text.Append(Describe(c.Node, session)).Append('\n');
        c.Reply.Verbatim(text.ToString());
    }

    private static void Kill(ref CommandContext c)
    {
        if (c.ArgCount == 3)
        {
            string address = Encoding.Latin1.GetString(c[2]);
            int closed = c.Node.Sessions.Close(s => s.Connection!.RemoteAddress == address, c.Session, exceptToo: true);
            if (closed == 0) c.Reply.Error("ERR No such client");
            else c.Reply.Ok();
            return;
        }
        if (ClientFilter.Parse(ref c) is not { } filter) return;
        c.Reply.Integer(c.Node.Sessions.Close(filter.Matches, c.Session, exceptToo: !filter.SkipMe));
    }

    private static void Reply(ref CommandContext c)
    {
        if (Is(c[2], "ON"))
        {
            c.Session.ReplyMode = ReplyMode.On;
            c.Reply.Ok();
        }
        else if (Is(c[2], "OFF")) c.Session.ReplyMode = ReplyMode.Off;
        else if (Is(c[2], "SKIP"))
        {
            if (c.Session.ReplyMode == ReplyMode.On) c.Session.ReplyMode = ReplyMode.SkipNext;
        }
        else c.Reply.Error(ErrorReplies.Syntax);
    }

    private static void Pause(ref CommandContext c)
    {
        bool all = true;
        if (c.ArgCount > 4 || (c.ArgCount == 4 && !(all = Is(c[3], "ALL")) && !Is(c[3], "WRITE")))
        {
            c.Reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
        if (!Utf8Parser.TryParse(c[2], out long ms, out int used) || used != c[2].Length)
        {
            c.Reply.Error("ERR timeout is not an integer or out of range");
            return;
        }
        if (ms < 0)
        {
            c.Reply.Error(ErrorReplies.TimeoutNegative);
            return;
        }
        PauseGate.Pause(c.Node, ms, all);
        c.Reply.Ok();
    }

    private static void Unpause(ref CommandContext c)
    {
        PauseGate.Release(c.Node);
        c.Reply.Ok();
    }

    private static void Unblock(ref CommandContext c)
    {
        bool error = false;
        if (c.ArgCount > 4 || (c.ArgCount == 4 && !(error = Is(c[3], "ERROR")) && !Is(c[3], "TIMEOUT")))
        {
            c.Reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
        if (!Utf8Parser.TryParse(c[2], out long id, out int used) || used != c[2].Length)
        {
            c.Reply.Error(ErrorReplies.NotInteger);
            return;
        }
        var parked = c.Node.Sessions.Find(id)?.Parked;
        bool done = parked is { CanTimeOut: true } && parked.TimeOut(error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : null);
        c.Reply.Integer(done ? 1 : 0);
    }

    private static void NoEvict(ref CommandContext c)
    {
        if (OnOff(ref c) is not { } on) return;
        c.Session.NoEvict = on;
        c.Reply.Ok();
    }

    private static void NoTouch(ref CommandContext c)
    {
        if (OnOff(ref c) is not { } on) return;
        c.Session.NoTouch = c.Databases.Clock.Rests = on;
        c.Reply.Ok();
    }

    private static bool? OnOff(ref CommandContext c)
    {
        if (Is(c[2], "ON")) return true;
        if (Is(c[2], "OFF")) return false;
        c.Reply.Error(ErrorReplies.Syntax);
        return null;
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines =
        [
            "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "ID, GETNAME, SETNAME, SETINFO, INFO, LIST, KILL, REPLY, PAUSE, UNPAUSE, UNBLOCK, NO-EVICT, NO-TOUCH, GETREDIR, TRACKINGINFO.",
        ];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    /// <summary>A session as CLIENT LIST and ACL LOG show it, in one line.</summary>
    internal static string Describe(NodeServices node, Session s)
    {
        var connection = s.Connection;
        string flags = s.Kind switch { SessionKind.Replica => "S", SessionKind.Primary => "M", SessionKind.PubSub => "P", _ => "" };
        if (s.IsMonitor) flags += "O";
        if (s.Transaction is not null) flags += "x";
        if (s.Parked is not null) flags += "b";
        if (s.Tracking is { } tracking)
        {
            flags += "t";
            if (tracking.IsBroken) flags += "R";
            if (tracking.Has(TrackingOptions.Broadcast)) flags += "B";
        }
        if (s.Watched is { Dirty: true }) flags += "d";
        if (s.ReadsReplica) flags += "r";
        if (s.NoEvict) flags += "e";
        if (s.NoTouch) flags += "T";
        return string.Create(CultureInfo.InvariantCulture,
            $"id={s.Id} addr={connection?.RemoteAddress} laddr={connection?.LocalAddress} fd={connection?.Descriptor} name={s.Name} " +
            $"age={(node.NowMs - s.CreatedMs) / 1000} idle={(node.NowMs - s.LastSeenMs) / 1000} flags={(flags.Length == 0 ? "N" : flags)} db={s.Db} " +
            $"sub={s.Subscriptions?.Of(Scope.Channel).Count ?? 0} psub={s.Subscriptions?.Of(Scope.Pattern).Count ?? 0} ssub={s.Subscriptions?.Of(Scope.Shard).Count ?? 0} " +
            $"multi={s.Transaction?.Count ?? -1} qbuf={connection?.PendingInput} qbuf-free=0 argv-mem=0 multi-mem={s.Transaction?.Frames.Capacity ?? 0} " +
            $"rbs=0 rbp=0 obl=0 oll=0 omem={connection?.PendingOutput} tot-mem={512 + connection?.PendingInput + connection?.PendingOutput} events=r " +
            $"cmd={s.LastCommand?.FullName ?? "NULL"} user={Security.AclText.ToUtf8(s.User.Name)} redir={s.Tracking?.Redirect ?? -1} resp={s.Resp} " +
            $"lib-name={s.LibraryName} lib-ver={s.LibraryVersion}");
    }

    internal static SessionKind? KindOf(ReadOnlySpan<byte> name)
    {
        if (Is(name, "NORMAL")) return SessionKind.Normal;
        if (Is(name, "REPLICA") || Is(name, "SLAVE")) return SessionKind.Replica;
        if (Is(name, "MASTER")) return SessionKind.Primary;
        return Is(name, "PUBSUB") ? SessionKind.PubSub : null;
    }

    private static bool IsPrintable(ReadOnlySpan<byte> text)
    {
        foreach (byte b in text)
            if (b is < (byte)'!' or > (byte)'~') return false;
        return true;
    }
}
