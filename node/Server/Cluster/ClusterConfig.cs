// The cluster's rows of redis.conf, and the typed record the rules read. A live change replaces the record whole.
using System.Net;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;

namespace Shoal.Server.Cluster;

internal sealed class ClusterConfig
{
    private readonly NodeConfig _config;
    private readonly BoolSetting _enabled, _coverage, _readsWhenDown, _channelsWhenDown, _noFailover, _migration;
    private readonly LongSetting _timeout, _validity, _barrier, _port, _announcePort, _announceBusPort, _linkLimit, _pause;
    private readonly TextSetting _file, _announceIp, _hostname, _humanName;
    private readonly EnumSetting _endpoint;

    public ClusterConfig(NodeConfig config)
    {
        _config = config;
        _enabled = config.Register(new BoolSetting("cluster-enabled", false, live: false));
        _file = config.Register(new TextSetting("cluster-config-file", "nodes.conf", live: false)
        {
            Check = name => name.Contains('/', StringComparison.Ordinal) ? "cluster-config-file must be a file name, it lives in dir" : null,
        });
        _port = config.Register(new LongSetting("cluster-port", 0, 0, 65535, live: false));
        _timeout = Row("cluster-node-timeout", 15000, 1, int.MaxValue);
        _validity = Row("cluster-replica-validity-factor", 10, 0, int.MaxValue);
        config.Alias("cluster-slave-validity-factor", "cluster-replica-validity-factor");
        _barrier = Row("cluster-migration-barrier", 1, 0, int.MaxValue);
        _announcePort = Row("cluster-announce-port", 0, 0, 65535);
        _announceBusPort = Row("cluster-announce-bus-port", 0, 0, 65535);
        _linkLimit = config.Register(new LongSetting("cluster-link-sendbuf-limit", 0, 0, long.MaxValue, apply: _ => Change(), memory: true));
        _coverage = Flag("cluster-require-full-coverage", true);
        _readsWhenDown = Flag("cluster-allow-reads-when-down", false);
        _channelsWhenDown = Flag("cluster-allow-pubsubshard-when-down", true);
        _noFailover = Flag("cluster-replica-no-failover", false);
        config.Alias("cluster-slave-no-failover", "cluster-replica-no-failover");
        _migration = Flag("cluster-allow-replica-migration", false);
        _announceIp = Text("cluster-announce-ip", t => t.Length == 0 || IPAddress.TryParse(t, out _) ? null : "not an IP address");
        _hostname = Text("cluster-announce-hostname", t => t.Length < 256 && t.All(IsHostCharacter) ? null : "Hostnames may only contain alphanumeric characters, hyphens or dots");
        _humanName = Text("cluster-announce-human-nodename", t => t.All(c => c is > ' ' and < (char)127 and not ',' and not '=') ? null : "Announced human node name contained invalid character");
        _endpoint = config.Register(new EnumSetting("cluster-preferred-endpoint-type", "ip", ["ip", "hostname", "unknown-endpoint"], apply: _ => Change()));
        _pause = Row("cluster-slot-migration-pause-timeout", 3000, 100, 60000);
    }

    /// <summary>Called with the new record on every live change. Engine thread.</summary>
    public Action<ClusterSettings>? Changed { get; set; }

    public bool Enabled => _enabled.Value;
    public string FileName => _file.Value;

    public ClusterSettings Read()
    {
        int port = (int)_config.Long("port");
        return new ClusterSettings
        {
            NodeTimeoutMs = (int)_timeout.Value, RequireFullCoverage = _coverage.Value, AllowReadsWhenDown = _readsWhenDown.Value,
            AllowShardChannelsWhenDown = _channelsWhenDown.Value,
            ReplicaValidityFactor = (int)_validity.Value, ReplicaNoFailover = _noFailover.Value, AllowReplicaMigration = _migration.Value,
            MigrationBarrier = (int)_barrier.Value, AnnounceIp = _announceIp.Value, AnnouncePort = (int)_announcePort.Value,
            AnnounceBusPort = (int)_announceBusPort.Value, AnnounceHostname = _hostname.Value, AnnounceHumanName = _humanName.Value,
            LinkSendBufferLimit = _linkLimit.Value, Port = port, BusPort = _port.Value > 0 ? (int)_port.Value : port + 10000,
            PauseTimeoutMs = (int)_pause.Value,
            ReplicaPingPeriodMs = _config.Find("repl-ping-replica-period") is LongSetting ping ? (int)ping.Value * 1000 : 10000,
            PreferredEndpoint = _endpoint.Value switch { "hostname" => EndpointType.Hostname, "unknown-endpoint" => EndpointType.UnknownEndpoint, _ => EndpointType.Ip },
        };
    }

    private static bool IsHostCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '.';

    private LongSetting Row(string name, long value, long min, long max) => _config.Register(new LongSetting(name, value, min, max, apply: _ => Change()));
    private BoolSetting Flag(string name, bool value) => _config.Register(new BoolSetting(name, value, apply: _ => Change()));
    private TextSetting Text(string name, Func<string, string?> check) => _config.Register(new TextSetting(name, "", apply: _ => Change()) { Check = check });

    private string? Change()
    {
        if (Enabled) Changed?.Invoke(Read());
        return null;
    }
}
