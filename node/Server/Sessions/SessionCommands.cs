// The commands about the connection itself: greeting, login, database, ping.
using System.Buffers.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Sessions;

public static class SessionCommands
{
    /// <summary>The Redis version clients gate their features on.</summary>
    public const string RedisVersion = "7.2.4";

    public static void Register(CommandTable t)
    {
        t.Add("ping", -1, Fast, Keys.None, "connection", Ping);
        t.Add("echo", 2, Loading | Stale | Fast, Keys.None, "connection", Echo);
        t.Add("quit", -1, Loading | Stale | Fast | NoScript | NoAuth | AllowBusy | Immediate, Keys.None, "connection", Quit);
        t.Add("reset", 1, Loading | Stale | Fast | NoScript | NoAuth | AllowBusy | Immediate, Keys.None, "connection", Reset);
        t.Add("select", 2, Loading | Stale | Fast, Keys.None, "connection", Select);
        t.Add("hello", -1, Loading | Stale | Fast | NoScript | NoAuth | AllowBusy | SkipSlowLog, Keys.None, "connection", Hello);
        t.Add("auth", -2, Loading | Stale | Fast | NoScript | NoAuth | AllowBusy | SkipSlowLog, Keys.None, "connection", Auth);
        t.Add("readonly", 1, Loading | Stale | Fast, Keys.None, "connection", ReadOnlyMode);
        t.Add("readwrite", 1, Loading | Stale | Fast, Keys.None, "connection", ReadWriteMode);
        t.Add("asking", 1, Fast, Keys.None, "connection", AskingNext);
        t.Add("time", 1, Loading | Stale | Fast, Keys.None, "", Time);
    }

    private static void Ping(ref CommandContext c)
    {
        if (c.ArgCount > 2) c.WrongArity();
        else if (c.Session is { Kind: SessionKind.PubSub, Resp: 2 })
        {
            // A RESP2 subscriber gets its pong in the form of a message.
            c.Reply.Array(2);
            c.Reply.Bulk("pong"u8);
            if (c.ArgCount == 1) c.Reply.EmptyBulk();
            else c.Reply.Bulk(c[1]);
        }
        else if (c.ArgCount == 1) c.Reply.Raw("+PONG\r\n"u8);
        else c.Reply.Bulk(c[1]);
    }

    private static void Echo(ref CommandContext c) => c.Reply.Bulk(c[1]);

    private static void Quit(ref CommandContext c)
    {
        c.Reply.Ok();
        c.Session.Connection?.CloseAfterReplies();
    }

    private static void Reset(ref CommandContext c)
    {
        var s = c.Session;
        c.Node.Dispatcher.Transactions.Discard(s);
        c.Node.Channels.Forget(s);
        c.Node.Tracker.Disable(s);
        c.Node.Monitors.Remove(s);
        s.Select(0);
        s.Resp = c.Reply.Resp = 2;
        s.Name = "";
        s.ReplyMode = ReplyMode.On;
        s.ReadsReplica = s.Asking = s.NoEvict = s.NoTouch = c.Databases.Clock.Rests = false;
        c.Node.Access.LogOut(s);
        c.Reply.Raw("+RESET\r\n"u8);
    }

    private static void Select(ref CommandContext c)
    {
        if (!Utf8Parser.TryParse(c[1], out int db, out int used) || used != c[1].Length) c.Reply.Error(ErrorReplies.NotInteger);
        else if (db != 0 && c.Node.Cluster.Enabled) c.Reply.Error(ErrorReplies.SelectInCluster);
        else if (!c.Session.Select(db)) c.Reply.Error(ErrorReplies.DatabaseOutOfRange);
        else c.Reply.Ok();
    }

