// Every directive of a Redis 7.2 redis.conf that has no meaning here (yet), with its default, so that any redis.conf loads
// and CONFIG GET answers the tools that ask. A subsystem that gives one a meaning registers its own row over it.
namespace Shoal.Server.Hosting;

internal static class IgnoredSettings
{
    /// <summary>Single values: name and default.</summary>
    private static readonly (string Name, string Default)[] Single =
    [
        ("activedefrag", "no"),
        ("active-defrag-cycle-max", "25"), ("active-defrag-cycle-min", "1"), ("active-defrag-ignore-bytes", "104857600"),
        ("active-defrag-max-scan-fields", "1000"), ("active-defrag-threshold-lower", "10"), ("active-defrag-threshold-upper", "100"),
        ("active-expire-effort", "1"), ("activerehashing", "yes"), ("always-show-logo", "no"), ("aof-disable-auto-gc", "no"),
        ("aof-load-truncated", "yes"), ("aof-rewrite-incremental-fsync", "yes"), ("aof-timestamp-enabled", "no"),
        ("aof-use-rdb-preamble", "yes"), ("aof_rewrite_cpulist", ""), ("appenddirname", "appendonlydir"), ("appendfilename", "appendonly.aof"),
        ("appendfsync", "everysec"), ("appendonly", "no"), ("auto-aof-rewrite-min-size", "67108864"), ("auto-aof-rewrite-percentage", "100"),
        ("bgsave_cpulist", ""), ("bio_cpulist", ""),
        ("cluster-allow-pubsubshard-when-down", "yes"), ("cluster-allow-reads-when-down", "no"), ("cluster-allow-replica-migration", "yes"),
        ("cluster-announce-bus-port", "0"), ("cluster-announce-hostname", ""), ("cluster-announce-human-nodename", ""),
        ("cluster-announce-ip", ""), ("cluster-announce-port", "0"), ("cluster-announce-tls-port", "0"), ("cluster-config-file", "nodes.conf"),
        ("cluster-enabled", "no"), ("cluster-link-sendbuf-limit", "0"), ("cluster-migration-barrier", "1"), ("cluster-node-timeout", "15000"),
        ("cluster-port", "0"), ("cluster-preferred-endpoint-type", "ip"), ("cluster-replica-no-failover", "no"),
        ("cluster-replica-validity-factor", "10"), ("cluster-require-full-coverage", "yes"), ("cluster-slave-no-failover", "no"),
        ("cluster-slave-validity-factor", "10"), ("crash-log-enabled", "yes"), ("crash-memcheck-enabled", "yes"), ("daemonize", "no"),
        ("dbfilename", "dump.rdb"), ("disable-thp", "yes"), ("dynamic-hz", "yes"), ("enable-debug-command", "no"),
        ("enable-module-command", "no"), ("enable-protected-configs", "no"), ("hash-max-listpack-entries", "128"),
        ("hash-max-listpack-value", "64"), ("hash-max-ziplist-entries", "128"), ("hash-max-ziplist-value", "64"),
        ("ignore-warnings", ""), ("io-threads", "1"), ("io-threads-do-reads", "no"),
        ("jemalloc-bg-thread", "yes"), ("key-load-delay", "0"), 
        ("lazyfree-lazy-eviction", "no"), ("lazyfree-lazy-expire", "no"), ("lazyfree-lazy-server-del", "no"),
        ("lazyfree-lazy-user-del", "no"), ("lazyfree-lazy-user-flush", "no"), ("lfu-decay-time", "1"), ("lfu-log-factor", "10"),
        ("list-compress-depth", "0"), ("list-max-listpack-size", "-2"), ("list-max-ziplist-size", "-2"), ("locale-collate", ""),
        ("masterauth", ""), ("masteruser", ""), ("max-new-connections-per-cycle", "10"), ("max-new-tls-connections-per-cycle", "1"),
        ("maxmemory-clients", "0"), ("maxmemory-eviction-tenacity", "10"), ("maxmemory-samples", "5"), ("min-replicas-max-lag", "10"),
        ("min-replicas-to-write", "0"), ("min-slaves-max-lag", "10"), ("min-slaves-to-write", "0"), ("no-appendfsync-on-rewrite", "no"),
        ("notify-keyspace-events", ""), ("oom-score-adj", "no"), ("proc-title-template", "{title} {listen-addr} {server-mode}"),
        ("propagation-error-behavior", "ignore"), ("rdb-del-sync-files", "no"), ("rdb-key-save-delay", "0"), ("rdb-save-incremental-fsync", "yes"),
        ("rdbchecksum", "yes"), ("rdbcompression", "yes"), ("repl-backlog-size", "1048576"), ("repl-backlog-ttl", "3600"),
        ("repl-disable-tcp-nodelay", "no"), ("repl-diskless-load", "disabled"), ("repl-diskless-sync", "yes"),
        ("repl-diskless-sync-delay", "5"), ("repl-diskless-sync-max-replicas", "0"), ("repl-diskless-sync-period", "0"),
        ("repl-ping-replica-period", "10"), ("repl-ping-slave-period", "10"), ("repl-timeout", "60"), ("replica-announce-ip", ""),
        ("replica-announce-port", "0"), ("replica-announced", "yes"), ("replica-ignore-disk-write-errors", "no"),
        ("replica-ignore-maxmemory", "yes"), ("replica-lazy-flush", "no"), ("replica-priority", "100"), ("replica-read-only", "yes"),
        ("replica-serve-stale-data", "yes"), ("sanitize-dump-payload", "no"), ("server_cpulist", ""), ("set-max-intset-entries", "512"),
        ("set-max-listpack-entries", "128"), ("set-max-listpack-value", "64"), ("set-proc-title", "yes"), ("slave-announce-ip", ""),
        ("slave-announce-port", "0"), ("slave-ignore-maxmemory", "yes"), ("slave-lazy-flush", "no"), ("slave-priority", "100"),
        ("slave-read-only", "yes"), ("slave-serve-stale-data", "yes"), ("socket-mark-id", "0"), ("stop-writes-on-bgsave-error", "yes"),
        ("stream-node-max-bytes", "4096"), ("stream-node-max-entries", "100"), ("supervised", "no"), ("syslog-enabled", "no"),
        ("syslog-facility", "local0"), ("syslog-ident", "redis"), ("tls-auth-clients", "yes"), ("tls-ca-cert-dir", ""), ("tls-ca-cert-file", ""),
        ("tls-cert-file", ""), ("tls-ciphers", ""), ("tls-ciphersuites", ""), ("tls-client-cert-file", ""), ("tls-client-key-file", ""),
        ("tls-client-key-file-pass", ""), ("tls-cluster", "no"), ("tls-dh-params-file", ""), ("tls-key-file", ""), ("tls-key-file-pass", ""),
        ("tls-port", "0"), ("tls-prefer-server-ciphers", "no"), ("tls-protocols", ""), ("tls-replication", "no"),
        ("tls-session-cache-size", "20480"), ("tls-session-cache-timeout", "300"), ("tls-session-caching", "yes"), ("tracking-table-max-keys", "1000000"),
        ("unixsocketperm", "0"), ("use-exit-on-panic", "no"), ("watchdog-period", "0"), ("zset-max-listpack-entries", "128"),
        ("zset-max-listpack-value", "64"), ("zset-max-ziplist-entries", "128"), ("zset-max-ziplist-value", "64"),
    ];

