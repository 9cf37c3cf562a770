// CLUSTER's sub-commands about members, epochs and reports. Reports read the reactor's view at once; changes are carried out by the bus
// thread and answered when they are visible. Slot sub-commands are in SlotCommands, migration in MigrationCommands.
using System.Globalization;
using System.Net;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Commands;

namespace Shoal.Server.Cluster;

internal static class ClusterCommands
{
    /// <summary>Forgotten nodes stay out this long, so that every node can be told before gossip brings them back.</summary>
    private const int ForgetMs = 60_000;

    public static Command Register(CommandTable table)
    {
        const CommandFlags Read = CommandFlags.Loading | CommandFlags.Stale;
        const CommandFlags Admin = CommandFlags.Admin | CommandFlags.Stale | CommandFlags.NoScript;
        return table.Add("cluster", -2, CommandFlags.None, Keys.None, "", (ref c) => c.Reply.Error(ErrorReplies.UnknownSubcommand(Text(c[1]), "CLUSTER")))
            .With("info", 2, Read, Keys.None, (ref c) => Report(ref c, ClusterReports.Info))
            .With("nodes", 2, Read, Keys.None, (ref c) => Report(ref c, ClusterReports.Nodes))
            .With("slots", 2, Read, Keys.None, (ref c) => Reply(ref c, ClusterReports.Slots))
            .With("shards", 2, Read, Keys.None, (ref c) => Reply(ref c, ClusterReports.Shards))
            .With("links", 2, Read, Keys.None, (ref c) => Reply(ref c, ClusterReports.Links))
            .With("myid", 2, Read, Keys.None, (ref c) => Report(ref c, v => v.Myself.Id))
            .With("myshardid", 2, Read, Keys.None, (ref c) => Report(ref c, v => v.Myself.ShardId))
            .With("replicas", 3, Admin, Keys.None, Replicas)
            .With("slaves", 3, Admin, Keys.None, Replicas)
            .With("count-failure-reports", 3, Admin, Keys.None, CountFailureReports)
            .With("keyslot", 3, Read, Keys.None, (ref c) => c.Reply.Integer(HashSlot.Of(c[2])))
            .With("meet", -4, Admin, Keys.None, Meet)
            .With("forget", 3, Admin, Keys.None, Forget)
            .With("replicate", 3, Admin, Keys.None, Replicate)
            .With("failover", -2, Admin, Keys.None, Failover)
            .With("reset", -2, Admin | CommandFlags.NoMulti, Keys.None, Reset)
            .With("set-config-epoch", 3, Admin, Keys.None, SetConfigEpoch)
            .With("bumpepoch", 2, Admin, Keys.None, BumpEpoch)
            .With("saveconfig", 2, Admin, Keys.None, (ref c) => Change(ref c, m =>
            {
                m.SaveNow();
                return null;
            }));
    }

    /// <summary>The cluster part, or null after an error reply when the node is not in cluster mode.</summary>
    public static ClusterPart? PartOf(ref CommandContext c)
    {
        var part = c.Node.Find<ClusterPart>();
        if (part is { IsEnabled: true }) return part;
        c.Reply.Error(ErrorReplies.ClusterDisabled);
        return null;
    }

    public static string Text(ReadOnlySpan<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes);

    /// <summary>Changes the model on the bus thread; +OK or the error when the change is visible here (it is on disk a tick later, and before
    /// that when it is a vote or an epoch).</summary>
    public static void Change(ref CommandContext c, Func<ClusterModel, string?> change) => Ask(ref c, Guarded(change), (w, error) =>
    {
        if (error is null) w.Ok();
        else w.Error(error);
    });

    // The session is parked meanwhile; only inside MULTI the engine waits, as Redis does: redis-cli --cluster fix takes a slot that way.
    private static void Ask<T>(ref CommandContext c, Func<ClusterModel, T> change, Action<ReplyWriter, T> answer)
    {
        if (PartOf(ref c) is not { } part) return;
        if (c.Node.Journal.InTransaction)
        {
            answer(c.Reply, part.Member.AskNow(change));
            return;
        }
        var token = c.Session.Park();
        part.Member.Ask(change, result => token.Complete(w => answer(w, result)));
    }

