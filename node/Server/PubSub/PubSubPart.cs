// Publish/subscribe as a part of the node: its commands, notify-keyspace-events, its lines of INFO.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.PubSub;

internal sealed class PubSubPart : INodePart
{
    private NodeServices? _node;

    public void Register(NodeConfig config, CommandTable commands)
    {
        PubSubCommands.Register(commands);
        config.Register(new KeyspaceEventsSetting(classes =>
        {
            if (_node is not null) Listen(_node, classes);
        }));
    }

    public void Build(NodeServices node)
    {
        _node = node;
        (node.Config.Find(KeyspaceEventsSetting.Directive))!.Apply();
        var channels = node.Channels;
        channels.Outward = new ReplicaRelay(node);
        node.Info.Add("Stats", l => l.Add("pubsub_channels", (long)channels.CountOf(Scope.Channel))
            .Add("pubsub_patterns", (long)channels.CountOf(Scope.Pattern)).Add("pubsubshard_channels", (long)channels.CountOf(Scope.Shard)));
    }

    /// <summary>The store tells of created and missing keys only while somebody asks.</summary>
    private static void Listen(NodeServices node, KeyEventClass classes)
    {
        var events = node.KeyspaceEvents;
        events.Classes = classes;
        node.Databases.Events.Created = !events.Wants(KeyEventClass.New) ? null
            : (keyspace, key, _) => events.Raise(KeyEventClass.New, "new"u8, key, keyspace.Index);
        node.Databases.Events.Missed = !events.Wants(KeyEventClass.KeyMiss) ? null
            : (keyspace, key, _) => events.Raise(KeyEventClass.KeyMiss, "keymiss"u8, key, keyspace.Index);
    }
}

/// <summary>Outside cluster mode messages go to replicas, by the stream of writes, which the append-only file leaves them out of.</summary>
internal sealed class ReplicaRelay(NodeServices node) : IMessageRelay
{
    public void Published(int db, in Request request, bool shard)
    {
        if (!node.Serving.IsReplica) node.Journal.AppendReplicationOnly(request.Frame);
    }
}

/// <summary>notify-keyspace-events: kept and shown in its canonical spelling.</summary>
internal sealed class KeyspaceEventsSetting(Action<KeyEventClass> apply) : Setting<KeyEventClass>(Directive, KeyEventClass.None, true, Adapt(apply))
{
    public const string Directive = "notify-keyspace-events";

    public override string Text => KeyspaceEvents.Format(Value);

    protected override string? Read(string word, out KeyEventClass value)
    {
        var classes = KeyspaceEvents.Parse(word);
        value = classes ?? KeyEventClass.None;
        return classes is null ? "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." : null;
    }

    private static Func<KeyEventClass, string?> Adapt(Action<KeyEventClass> apply) => classes =>
    {
        apply(classes);
        return null;
    };
}
