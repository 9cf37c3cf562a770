// The redis.conf of the nodes, split by what a change costs: live settings are set on running nodes, the others are part of
// the pod template's hash and roll the nodes.
using System.Globalization;
using System.Text;
using Shoal.Operator.Api.V1;

namespace Shoal.Operator.Clusters.Desired;

/// <summary>The settings of a cluster's nodes.</summary>
public static class NodeConfiguration
{
    /// <summary>File name in the ConfigMap.</summary>
    public const string FileName = "shoal.conf";

    // Settings a node takes by CONFIG SET; anything else needs a restart.
    private static readonly HashSet<string> LiveNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "maxmemory", "maxmemory-policy", "maxmemory-samples", "maxclients", "timeout", "tcp-keepalive", "save", "appendonly", "appendfsync",
        "no-appendfsync-on-rewrite", "auto-aof-rewrite-percentage", "auto-aof-rewrite-min-size", "slowlog-log-slower-than", "slowlog-max-len",
        "latency-monitor-threshold", "notify-keyspace-events", "active-expire-effort", "hz", "loglevel", "repl-backlog-size", "repl-timeout",
        "repl-ping-replica-period", "min-replicas-to-write", "min-replicas-max-lag", "cluster-node-timeout", "cluster-require-full-coverage",
        "cluster-allow-reads-when-down", "cluster-replica-validity-factor", "hash-max-listpack-entries", "hash-max-listpack-value",
        "list-max-listpack-size", "set-max-intset-entries", "set-max-listpack-entries", "zset-max-listpack-entries", "zset-max-listpack-value",
        "client-output-buffer-limit", "lazyfree-lazy-eviction", "lazyfree-lazy-expire", "lazyfree-lazy-server-del",
    };

    /// <summary>The operator's own directives that a user may not set.</summary>
    public static IReadOnlySet<string> Reserved { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "bind", "port", "dir", "cluster-enabled", "cluster-config-file", "maxmemory", "maxmemory-policy", "appendonly", "appendfsync",
        "cluster-announce-ip", "cluster-announce-port", "health-port", "replicaof", "daemonize",
        "requirepass", "masterauth", "masteruser", "include",
    };

    /// <summary>Whether a running node takes the setting.</summary>
    public static bool IsLive(string name) => LiveNames.Contains(name);

    /// <summary>Every setting, in the order of the file.</summary>
    public static IReadOnlyDictionary<string, string> All(CacheClusterSpec spec, long maxBytes)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["cluster-enabled"] = "yes",
            ["cluster-config-file"] = "nodes.conf",
            ["cluster-node-timeout"] = "5000",
            ["appendonly"] = spec.Persistence?.Aof?.Enabled == false ? "no" : "yes",
            ["appendfsync"] = spec.Persistence?.Aof?.Fsync ?? "everysec",
            ["save"] = spec.Persistence?.Rdb?.Save is { Count: > 0 } rules ? string.Join(' ', rules) : "",
            ["maxmemory"] = maxBytes.ToString(CultureInfo.InvariantCulture),
            ["maxmemory-policy"] = spec.Memory?.MaxMemoryPolicy ?? "noeviction",
        };
        foreach (var (name, value) in spec.Config ?? [])
        {
            if (!Reserved.Contains(name))
            {
                settings[name.ToLowerInvariant()] = value;
            }
        }

        return settings;
    }

    /// <summary>The file.</summary>
    public static string File(IReadOnlyDictionary<string, string> settings)
    {
        var text = new StringBuilder("# Written by shoal-operator; spec.config adds to it.\n");
        foreach (var (name, value) in settings)
        {
            text.Append(name).Append(' ').Append(value.Length == 0 ? "\"\"" : value).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The part whose change restarts nodes.</summary>
    public static string RestartText(IReadOnlyDictionary<string, string> settings) =>
        string.Join('\n', settings.Where(s => !IsLive(s.Key)).Select(s => s.Key + " " + s.Value));

    /// <summary>Whether a node's value of a setting is what was asked for, however it prints it.</summary>
    public static bool IsSame(string asked, string printed)
    {
        static string Plain(string v) => v.Trim().Trim('"').ToLowerInvariant();
        var (a, b) = (Plain(asked), Plain(printed));
        return a == b || (Bytes(a) is { } x && Bytes(b) is { } y && x == y);
    }

    // redis.conf memory units: 1k = 1000, 1kb = 1024.
    private static long? Bytes(string text)
    {
        (string Suffix, long Factor)[] units =
            [("kb", 1L << 10), ("mb", 1L << 20), ("gb", 1L << 30), ("k", 1000), ("m", 1000_000), ("g", 1000_000_000), ("b", 1), ("", 1)];
        var (suffix, factor) = units.First(u => text.EndsWith(u.Suffix, StringComparison.Ordinal));
        return long.TryParse(text[..^suffix.Length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n * factor : null;
    }
}
