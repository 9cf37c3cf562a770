// Persistence as a part of the node: settings, commands, turn task, shutdown.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Observability;

namespace Shoal.Server.Persistence;

/// <summary>Registers and runs persistence.</summary>
public sealed class PersistencePart : INodePart
{
    private PersistenceSettings? _settings;
    private Durability? _durability;

    public void Register(NodeConfig config, CommandTable commands)
    {
        _settings = PersistenceSettings.Register(config);
        PersistenceCommands.Register(commands);
        DumpCommands.Register(commands);
    }

    public void Build(NodeServices node)
    {
        var durability = _durability = new Durability(node, _settings!);
        node.Add(durability);
        node.Serving.IsLoading = true; // until Start has recovered
        node.Add(new DumpPayload(node.Databases));
        DebugPersistence.Register(node.Part<DebugTable>());
        node.Info.Add("Persistence", durability.Report);
        node.Serving.WriteRefusals.Add(() => durability.WriteRefusal);
        node.Engine.AddTurnTask(durability.EndTurn);
        node.Shutdown.Add(Shutdown.SaveSnapshot, "persistence", (request, _) =>
        {
            var ended = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
            node.Engine.Post(() => ended.SetResult(durability.Close(request.Save)));
            return ended.Task;
        });
    }

    public void Start(NodeServices node)
    {
        _durability!.Recover();
        node.Engine.Every(TimeSpan.FromSeconds(1), _durability.Saver.EachSecond);
    }
}
