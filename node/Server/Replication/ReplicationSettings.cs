// The directives of redis.conf that concern replication.
using Shoal.Server.Hosting;

namespace Shoal.Server.Replication;

/// <summary>Registers and reads the settings of replication.</summary>
public sealed class ReplicationSettings
{
    private readonly NodeConfig _config;

    public ReplicationSettings(NodeConfig config)
    {
        _config = config;
        ReplicaOf = config.Register(new WordsSetting("replicaof", [], live: false) { Check = CheckReplicaOf });
        config.Alias("slaveof", "replicaof");
        PrimaryAuth = config.Register(new TextSetting("masterauth", "") { IsSecret = true });
        config.Alias("primaryauth", "masterauth");
        PrimaryUser = config.Register(new TextSetting("masteruser", ""));
        config.Alias("primaryuser", "masteruser");
        ReadOnly = Both(new BoolSetting("replica-read-only", true), "slave-read-only");
        ServeStale = Both(new BoolSetting("replica-serve-stale-data", true), "slave-serve-stale-data");
        BacklogSize = config.Register(new LongSetting("repl-backlog-size", 1 << 20, 1, long.MaxValue, memory: true, apply: _ => Changed()));
        BacklogTtl = config.Register(new LongSetting("repl-backlog-ttl", 3600, 0, int.MaxValue));
        PingPeriod = Both(new LongSetting("repl-ping-replica-period", 10, 1, int.MaxValue), "repl-ping-slave-period");
        Timeout = config.Register(new LongSetting("repl-timeout", 60, 1, int.MaxValue));
        Priority = Both(new LongSetting("replica-priority", 100, 0, int.MaxValue), "slave-priority");
        AnnounceIp = Both(new TextSetting("replica-announce-ip", ""), "slave-announce-ip");
        AnnouncePort = Both(new LongSetting("replica-announce-port", 0, 0, 65535), "slave-announce-port");
        MinReplicas = Both(new LongSetting("min-replicas-to-write", 0, 0, int.MaxValue), "min-slaves-to-write");
        MinReplicasMaxLag = Both(new LongSetting("min-replicas-max-lag", 10, 0, int.MaxValue), "min-slaves-max-lag");
    }

    public WordsSetting ReplicaOf { get; }

    public TextSetting PrimaryAuth { get; }

    public TextSetting PrimaryUser { get; }

    public BoolSetting ReadOnly { get; }

    public BoolSetting ServeStale { get; }

    public LongSetting BacklogSize { get; }

    public LongSetting BacklogTtl { get; }

    public LongSetting PingPeriod { get; }

    public LongSetting Timeout { get; }

    public LongSetting Priority { get; }

    public TextSetting AnnounceIp { get; }

    public LongSetting AnnouncePort { get; }

    public LongSetting MinReplicas { get; }

    public LongSetting MinReplicasMaxLag { get; }

    /// <summary>The backlog has another size now.</summary>
    internal Action? BacklogChanged { get; set; }

    /// <summary>Most bytes a replica may lag behind before it is dropped (client-output-buffer-limit replica, hard limit); 0 = any.</summary>
    public long HardLimit
    {
        get
        {
            var words = _config.Words("client-output-buffer-limit");
            for (int i = 0; i + 3 < words.Count; i += 4)
            {
                bool replica = words[i].Equals("slave", StringComparison.OrdinalIgnoreCase) || words[i].Equals("replica", StringComparison.OrdinalIgnoreCase);
                if (replica && LongSetting.TryMemory(words[i + 1], out long bytes)) return bytes;
            }
            return 0;
        }
    }

    private T Both<T>(T setting, string alias) where T : Setting
    {
        _config.Register(setting);
        _config.Alias(alias, setting.Name);
        return setting;
    }

    private string? Changed()
    {
        BacklogChanged?.Invoke();
        return null;
    }

    private static string? CheckReplicaOf(IReadOnlyList<string> words)
    {
        if (words.Count == 0 || (words.Count == 2 && words[0].Equals("no", StringComparison.OrdinalIgnoreCase))) return null;
        return words.Count == 2 && int.TryParse(words[1], out int port) && port is > 0 and < 65536 ? null : "Invalid master port";
    }
}
