// The INFO lines the server core knows. Other parts add theirs to the same sections.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Shoal.Server.Observability;
using Shoal.Server.Sessions;

namespace Shoal.Server.Hosting;

internal static class InfoSections
{
    /// <summary>Our own version.</summary>
    public static readonly string ShoalVersion = typeof(InfoSections).Assembly.GetName().Version!.ToString(3);

    public static void Register(NodeServices node)
    {
        var started = node.Time.GetUtcNow();
        string runId = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(20));
        node.Info.Add("Server", l => Server(node, l, started, runId));
        node.Info.Add("Clients", l => Clients(node, l));
        node.Info.Add("Memory", l => Memory(node, l));
        node.Info.Add("Stats", l => Stats(node, l));
        node.Info.Add("CPU", Cpu);
        node.Info.Add("Commandstats", l => CommandStatistics(node, l));
        node.Info.Add("Errorstats", l => Errors(node, l));
        node.Info.Add("Latencystats", l => Latencies(node, l));
        node.Info.Add("Modules", _ => { });
        node.Info.Add("Cluster", l => l.Add("cluster_enabled", node.Cluster.Enabled));
        node.Info.Add("Keyspace", l => Keyspaces(node, l));
    }

    private static void Server(NodeServices node, InfoLines l, DateTimeOffset started, string runId)
    {
        var now = node.Time.GetUtcNow();
        long up = (long)(now - started).TotalSeconds;
        l.Add("redis_version", SessionCommands.RedisVersion).Add("shoal_version", ShoalVersion)
            .Add("redis_git_sha1", "00000000").Add("redis_git_dirty", 0L).Add("redis_build_id", "0")
            .Add("redis_mode", node.Cluster.Enabled ? "cluster" : "standalone")
            .Add("os", RuntimeInformation.OSDescription).Add("arch_bits", IntPtr.Size * 8L)
            .Add("monotonic_clock", "POSIX clock_gettime").Add("multiplexing_api", node.Transport.Name)
            .Add("process_id", (long)Environment.ProcessId).Add("process_supervised", "no").Add("run_id", runId)
            .Add("tcp_port", (long)node.Port).Add("server_time_usec", (now - DateTimeOffset.UnixEpoch).Ticks / 10)
            .Add("uptime_in_seconds", up).Add("uptime_in_days", up / 86400).Add("hz", node.Config.Long("hz"))
            .Add("configured_hz", node.Config.Long("hz")).Add("lru_clock", now.ToUnixTimeSeconds() & 0xFFFFFF)
            .Add("executable", Environment.ProcessPath ?? "").Add("config_file", node.Config.FilePath ?? "")
            .Add("io_threads_active", 0L).Add("dotnet_version", Environment.Version.ToString());
    }

    private static void Clients(NodeServices node, InfoLines l)
    {
        long blocked = 0, input = 0, output = 0;
        foreach (var session in node.Sessions.All)
        {
            if (session.Parked is not null) blocked++;
            input = Math.Max(input, session.Connection!.PendingInput);
            output = Math.Max(output, session.Connection!.PendingOutput);
        }
        l.Add("connected_clients", (long)node.Sessions.Count).Add("cluster_connections", 0L).Add("maxclients", (long)node.Sessions.Limit)
            .Add("client_recent_max_input_buffer", input).Add("client_recent_max_output_buffer", output)
            .Add("blocked_clients", blocked).Add("clients_in_timeout_table", (long)node.Blocked.WithTimeout)
            .Add("total_blocking_keys", (long)node.Blocked.KeyCount).Add("total_blocking_keys_on_nokey", (long)node.Blocked.KeysAwaitedGone);
    }

    private static void Memory(NodeServices node, InfoLines l)
    {
        var account = node.Databases.Memory;
        long managed = GC.GetTotalMemory(false), resident = Environment.WorkingSet;
        long used = account.UsedBytes, peak = Math.Max(account.PeakBytes, used), limit = account.MaxMemory;
        long total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        l.Add("used_memory", used).Add("used_memory_human", Human(used)).Add("used_memory_rss", resident)
            .Add("used_memory_rss_human", Human(resident)).Add("used_memory_peak", peak).Add("used_memory_peak_human", Human(peak))
            .Add("used_memory_peak_perc", string.Create(CultureInfo.InvariantCulture, $"{(peak == 0 ? 100 : used * 100.0 / peak):F2}%"))
            .Add("used_memory_overhead", managed).Add("used_memory_startup", 0L).Add("used_memory_dataset", used)
            .Add("used_memory_dataset_perc", "100.00%").Add("allocator_allocated", used)
            .Add("allocator_active", node.Databases.Arena.ResidentBytes).Add("allocator_resident", node.Databases.Arena.ResidentBytes)
            .Add("total_system_memory", total).Add("total_system_memory_human", Human(total))
            .Add("maxmemory", limit).Add("maxmemory_human", Human(limit))
            .Add("maxmemory_policy", node.Config.Text("maxmemory-policy"))
            .Add("mem_fragmentation_ratio", used == 0 ? 1.0 : (double)node.Databases.Arena.ResidentBytes / used)
            .Add("mem_fragmentation_bytes", node.Databases.Arena.ResidentBytes - used).Add("mem_not_counted_for_evict", 0L)
            .Add("mem_replication_backlog", node.Journal.BacklogBytes).Add("mem_clients_normal", 0L).Add("mem_clients_slaves", 0L)
            .Add("mem_aof_buffer", node.Journal.RetainedBytes).Add("mem_allocator", "shoal-arena").Add("active_defrag_running", 0L)
            .Add("lazyfree_pending_objects", 0L).Add("managed_heap_bytes", managed);
    }

    private static void Stats(NodeServices node, InfoLines l)
    {
        var n = node.Counters;
        var store = node.Databases.Counters;
        l.Add("total_connections_received", n.Connections).Add("total_commands_processed", n.Commands)
            .Add("instantaneous_ops_per_sec", n.CommandsPerSecond).Add("total_net_input_bytes", node.Transport.BytesIn)
            .Add("total_net_output_bytes", node.Transport.BytesOut).Add("rejected_connections", n.RejectedConnections)
            .Add("expired_keys", store.Expired).Add("expired_stale_perc", "0.00").Add("expired_time_cap_reached_count", 0L)
            .Add("evicted_keys", store.Evicted).Add("evicted_clients", 0L).Add("keyspace_hits", store.Hits).Add("keyspace_misses", store.Misses)
            .Add("latest_fork_usec", 0L)
            .Add("total_forks", 0L).Add("migrate_cached_sockets", 0L).Add("slave_expires_tracked_keys", 0L)
            .Add("client_query_buffer_limit_disconnections", n.QueryLimitDisconnections)
            .Add("client_output_buffer_limit_disconnections", n.OutputLimitDisconnections)
            .Add("total_error_replies", n.ErrorReplies).Add("unexpected_error_replies", n.UnexpectedErrors)
            .Add("engine_turns", node.Engine.Turns).Add("gc_gen0_collections", (long)GC.CollectionCount(0))
            .Add("gc_pause_total_usec", (long)GC.GetTotalPauseDuration().TotalMicroseconds);
    }

    private static void Cpu(InfoLines l)
    {
        using var self = Process.GetCurrentProcess();
        static string Seconds(TimeSpan t) => t.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
        l.Add("used_cpu_sys", Seconds(self.PrivilegedProcessorTime)).Add("used_cpu_user", Seconds(self.UserProcessorTime))
            .Add("used_cpu_sys_children", "0.000000").Add("used_cpu_user_children", "0.000000");
    }

    private static void CommandStatistics(NodeServices node, InfoLines l)
    {
        foreach (var command in node.Commands.All)
        {
            Statistics(l, command);
            foreach (var sub in command.Subcommands.Values) Statistics(l, sub);
        }
    }

    private static void Statistics(InfoLines l, Commands.Command command)
    {
        var s = command.Statistics;
        if (s.Calls + s.Rejected == 0) return;
        double each = s.Calls == 0 ? 0 : (double)s.Microseconds / s.Calls;
        l.Add("cmdstat_" + command.FullName, string.Create(CultureInfo.InvariantCulture,
            $"calls={s.Calls},usec={s.Microseconds},usec_per_call={each:F2},rejected_calls={s.Rejected},failed_calls={s.Failed}"));
    }

    private static void Latencies(NodeServices node, InfoLines l)
    {
        var percentiles = node.Config.Words("latency-tracking-info-percentiles");
        if (!node.Dispatcher.Meter.TracksLatency || percentiles.Count == 0) return;
        foreach (var command in node.Commands.All.SelectMany(c => c.Subcommands.Values.Prepend(c)))
        {
            if (command.Statistics.Latency is not { Total: > 0 } latency) continue;
            l.Add("latency_percentiles_usec_" + command.FullName, string.Join(',', percentiles.Select(p =>
            {
                double percent = double.Parse(p, CultureInfo.InvariantCulture);
                return string.Create(CultureInfo.InvariantCulture, $"p{percent}={latency.Percentile(percent):F3}");
            })));
        }
    }

    private static void Errors(NodeServices node, InfoLines l)
    {
        foreach (var (prefix, count) in node.Counters.ErrorsByPrefix.OrderBy(e => e.Key, StringComparer.Ordinal))
            l.Add("errorstat_" + prefix, string.Create(CultureInfo.InvariantCulture, $"count={count}"));
    }

    private static void Keyspaces(NodeServices node, InfoLines l)
    {
        for (int i = 0; i < node.Databases.Count; i++)
        {
            var keyspace = node.Databases[i];
            if (keyspace.Count == 0) continue;
            l.Add(string.Create(CultureInfo.InvariantCulture, $"db{i}"),
                string.Create(CultureInfo.InvariantCulture, $"keys={keyspace.Count},expires={keyspace.ExpireCount},avg_ttl=0"));
        }
    }

    /// <summary>1.50M, as Redis writes byte counts for people.</summary>
    public static string Human(long bytes)
    {
        double value = bytes;
        foreach (string unit in (string[])["B", "K", "M", "G", "T"])
        {
            if (Math.Abs(value) < 1024 || unit == "T")
                return value.ToString(unit == "B" ? "F0" : "F2", CultureInfo.InvariantCulture) + unit;
            value /= 1024;
        }
        return "";
    }
}
