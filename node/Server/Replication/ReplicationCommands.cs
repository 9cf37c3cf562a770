// REPLICAOF, SYNC, PSYNC, REPLCONF, ROLE.
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Replication;

/// <summary>Commands of replication.</summary>
public static class ReplicationCommands
{
    public static void Register(CommandTable table)
    {
        table.Add("replicaof", 3, Admin | NoScript | Stale, Keys.None, "admin", ReplicaOf);
        table.Add("slaveof", 3, Admin | NoScript | Stale, Keys.None, "admin", ReplicaOf);
        table.Add("sync", 1, Admin | NoScript | NoMulti, Keys.None, "admin", Sync);
        table.Add("psync", -3, Admin | NoScript | NoMulti, Keys.None, "admin", PSync);
        table.Add("replconf", -1, Admin | NoScript | Loading | Stale | AllowBusy, Keys.None, "admin", ReplConf);
        table.Add("role", 1, NoScript | Loading | Stale | Fast, Keys.None, "admin dangerous", Role);
        WaitCommands.Register(table);
        FailoverCommand.Register(table);
    }

    private static void ReplicaOf(ref CommandContext c)
    {
        var hub = c.Node.Part<ReplicationHub>();
        if (c.Node.Cluster.Enabled)
        {
            c.Reply.Error("ERR REPLICAOF not allowed in cluster mode.");
            return;
        }
        if (Ascii.EqualsIgnoreCase(c[1], "no"u8) && Ascii.EqualsIgnoreCase(c[2], "one"u8))
        {
            hub.BecomePrimary();
            c.Reply.Ok();
            return;
        }
        if (!IntegerText.TryParse(c[2], out long port) || port is < 0 or > 65535)
        {
            c.Reply.Error("ERR Invalid master port");
            return;
        }
        string host = Encoding.UTF8.GetString(c[1]);
        if (hub.State.PrimaryHost == host && hub.State.PrimaryPort == port)
        {
            c.Reply.Simple("OK Already connected to specified master"u8);
            return;
        }
        hub.BecomeReplicaOf(host, (int)port);
        c.Reply.Ok();
    }

    private static void Sync(ref CommandContext c)
    {
        if (MayServeSync(ref c)) c.Node.Part<ReplicationHub>().Links.Attach(c.Session, null, -1);
    }

    private static void PSync(ref CommandContext c)
    {
        if (!IntegerText.TryParse(c[2], out long number))
        {
            c.Reply.Error(ErrorReplies.NotInteger);
            return;
        }
        if (c.ArgCount > 3 && Ascii.EqualsIgnoreCase(c[3], "failover"u8) && !TakeOver(ref c)) return;
        if (MayServeSync(ref c)) c.Node.Part<ReplicationHub>().Links.Attach(c.Session, Encoding.ASCII.GetString(c[1]), number);
    }

    /// <summary>Our primary hands its role over to us (FAILOVER on its side) and asks to be our replica in the same breath.</summary>
    private static bool TakeOver(ref CommandContext c)
    {
        var hub = c.Node.Part<ReplicationHub>();
        if (!hub.State.IsReplica) c.Reply.Error("ERR PSYNC FAILOVER can't be sent to a master.");
        else if (!Ascii.EqualsIgnoreCase(c[1], Encoding.ASCII.GetBytes(hub.State.Role.ReplicationId))) c.Reply.Error("ERR PSYNC FAILOVER replid must match my replid.");
        else
        {
            hub.BecomePrimary();
            return true;
        }
        return false;
    }

    private static bool MayServeSync(ref CommandContext c)
    {
        var state = c.Node.Part<ReplicationHub>().State;
        if (c.Session.Kind == Sessions.SessionKind.Replica || c.Session.Connection is null) return false;
        if (state.RefuseSync is { } reason) c.Reply.Error($"NOMASTERLINK {reason}");
        else if (state.IsReplica && state.Link != LinkStatus.Connected) c.Reply.Error("NOMASTERLINK Can't SYNC while not connected with my master");
        else return true;
        return false;
    }

    private static void ReplConf(ref CommandContext c)
    {
        if (c.ArgCount % 2 == 0)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        var links = c.Node.Part<ReplicationHub>().Links;
        var identity = links.IdentityOf(c.Session);
        for (int i = 1; i < c.ArgCount; i += 2)
        {
            var option = c[i];
            var value = c[i + 1];
            if (Ascii.EqualsIgnoreCase(option, "ack"u8))
            {
                long onDisk = -1;
                if (i + 3 < c.ArgCount && Ascii.EqualsIgnoreCase(c[i + 2], "fack"u8) && !IntegerText.TryParse(c[i + 3], out onDisk)) onDisk = -1;
                if (IntegerText.TryParse(value, out long offset)) links.Acknowledged(c.Session, offset, onDisk);
                return; // never answered
            }
            if (Ascii.EqualsIgnoreCase(option, "getack"u8)) return;
            if (Ascii.EqualsIgnoreCase(option, "listening-port"u8))
            {
                if (!IntegerText.TryParse(value, out long port) || port is < 0 or > 65535)
                {
                    c.Reply.Error(ErrorReplies.NotInteger);
                    return;
                }
                identity.Port = (int)port;
            }
            else if (Ascii.EqualsIgnoreCase(option, "ip-address"u8)) identity.Address = Encoding.UTF8.GetString(value);
            else if (Ascii.EqualsIgnoreCase(option, "capa"u8))
            {
                identity.UnderstandsEof |= Ascii.EqualsIgnoreCase(value, "eof"u8);
                identity.UnderstandsNewId |= Ascii.EqualsIgnoreCase(value, "psync2"u8);
            }
            else if (!Ascii.EqualsIgnoreCase(option, "version"u8) && !Ascii.EqualsIgnoreCase(option, "rdb-only"u8))
            {
                c.Reply.Error($"ERR Unrecognized REPLCONF option: {Encoding.Latin1.GetString(option)}");
                return;
            }
        }
        c.Reply.Ok();
    }

    private static void Role(ref CommandContext c)
    {
        var hub = c.Node.Part<ReplicationHub>();
        var role = hub.State.Role;
        if (role.IsReplica)
        {
            c.Reply.Array(5);
            c.Reply.Bulk("slave"u8);
            c.Reply.Bulk(Encoding.UTF8.GetBytes(role.PrimaryHost!));
            c.Reply.Integer(role.PrimaryPort);
            c.Reply.Bulk(StatusName(role.Link));
            c.Reply.Integer(hub.State.Offset);
            return;
        }
        c.Reply.Array(3);
        c.Reply.Bulk("master"u8);
        c.Reply.Integer(hub.State.Offset);
        var replicas = hub.Links.All.Where(l => l.Stage == ReplicaStage.Online && l.SpeaksPsync).ToList();
        c.Reply.Array(replicas.Count);
        foreach (var replica in replicas)
        {
            c.Reply.Array(3);
            c.Reply.Bulk(Encoding.UTF8.GetBytes(replica.Address));
            c.Reply.Bulk(Encoding.ASCII.GetBytes(replica.Identity.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            c.Reply.Bulk(Encoding.ASCII.GetBytes(replica.AckOffset.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private static ReadOnlySpan<byte> StatusName(LinkStatus status) => status switch
    {
        LinkStatus.Connecting => "connecting"u8,
        LinkStatus.Sync => "sync"u8,
        LinkStatus.Connected => "connected"u8,
        _ => "connect"u8,
    };
}
