// The cluster's settings under their redis.conf names. Live-settable ones are replaced as a whole record.
namespace Shoal.Server.Cluster.State;

/// <summary>Which address MOVED and CLUSTER SLOTS name first.</summary>
public enum EndpointType
{
    /// <summary>The IP address.</summary>
    Ip,
    /// <summary>The announced hostname.</summary>
    Hostname,
    /// <summary>None: clients go on with the host they used.</summary>
    UnknownEndpoint,
}

/// <summary>Settings of the cluster part of the node.</summary>
public sealed record ClusterSettings
{
    /// <summary>cluster-node-timeout, milliseconds: silence after which a node is suspected.</summary>
    public int NodeTimeoutMs { get; init; } = 15000;
    /// <summary>cluster-require-full-coverage.</summary>
    public bool RequireFullCoverage { get; init; } = true;
    /// <summary>cluster-allow-reads-when-down.</summary>
    public bool AllowReadsWhenDown { get; init; }
    /// <summary>cluster-allow-pubsubshard-when-down.</summary>
    public bool AllowShardChannelsWhenDown { get; init; } = true;
    /// <summary>cluster-replica-validity-factor; 0 = any age is good enough.</summary>
    public int ReplicaValidityFactor { get; init; } = 10;
    /// <summary>cluster-replica-no-failover.</summary>
    public bool ReplicaNoFailover { get; init; }
    /// <summary>cluster-allow-replica-migration: whether a shard whose last slot went to another shard joins that one. Off unless asked
    /// for: an operator that drains a shard decides itself what becomes of its nodes. Replicas never wander on their own.</summary>
    public bool AllowReplicaMigration { get; init; }
    /// <summary>cluster-migration-barrier. Kept for CONFIG; replicas do not wander on their own (operators decide).</summary>
    public int MigrationBarrier { get; init; } = 1;
    /// <summary>cluster-preferred-endpoint-type.</summary>
    public EndpointType PreferredEndpoint { get; init; } = EndpointType.Ip;
    /// <summary>cluster-announce-ip.</summary>
    public string AnnounceIp { get; init; } = "";
    /// <summary>cluster-announce-port; 0 = port.</summary>
    public int AnnouncePort { get; init; }
    /// <summary>cluster-announce-bus-port; 0 = bus port.</summary>
    public int AnnounceBusPort { get; init; }
    /// <summary>cluster-announce-hostname.</summary>
    public string AnnounceHostname { get; init; } = "";
    /// <summary>cluster-announce-human-nodename.</summary>
    public string AnnounceHumanName { get; init; } = "";
    /// <summary>cluster-link-sendbuf-limit, bytes; 0 = none.</summary>
    public long LinkSendBufferLimit { get; init; }
    /// <summary>repl-ping-replica-period, milliseconds: part of the data age a replica may have.</summary>
    public int ReplicaPingPeriodMs { get; init; } = 10000;
    /// <summary>cluster-slot-migration-pause-timeout, milliseconds: longest write pause of a slot hand-over.</summary>
    public int PauseTimeoutMs { get; init; } = 3000;
    /// <summary>Client port this node listens on.</summary>
    public int Port { get; init; } = 6379;
    /// <summary>Bus port this node listens on.</summary>
    public int BusPort { get; init; } = 16379;
}