    /// <summary>Several words per line, or several lines.</summary>
    private static readonly string[] Several =
        ["loadmodule", "oom-score-adj-values", "bind-source-addr", "replicaof", "slaveof", "rename-command", "save"];

    /// <summary>Fixed at start.</summary>
    private static readonly HashSet<string> Immutable =
    [
        "daemonize", "supervised", "syslog-enabled", "syslog-ident", "syslog-facility", "always-show-logo", "rdbchecksum", "disable-thp", "aclfile",
        "appendfilename", "appenddirname", "cluster-enabled", "cluster-config-file", "cluster-port", "io-threads", "io-threads-do-reads", "unixsocketperm",
        "server_cpulist", "bio_cpulist", "aof_rewrite_cpulist", "bgsave_cpulist", "set-proc-title", "socket-mark-id",
        "enable-protected-configs", "enable-debug-command", "enable-module-command",
    ];

    /// <summary>Known, but CONFIG GET shows them only by their own name.</summary>
    private static readonly HashSet<string> Hidden =
        ["key-load-delay", "rdb-key-save-delay", "use-exit-on-panic", "aof-disable-auto-gc", "watchdog-period", "propagation-error-behavior", "max-new-connections-per-cycle", "max-new-tls-connections-per-cycle"];

    /// <summary>A default of "no" that is one word of several.</summary>
    private static readonly Dictionary<string, string[]> Words = new(StringComparer.Ordinal)
    {
        ["enable-debug-command"] = ["no", "yes", "local"], ["enable-module-command"] = ["no", "yes", "local"], ["enable-protected-configs"] = ["no", "yes", "local"],
        ["oom-score-adj"] = ["no", "yes", "relative", "absolute"], ["sanitize-dump-payload"] = ["no", "yes", "clients"], ["tls-auth-clients"] = ["no", "yes", "optional"],
        ["supervised"] = ["upstart", "systemd", "auto", "no"], ["propagation-error-behavior"] = ["ignore", "panic", "panic-on-replicas"],
        ["acl-pubsub-default"] = ["allchannels", "resetchannels"], ["repl-diskless-load"] = ["disabled", "on-empty-db", "swapdb"],
        ["cluster-preferred-endpoint-type"] = ["ip", "hostname", "unknown-endpoint"],
    };

    /// <summary>The default tells the type, so that a wrong value is refused as Redis refuses it.</summary>
    private static Setting Typed(string name, string value)
    {
        bool live = !Immutable.Contains(name), hidden = Hidden.Contains(name);
        if (Words.TryGetValue(name, out string[]? words)) return new EnumSetting(name, value, words, live) { IsIgnored = true, IsHidden = hidden };
        if (value is "yes" or "no") return new BoolSetting(name, value == "yes", live) { IsIgnored = true, IsHidden = hidden };
        if (!long.TryParse(value, out long number)) return new TextSetting(name, value, live) { IsIgnored = true, IsHidden = hidden };
        bool memory = name.EndsWith("-size", StringComparison.Ordinal) || name.Contains("bytes", StringComparison.Ordinal) || name.EndsWith("-limit", StringComparison.Ordinal);
        return new LongSetting(name, number, Math.Min(number, 0), long.MaxValue, live, memory: memory)
            { IsIgnored = true, IsHidden = hidden };
    }

    public static void Register(NodeConfig config)
    {
        foreach (var (name, value) in Single) config.Register(Typed(name, value));
        foreach (string name in Several) config.Register(new WordsSetting(name, []) { IsIgnored = true, IsMultiple = true });
    }
}
