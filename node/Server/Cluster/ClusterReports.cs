// The reports of CLUSTER: INFO, NODES, SLOTS, SHARDS, LINKS, as text or reply, from an immutable view.
using System.Globalization;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster;

internal static class ClusterReports
{
    private static readonly string[] TypeNames =
        ["ping", "pong", "meet", "fail", "publish", "auth-req", "auth-ack", "update", "mfstart", "module", "publishshard"];

    public static string Nodes(ClusterView view)
    {
        var text = new StringBuilder();
        foreach (var node in view.Nodes.Values) text.Append(node.Line(view)).Append('\n');
        return text.ToString();
    }

    public static string Info(ClusterView view)
    {
        var text = new StringBuilder();
        int assigned = view.AssignedSlots, failed = view.CountSlots(n => n.IsFailed), suspect = view.CountSlots(n => n.IsSuspect && !n.IsFailed);
        Line("cluster_state", view.IsOk ? "ok" : "fail");
        Line("cluster_slots_assigned", assigned);
        Line("cluster_slots_ok", assigned - failed - suspect);
        Line("cluster_slots_pfail", suspect);
        Line("cluster_slots_fail", failed);
        Line("cluster_known_nodes", view.Nodes.Count);
        Line("cluster_size", view.Size);
        Line("cluster_current_epoch", view.CurrentEpoch);
        Line("cluster_my_epoch", view.Myself.ConfigEpoch);
        AddCounts("sent", view.Sent);
        AddCounts("received", view.Received);
        Line("total_cluster_links_buffer_limit_exceeded", view.LinkLimitExceeded);
        if (view.IsSealed) Line("shoal_sealed", "1");
        return text.ToString();

        void Line(string name, object value) => text.Append(CultureInfo.InvariantCulture, $"{name}:{value}\r\n");

        void AddCounts(string direction, long[] counts)
        {
            for (int i = 0; i < counts.Length; i++)
                if (counts[i] > 0) Line($"cluster_stats_messages_{TypeNames[i]}_{direction}", counts[i]);
            Line($"cluster_stats_messages_{direction}", counts.Sum());
        }
    }

    public static void Slots(ClusterView view, ReplyWriter reply)
    {
        int mark = reply.DeferArray(), count = 0;
        foreach (var primary in view.Nodes.Values.Where(n => n.IsPrimary))
        {
            var replicas = view.ReplicasOf(primary).Where(r => !r.IsFailed).ToArray();
            foreach (var range in primary.Slots.Ranges())
            {
                reply.Array(3 + replicas.Length);
                reply.Integer(range.Start);
                reply.Integer(range.End);
                SlotNode(view, primary, reply);
                foreach (var replica in replicas) SlotNode(view, replica, reply);
                count++;
            }
        }
        reply.EndArray(mark, count);
    }

    public static void Shards(ClusterView view, ReplyWriter reply)
    {
        var shards = view.Nodes.Values.Where(n => !n.InHandshake).GroupBy(n => (view.ShardPrimary(n) ?? n).Id).ToArray();
        reply.Array(shards.Length);
        foreach (var shard in shards)
        {
            var ranges = (view.Find(shard.Key)?.Slots ?? SlotSet.Empty).Ranges();
            reply.Map(2);
            reply.Bulk("slots");
            reply.Array(ranges.Count * 2);
            foreach (var range in ranges)
            {
                reply.Integer(range.Start);
                reply.Integer(range.End);
            }
            reply.Bulk("nodes");
            reply.Array(shard.Count());
            foreach (var node in shard.OrderBy(n => n.IsReplica)) ShardNode(view, node, reply);
        }
    }

    public static void Links(ClusterView view, ReplyWriter reply)
    {
        var linked = view.Nodes.Values.Where(n => n.IsLinked && !n.IsMyself).ToArray();
        reply.Array(linked.Length);
        foreach (var node in linked)
        {
            reply.Map(4);
            reply.Bulk("direction");
            reply.Bulk("to");
            reply.Bulk("node");
            reply.Bulk(node.Id);
            reply.Bulk("create-time");
            reply.Integer(node.LinkCreatedMs);
            reply.Bulk("send-buffer-used");
            reply.Integer(node.LinkQueuedBytes);
        }
    }

    private static void SlotNode(ClusterView view, NodeView node, ReplyWriter reply)
    {
        reply.Array(4);
        string endpoint = SlotRouter.Endpoint(node, view);
        if (view.Settings.PreferredEndpoint == EndpointType.UnknownEndpoint) reply.Null();
        else reply.Bulk(endpoint);
        reply.Integer(node.Port);
        reply.Bulk(node.Id);
        bool ip = view.Settings.PreferredEndpoint != EndpointType.Ip && node.Ip.Length > 0;
        bool hostname = view.Settings.PreferredEndpoint != EndpointType.Hostname && node.Hostname is not null;
        reply.Map((ip ? 1 : 0) + (hostname ? 1 : 0));
        if (ip)
        {
            reply.Bulk("ip");
            reply.Bulk(node.Ip);
        }
        if (hostname)
        {
            reply.Bulk("hostname");
            reply.Bulk(node.Hostname!);
        }
    }

    private static void ShardNode(ClusterView view, NodeView node, ReplyWriter reply)
    {
        reply.Map(node.Hostname is null ? 7 : 8);
        reply.Bulk("id");
        reply.Bulk(node.Id);
        reply.Bulk("port");
        reply.Integer(node.Port);
        reply.Bulk("ip");
        reply.Bulk(node.Ip);
        reply.Bulk("endpoint");
        reply.Bulk(SlotRouter.Endpoint(node, view));
        if (node.Hostname is not null)
        {
            reply.Bulk("hostname");
            reply.Bulk(node.Hostname);
        }
        reply.Bulk("role");
        reply.Bulk(node.IsReplica ? "replica" : "master");
        reply.Bulk("replication-offset");
        reply.Integer(node.Offset);
        reply.Bulk("health");
        reply.Bulk(node.IsFailed || node.IsSuspect ? "fail" : (node.Flags & BusNodeFlags.NoAddress) != 0 ? "loading" : "online");
    }
}
