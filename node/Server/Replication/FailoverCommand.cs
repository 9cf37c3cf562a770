// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]: the row and its options, with Redis's error texts.
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Replication;

internal static class FailoverCommand
{
    public static void Register(CommandTable table) =>
        table.Add("failover", -1, Admin | NoScript | Stale, Keys.None, "admin", Failover);

    private static void Failover(ref CommandContext c)
    {
        var hub = c.Node.Part<ReplicationHub>();
        if (c.Node.Cluster.Enabled)
        {
            c.Reply.Error("ERR FAILOVER not allowed in cluster mode.");
            return;
        }
        if (!TryRead(ref c, out var order, out bool abort)) return;
        string? error = abort ? hub.Failover.Abort() : Check(hub, order) ?? hub.Failover.Begin(order);
        if (error is null) c.Reply.Ok();
        else c.Reply.Error(error);
    }

    private static string? Check(ReplicationHub hub, FailoverOrder order)
    {
        if (hub.Failover.Stage != FailoverStage.None) return "ERR FAILOVER already in progress.";
        if (hub.State.IsReplica) return "ERR FAILOVER is not valid when server is a replica.";
        if (!hub.Links.All.Any(l => l.SpeaksPsync)) return "ERR FAILOVER requires connected replicas.";
        if (order.Force && (order.Host is null || order.TimeoutMs == 0)) return "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
        if (order.Host is null) return null;
        var target = hub.Links.All.FirstOrDefault(l => l.Address == order.Host && l.Identity.Port == order.Port);
        if (target is null) return "ERR FAILOVER target HOST and PORT is not a replica.";
        return target.Stage == ReplicaStage.Online ? null : "ERR FAILOVER target replica is not online.";
    }

    private static bool TryRead(ref CommandContext c, out FailoverOrder order, out bool abort)
    {
        string? host = null;
        long port = 0, timeout = 0;
        bool force = false;
        order = default;
        abort = false;
        for (int i = 1; i < c.ArgCount; i++)
        {
            if (Ascii.EqualsIgnoreCase(c[i], "timeout"u8) && i + 1 < c.ArgCount && timeout == 0)
            {
                if (!c.TryInteger(++i, out timeout)) return false;
                if (timeout > 0) continue;
                c.Reply.Error("ERR FAILOVER timeout must be greater than 0");
                return false;
            }
            if (Ascii.EqualsIgnoreCase(c[i], "abort"u8) && c.ArgCount == 2)
            {
                abort = true;
                return true;
            }
            if (Ascii.EqualsIgnoreCase(c[i], "to"u8) && i + 2 < c.ArgCount && host is null)
            {
                host = Encoding.UTF8.GetString(c[i + 1]);
                if (!c.TryInteger(i + 2, out port)) return false;
                i += 2;
                continue;
            }
            if (Ascii.EqualsIgnoreCase(c[i], "force"u8) && !force)
            {
                force = true;
                continue;
            }
            c.Reply.Error(ErrorReplies.Syntax);
            return false;
        }
        order = new FailoverOrder(host, (int)port, force, timeout);
        return true;
    }
}
