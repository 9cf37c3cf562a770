// A cluster bus message as an immutable value, and the wire format it is read from and written to (BusCodec).
// Redis 7's format exactly, so that our nodes and real Redis nodes gossip in one cluster. All integers big-endian.
//
//   Header, 2256 bytes                                   Bodies
//   at    size  field                                    PING PONG MEET: count x gossip entry (104), then extensions
//   0     4     "RCmb"                                     0   40  node id
//   4     4     total length, header included              40  4   ping sent, seconds     44  4  pong received, seconds
//   8     2     protocol version = 1                       48  46  ip, zero-terminated text
//   10    2     client port (TLS port under tls-cluster)   94  2   client port            96  2  bus port
//   12    2     type                                       98  2   flags                  100 2  other port (TLS/TCP)
//   14    2     count of gossip entries                    102 2   unused
//   16    8     current epoch                            extension: 4 length (8-byte multiple, this head included),
//   24    8     config epoch (a replica: its primary's)    2 type, 2 unused, data:
//   32    8     replication offset                         0 hostname, zero-terminated    1 human node name, same
//   40    40    sender id, hex                             2 forgotten: 40 id + 8 ttl in seconds    3 shard id, 40
//   80    2048  slot bitmap (of the primary, for a         Valkey adds types; unknown ones are skipped
//               replica)                                 FAIL: 40 id of the failing node
//   2128  40    id of the sender's primary, or zeros     PUBLISH, PUBLISHSHARD: 4 channel length, 4 payload length, both
//   2168  46    ip the sender announces, or zeros        UPDATE: 8 config epoch, 40 id, 2048 bitmap
//   2214  2     number of extensions                     FAILOVER_AUTH_REQUEST, FAILOVER_AUTH_ACK, MFSTART: nothing
//   2216  30    unused                                   MODULE: 8 module id, 4 length, 1 type, payload (ignored)
//   2246  2     other port (TLS/TCP)
//   2248  2     bus port          2250  2  node flags
//   2252  1     cluster state: 0 ok, 1 fail
//   2253  3     message flags: byte 0 = 1 paused, 2 force ack, 4 has extensions
using Shoal.Protocol.Slots;

namespace Shoal.Server.Cluster.Bus;

/// <summary>Message types by wire number.</summary>
internal enum BusMessageType : ushort
{
    Ping = 0,
    Pong = 1,
    Meet = 2,
    Fail = 3,
    Publish = 4,
    FailoverAuthRequest = 5,
    FailoverAuthAck = 6,
    Update = 7,
    MfStart = 8,
    Module = 9,
    PublishShard = 10,
}

/// <summary>Node flags by wire bit.</summary>
[Flags]
internal enum BusNodeFlags : ushort
{
    None = 0,
    Primary = 1,
    Replica = 2,
    PFail = 4,
    Fail = 8,
    Myself = 16,
    Handshake = 32,
    NoAddress = 64,
    Meet = 128,
    MigrateTo = 256,
    NoFailover = 512,
    Extensions = 1024,
}

/// <summary>Flags of one message (byte 0 of the field).</summary>
[Flags]
internal enum BusMessageFlags : byte
{
    None = 0,
    /// <summary>The primary holds writes for a coordinated failover; its offset is final.</summary>
    Paused = 1,
    /// <summary>Vote even though the primary is up (coordinated failover).</summary>
    ForceAck = 2,
    Extensions = 4,
}

/// <summary>What a node tells about a third one. Times in seconds since 1970.</summary>
internal sealed record GossipEntry(
    string NodeId, uint PingSent, uint PongReceived, string Ip, int Port, int BusPort, BusNodeFlags Flags, int OtherPort = 0);

/// <summary>A node id nobody shall add back for a while.</summary>
internal sealed record ForgottenNode(string NodeId, ulong TtlSeconds);

/// <summary>A third node's slot claim, told to somebody with an older one.</summary>
internal sealed record SlotClaim(string NodeId, ulong ConfigEpoch, SlotSet Slots);

/// <summary>One message. Fields that a type does not carry keep their defaults.</summary>
internal sealed record BusMessage
{
    public required BusMessageType Type { get; init; }
    public required string Sender { get; init; }
    public ulong CurrentEpoch { get; init; }
    public ulong ConfigEpoch { get; init; }
    public long Offset { get; init; }
    public SlotSet Slots { get; init; } = SlotSet.Empty;
    public string? PrimaryId { get; init; }
    public string Ip { get; init; } = "";
    public int Port { get; init; }
    public int OtherPort { get; init; }
    public int BusPort { get; init; }
    public BusNodeFlags Flags { get; init; }
    public bool ClusterOk { get; init; }
    public BusMessageFlags MessageFlags { get; init; }

    public IReadOnlyList<GossipEntry> Gossip { get; init; } = [];
    public string? Hostname { get; init; }
    public string? HumanName { get; init; }
    public string? ShardId { get; init; }
    public IReadOnlyList<ForgottenNode> Forgotten { get; init; } = [];

    public string? FailedNode { get; init; }
    public SlotClaim? Update { get; init; }
    public byte[] Channel { get; init; } = [];
    public byte[] Payload { get; init; } = [];

    public bool IsHeartbeat => Type is BusMessageType.Ping or BusMessageType.Pong or BusMessageType.Meet;
}
