// Published messages on the cluster bus, in Redis 7's form: PUBLISH goes to every node, SPUBLISH to the nodes of this shard, and
// what arrives is delivered to subscribers here. Subscribers of shard channels whose slots went to another shard are told so.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.PubSub;

namespace Shoal.Server.Cluster;

internal sealed class ChannelRelay(NodeServices node, ClusterMember member) : IMessageRelay
{
    /// <inheritdoc/>
    public void Published(int db, in Request request, bool shard)
    {
        byte[] channel = request[1].ToArray(), payload = request[2].ToArray();
        member.Tell(m => Gossip.BroadcastMessage(m, channel, payload, shard));
    }

    /// <summary>A message of another node. Bus thread.</summary>
    public void Received(BusMessage message) => node.Engine.Post(() =>
    {
        if (message.Type == BusMessageType.PublishShard) node.Channels.PublishShard(message.Channel, message.Payload);
        else node.Channels.Publish(message.Channel, message.Payload);
    });

    /// <summary>A new view of the cluster.</summary>
    public void Learn(ClusterView view)
    {
        if (node.Channels.CountOf(Scope.Shard) == 0) return;
        string shard = view.Myself.PrimaryId ?? view.Myself.Id;
        node.Channels.DropShardChannels(channel => view.Owner(HashSlot.Of(channel))?.Id != shard);
    }
}