    /// <summary>A failed save reaches the client as an error.</summary>
    private static Func<ClusterModel, string?> Guarded(Func<ClusterModel, string?> change) => m =>
    {
        try
        {
            return change(m);
        }
        catch (IOException e)
        {
            return "ERR error saving the cluster node config: " + e.Message;
        }
    };

    private static void Report(ref CommandContext c, Func<ClusterView, string> report)
    {
        if (PartOf(ref c) is { } part) c.Reply.Verbatim(report(part.Gate.View));
    }

    private static void Reply(ref CommandContext c, Action<ClusterView, ReplyWriter> report)
    {
        if (PartOf(ref c) is { } part) report(part.Gate.View, c.Reply);
    }

    private static NodeView? FindNode(ref CommandContext c, ClusterView view)
    {
        string id = Text(c[2]);
        if (view.Find(id) is { } node) return node;
        c.Reply.Error($"ERR Unknown node {id}");
        return null;
    }

    private static void Replicas(ref CommandContext c)
    {
        if (PartOf(ref c) is not { } part || FindNode(ref c, part.Gate.View) is not { } node) return;
        if (node.IsReplica)
        {
            c.Reply.Error("ERR The specified node is not a master");
            return;
        }
        var view = part.Gate.View;
        var replicas = view.ReplicasOf(node).ToArray();
        c.Reply.Array(replicas.Length);
        foreach (var replica in replicas) c.Reply.Bulk(replica.Line(view).ToString());
    }

    private static void CountFailureReports(ref CommandContext c)
    {
        if (PartOf(ref c) is { } part && FindNode(ref c, part.Gate.View) is { } node) c.Reply.Integer(node.FailReports);
    }

    private static void Meet(ref CommandContext c)
    {
        if (PartOf(ref c) is null) return;
        if (c.ArgCount > 5)
        {
            c.WrongArity();
            return;
        }
        string ip = Text(c[2]);
        if (!int.TryParse(Text(c[3]), NumberStyles.None, CultureInfo.InvariantCulture, out int port))
        {
            c.Reply.Error($"ERR Invalid base port specified: {Text(c[3])}");
            return;
        }
        int busPort = port + 10000;
        if (c.ArgCount == 5 && !int.TryParse(Text(c[4]), NumberStyles.None, CultureInfo.InvariantCulture, out busPort))
        {
            c.Reply.Error($"ERR Invalid bus port specified: {Text(c[4])}");
            return;
        }
        if (!IPAddress.TryParse(ip, out var address) || port is < 1 or > 65535 || busPort is < 1 or > 65535)
        {
            c.Reply.Error($"ERR Invalid node address specified: {ip}:{Text(c[3])}");
            return;
        }
        ip = address.ToString();
        Change(ref c, m =>
        {
            if (m.Nodes.Values.Any(n => n.InHandshake && n.Ip == ip && n.BusPort == busPort)) return null;
            m.Add(new ClusterNode(m.Host.NewNodeId(), BusNodeFlags.Handshake | BusNodeFlags.Meet, m.NowMs) { Ip = ip, Port = port, BusPort = busPort });
            return null;
        });
    }

    private static void Forget(ref CommandContext c)
    {
        string id = Text(c[2]);
        Change(ref c, m =>
        {
            if (m.Find(id) is not { } node) return m.IsForgotten(id) ? null : $"ERR Unknown node {id}";
            if (node == m.Myself) return "ERR I tried hard but I can't forget myself...";
            if (m.Myself.IsReplica && m.Myself.Primary == node) return "ERR Can't forget my master!";
            m.Forgotten[id] = m.NowMs + ForgetMs;
            m.Remove(node);
            return null;
        });
    }

