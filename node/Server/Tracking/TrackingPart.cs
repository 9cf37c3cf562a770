// Client tracking as a part of the node: its sub-commands of CLIENT, its limit, its lines of INFO.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Tracking;

internal sealed class TrackingPart : INodePart
{
    private LongSetting _maxKeys = null!;
    private NodeServices? _node;

    public void Register(NodeConfig config, CommandTable commands)
    {
        TrackingCommands.Register(commands.Find("client")!);
        _maxKeys = config.Register(new LongSetting("tracking-table-max-keys", 1_000_000, 0, long.MaxValue, apply: max =>
        {
            if (_node is not null) _node.Tracker.MaxKeys = max;
            return null;
        }));
    }

    public void Build(NodeServices node)
    {
        _node = node;
        var tracker = node.Tracker;
        tracker.MaxKeys = _maxKeys.Value;
        node.Engine.AddTurnTask(tracker.TurnEnds);
        node.Info.Add("Clients", l => l.Add("tracking_clients", (long)tracker.SessionCount));
        node.Info.Add("Stats", l => l.Add("tracking_total_keys", tracker.KeyCount).Add("tracking_total_items", tracker.ItemCount)
            .Add("tracking_total_prefixes", (long)tracker.PrefixCount));
    }
}
