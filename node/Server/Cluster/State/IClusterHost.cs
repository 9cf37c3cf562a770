// What the cluster rules need from the outside world, so that the same rules run on sockets in a node and in memory, on a
// manual clock, in tests.
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Cluster.State;

/// <summary>One bus connection. Only the bus thread calls it.</summary>
internal interface IBusLink
{
    /// <summary>True when the other side opened it.</summary>
    bool Inbound { get; }
    /// <summary>The node at the other end; null on an inbound link until its sender is known.</summary>
    ClusterNode? Node { get; set; }
    /// <summary>False until the outbound connect finished, and after close.</summary>
    bool IsUp { get; }
    long CreatedMs { get; }
    long QueuedBytes { get; }
    string RemoteIp { get; }
    string LocalIp { get; }
    /// <param name="message">What to send.</param>
    /// <param name="encoded">Its bytes, when the caller sends the same message to several.</param>
    void Send(BusMessage message, byte[]? encoded = null);
    void Close();
}

/// <summary>This node's replication as the rules see it.</summary>
/// <param name="Offset">Bytes of the stream written (primary) or applied (replica).</param>
/// <param name="DataAgeMs">How long ago the primary was last heard on the replication link; 0 while it streams.</param>
/// <param name="HoldsShard">True when this replica holds its shard's data: synced since start, or loaded from disk. A node that
/// does not is never eligible.</param>
internal readonly record struct ReplicaFacts(long Offset, long DataAgeMs, bool HoldsShard);

internal interface IClusterHost
{
    /// <summary>Wall clock, milliseconds since 1970.</summary>
    long NowMs { get; }
    int Random(int below);
    string NewNodeId();
    /// <summary>Starts an outbound link; null when that fails at once.</summary>
    IBusLink? Connect(ClusterNode node);
    /// <summary>Writes nodes.conf; returns only when it is durable. Throws when it is not.</summary>
    void Save(ClusterModel model);
    ReplicaFacts Replica { get; }
    /// <summary>Stops client writes until the time; answers through ManualFailover.WritesPaused with the final offset.</summary>
    void PauseWrites(long untilMs);
    void ResumeWrites();
    /// <summary>True until the dataset is loaded; nothing is served meanwhile.</summary>
    bool IsLoading { get; }
    /// <summary>The slots are no longer ours though keys may be in them: delete those keys.</summary>
    void DropSlots(Shoal.Protocol.Slots.SlotSet slots);
    /// <summary>A channel message of another node, for local subscribers.</summary>
    void Deliver(BusMessage publish);
    void Log(string text);
}