    private static void Replicate(ref CommandContext c)
    {
        if (PartOf(ref c) is null) return;
        string id = Text(c[2]);
        bool holdsKeys = c.Databases.TotalKeys > 0;
        Change(ref c, m =>
        {
            if (m.Find(id) is not { } node) return $"ERR Unknown node {id}";
            if (node == m.Myself) return "ERR Can't replicate myself";
            if (node.IsReplica) return "ERR I can only replicate a master, not a replica.";
            if (m.Myself.IsPrimary && (!m.Myself.Slots.IsEmpty || holdsKeys))
                return "ERR To set a master the node must be empty and without assigned slots.";
            if (m.Myself.Primary == node) return null;
            m.FollowPrimary(node);
            Gossip.BroadcastPong(m); // voters must know whose replica this is before they can vote for it
            return null;
        });
    }

    private static void Failover(ref CommandContext c)
    {
        var kind = FailoverKind.Coordinated;
        if (c.ArgCount > 3)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (c.ArgCount == 3)
        {
            switch (Text(c[2]).ToUpperInvariant())
            {
                case "FORCE": kind = FailoverKind.Force; break;
                case "TAKEOVER": kind = FailoverKind.Takeover; break;
                default:
                    c.Reply.Error(ErrorReplies.Syntax);
                    return;
            }
        }
        Change(ref c, m =>
        {
            if (kind == FailoverKind.Takeover && m.IsSealed)
            {
                m.IsSealed = false; // an administrator accepts the empty primary
                m.Changed();
                return null;
            }
            return ManualFailover.Start(m, kind);
        });
    }

    private static void Reset(ref CommandContext c)
    {
        if (PartOf(ref c) is not { } part) return;
        bool hard = c.ArgCount == 3 && Text(c[2]).Equals("HARD", StringComparison.OrdinalIgnoreCase);
        if (c.ArgCount > 3 || (c.ArgCount == 3 && !hard && !Text(c[2]).Equals("SOFT", StringComparison.OrdinalIgnoreCase)))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (part.Gate.View.Myself.IsPrimary && c.Databases.TotalKeys > 0)
        {
            c.Reply.Error("ERR CLUSTER RESET can't be called with master nodes containing keys");
            return;
        }
        // The copy of another node's data goes with the role, once this node is its own primary again.
        bool wasReplica = part.Gate.View.Myself.IsReplica;
        var (token, node) = (c.Session.Park(), c.Node);
        part.Member.Ask(m =>
        {
            Membership.Reset(m, hard);
            return true;
        }, _ =>
        {
            if (wasReplica)
            {
                node.Databases.Clear();
                node.Functions.Clear();
                node.Journal.Begin(1);
                node.Journal.Arg("FLUSHALL"u8);
                node.Journal.End(0, -1);
                node.Journal.Begin(2);
                node.Journal.Arg("FUNCTION"u8);
                node.Journal.Arg("FLUSH"u8);
                node.Journal.End(0, -1);
            }
            token.Complete(w => w.Ok());
        });
    }

    private static void SetConfigEpoch(ref CommandContext c)
    {
        if (!long.TryParse(Text(c[2]), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long epoch))
        {
            c.Reply.Error(ErrorReplies.NotInteger);
            return;
        }
        Change(ref c, m =>
        {
            if (epoch < 0) return $"ERR Invalid config epoch specified: {epoch}";
            if (m.Nodes.Count > 1) return "ERR The user can assign a config epoch only when the node does not know any other node.";
            if (m.Myself.ConfigEpoch != 0) return "ERR Node config epoch is already non-zero";
            m.Myself.ConfigEpoch = (ulong)epoch;
            m.CurrentEpoch = Math.Max(m.CurrentEpoch, (ulong)epoch);
            m.Changed();
            return null;
        });
    }

    private static void BumpEpoch(ref CommandContext c) => Ask(ref c, m => (Bumped: SlotClaims.BumpEpoch(m), m.Myself.ConfigEpoch),
        (w, r) => w.Simple(string.Create(CultureInfo.InvariantCulture, $"{(r.Bumped ? "BUMPED" : "STILL")} {r.ConfigEpoch}")));
}
