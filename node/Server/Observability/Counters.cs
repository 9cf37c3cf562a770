// Running totals of the node, as INFO prints them. Written by the engine thread.
namespace Shoal.Server.Observability;

public sealed class Counters
{
    public long Connections;
    public long Commands;
    public long RejectedConnections;
    public long ErrorReplies;
    public long KeyspaceHits;
    public long KeyspaceMisses;
    public long ExpiredKeys;
    public long EvictedKeys;
    public long OutputLimitDisconnections;
    public long QueryLimitDisconnections;
    public long UnexpectedErrors;

    /// <summary>Commands per second, sampled by the node's timer.</summary>
    public long CommandsPerSecond;

    /// <summary>Error replies by their first word.</summary>
    public Dictionary<string, long> ErrorsByPrefix { get; } = [];

    /// <summary>CONFIG RESETSTAT.</summary>
    public void Reset()
    {
        Connections = Commands = RejectedConnections = ErrorReplies = KeyspaceHits = KeyspaceMisses = 0;
        ExpiredKeys = EvictedKeys = OutputLimitDisconnections = QueryLimitDisconnections = UnexpectedErrors = 0;
        ErrorsByPrefix.Clear();
    }
}
