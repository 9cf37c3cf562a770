// Replication as a part of the node; behind persistence in the list, because its links send what the turn appended.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Replication;

/// <summary>Registers and runs replication.</summary>
public sealed class ReplicationPart : INodePart
{
    private ReplicationSettings? _settings;
    private ReplicationHub? _hub;

    public void Register(NodeConfig config, CommandTable commands)
    {
        _settings = new ReplicationSettings(config);
        ReplicationCommands.Register(commands);
    }

    public void Build(NodeServices node)
    {
        var settings = _settings!;
        var state = new ReplicationState(node.Journal, node.Time);
        var hub = _hub = new ReplicationHub(node, settings, state);
        state.Actions = hub;
        node.Add(state);
        node.Add(hub);
        node.Serving.WriteRefusals.Add(hub.WriteRefusal);
        node.Serving.StaleRefusal = hub.StaleRefusal;
        node.Info.Add("Replication", lines => ReplicationReport.Write(lines, node, hub, settings));
        node.Info.Add("Stats", lines => lines.Add("sync_full", hub.Links.FullSyncs).Add("sync_partial_ok", hub.Links.PartialSyncs)
            .Add("sync_partial_err", hub.Links.PartialRefused));
        node.Engine.AddTurnTask(hub.EndTurn);
    }

    public void Start(NodeServices node)
    {
        _hub!.Start();
        node.Engine.Every(TimeSpan.FromSeconds(1), _hub.EachSecond);
    }

    public void Stop(NodeServices node) => _hub?.Dispose();
}
