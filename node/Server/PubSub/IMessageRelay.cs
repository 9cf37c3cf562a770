// The way of a published message to other nodes: replicas outside cluster mode, the cluster bus inside. Implemented by those
// who know the others.
using Shoal.Protocol.Resp;

namespace Shoal.Server.PubSub;

/// <summary>Carries messages of this node's clients to other nodes. Engine thread.</summary>
public interface IMessageRelay
{
    /// <summary>A client published: argument 1 is the channel, argument 2 the message.</summary>
    void Published(int db, in Request request, bool shard);
}