    private static void Hello(ref CommandContext c)
    {
        int version = c.Session.Resp, next = 1;
        if (c.ArgCount > 1)
        {
            if (!Utf8Parser.TryParse(c[1], out long asked, out int used) || used != c[1].Length)
            {
                c.Reply.Error("ERR Protocol version is not an integer or out of range");
                return;
            }
            if (asked is < 2 or > 3)
            {
                c.Reply.Error(ErrorReplies.NoProto);
                return;
            }
            version = (int)asked;
            next = 2;
        }
        if (!HelloOptions(ref c, next)) return;
        if (!c.Session.Authenticated && c.Node.Access.Users.LoginRequired)
        {
            c.Reply.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
            return;
        }
        c.Session.Resp = c.Reply.Resp = version;
        var w = c.Reply;
        w.Map(7);
        w.Bulk("server"u8);
        w.Bulk("redis"u8);
        w.Bulk("version"u8);
        w.Bulk(RedisVersion);
        w.Bulk("proto"u8);
        w.Integer(version);
        w.Bulk("id"u8);
        w.Integer(c.Session.Id);
        w.Bulk("mode"u8);
        w.Bulk(c.Node.Cluster.Enabled ? "cluster" : "standalone");
        w.Bulk("role"u8);
        w.Bulk(c.Node.Serving.IsReplica ? "replica" : "master");
        w.Bulk("modules"u8);
        w.Array(0);
    }

    private static bool HelloOptions(ref CommandContext c, int next)
    {
        for (int i = next; i < c.ArgCount; i++)
        {
            if (Is(c[i], "AUTH") && i + 2 < c.ArgCount)
            {
                if (!LogIn(ref c, c[i + 1], c[i + 2])) return false;
                i += 2;
            }
            else if (Is(c[i], "SETNAME") && i + 1 < c.ArgCount)
            {
                if (!ClientCommands.SetName(ref c, c[i + 1])) return false;
                i++;
            }
            else
            {
                c.Reply.Error($"ERR Syntax error in HELLO option '{System.Text.Encoding.Latin1.GetString(c[i])}'");
                return false;
            }
        }
        return true;
    }

    private static void Auth(ref CommandContext c)
    {
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (c.ArgCount == 2 && c.Node.Access.Users.Default.NeedsNoPassword)
        {
            c.Reply.Error(ErrorReplies.AuthWithoutPassword);
            return;
        }
        if (LogIn(ref c, c.ArgCount == 2 ? "default"u8 : c[1], c[c.ArgCount - 1])) c.Reply.Ok();
    }

    private static bool LogIn(ref CommandContext c, ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        if (c.Node.Access.LogIn(c.Session, user, password)) return true;
        c.Reply.Error(ErrorReplies.WrongPass);
        return false;
    }

    private static void ReadOnlyMode(ref CommandContext c) => ReadsReplica(ref c, true);

    private static void ReadWriteMode(ref CommandContext c) => ReadsReplica(ref c, false);

    private static void ReadsReplica(ref CommandContext c, bool value)
    {
        if (!c.Node.Cluster.Enabled)
        {
            c.Reply.Error(ErrorReplies.ClusterDisabled);
            return;
        }
        c.Session.ReadsReplica = value;
        c.Reply.Ok();
    }

    private static void AskingNext(ref CommandContext c)
    {
        if (!c.Node.Cluster.Enabled)
        {
            c.Reply.Error(ErrorReplies.ClusterDisabled);
            return;
        }
        c.Session.Asking = true;
        c.Reply.Ok();
    }

    private static void Time(ref CommandContext c)
    {
        long micros = (c.Node.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10;
        c.Reply.Array(2);
        c.Reply.Bulk(micros / 1_000_000);
        c.Reply.Bulk(micros % 1_000_000);
    }

    /// <summary>Compares an argument with a keyword in any case.</summary>
    internal static bool Is(ReadOnlySpan<byte> argument, string keyword)
    {
        if (argument.Length != keyword.Length) return false;
        for (int i = 0; i < argument.Length; i++)
            if ((argument[i] & 0xDF) != (keyword[i] & 0xDF)) return false;
        return true;
    }
}
