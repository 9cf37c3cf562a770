// INFO replication, field by field as Redis 7.2 prints it: operators, clients and Sentinel parse it.
using Shoal.Server.Hosting;
using Shoal.Server.Observability;

namespace Shoal.Server.Replication;

/// <summary>Writes the section.</summary>
internal static class ReplicationReport
{
    public static void Write(InfoLines lines, NodeServices node, ReplicationHub hub, ReplicationSettings settings)
    {
        var role = hub.State.Role;
        lines.Add("role", role.IsReplica ? "slave" : "master");
        if (role.IsReplica) Replica(lines, node, hub, settings, role);
        Links(lines, node, hub);
        var journal = node.Journal;
        bool active = journal.BacklogBytes > 0;
        lines.Add("master_failover_state", hub.Failover.StageName)
            .Add("master_replid", role.ReplicationId)
            .Add("master_replid2", role.SecondReplicationId)
            .Add("master_repl_offset", journal.EndOffset)
            .Add("second_repl_offset", role.SecondOffset)
            .Add("repl_backlog_active", active)
            .Add("repl_backlog_size", settings.BacklogSize.Value)
            .Add("repl_backlog_first_byte_offset", active ? journal.BacklogStart + 1 : 0)
            .Add("repl_backlog_histlen", active ? journal.EndOffset - journal.BacklogStart : 0);
    }

    private static void Replica(InfoLines lines, NodeServices node, ReplicationHub hub, ReplicationSettings settings, ReplicationRole role)
    {
        bool up = role.Link == LinkStatus.Connected;
        lines.Add("master_host", role.PrimaryHost!)
            .Add("master_port", role.PrimaryPort)
            .Add("master_link_status", up ? "up" : "down")
            .Add("master_last_io_seconds_ago", up ? hub.Link?.SilentSeconds ?? -1 : -1)
            .Add("master_sync_in_progress", role.Link == LinkStatus.Sync)
            .Add("slave_read_repl_offset", node.Journal.EndOffset)
            .Add("slave_repl_offset", node.Journal.EndOffset);
        if (role.Link == LinkStatus.Sync) lines.Add("master_sync_read_bytes", hub.Link?.SyncBytes ?? 0);
        if (!up) lines.Add("master_link_down_since_seconds", (long)hub.State.LinkDownFor.TotalSeconds);
        lines.Add("slave_priority", settings.Priority.Value)
            .Add("slave_read_only", settings.ReadOnly.Value)
            .Add("replica_announced", 1L);
    }

    private static void Links(InfoLines lines, NodeServices node, ReplicationHub hub)
    {
        var links = hub.Links.All.Where(l => l.SpeaksPsync).ToList();
        lines.Add("connected_slaves", links.Count);
        if (hub.MinReplicas > 0) lines.Add("min_slaves_good_slaves", hub.Links.Good);
        for (int i = 0; i < links.Count; i++)
        {
            var link = links[i];
            string state = link.Stage == ReplicaStage.Online ? "online" : "send_bulk";
            long lag = link.Stage == ReplicaStage.Online ? Math.Max(0, (node.NowMs - link.LastAckMs) / 1000) : -1;
            lines.Add($"slave{i}", $"ip={link.Address},port={link.Identity.Port},state={state},offset={link.AckOffset},lag={lag}");
        }
    }
}
