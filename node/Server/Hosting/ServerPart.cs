// The server core as a part of the node: its commands, its INFO lines, expiry, eviction and the once-a-second chores.
using Shoal.Server.Commands;
using Shoal.Server.Observability;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Hosting;

internal sealed class ServerPart : INodePart
{
    private const int ExpiryBudgetMicroseconds = 200;

    private DebugTable _debug = null!;

    public void Register(NodeConfig config, CommandTable commands)
    {
        SessionCommands.Register(commands);
        ClientCommands.Register(commands);
        TransactionCommands.Register(commands);
        ConfigCommands.Register(commands);
        CommandCommands.Register(commands);
        ObservabilityCommands.Register(commands);
        _debug = DebugCommands.Register(commands);
        MonitorCommand.Register(commands);
        CommandFamilies.Register(commands);
    }

    public void Build(NodeServices node)
    {
        var databases = node.Databases;
        node.Add(_debug);
        ConnectEvents(node, databases);
        InfoSections.Register(node);
        node.Dispatcher.EnsureMemory = () => databases.Memory.Excess <= 0 || databases.Eviction.MakeRoom();
        node.Engine.AddTurnTask(() =>
        {
            databases.ExpiryMode = node.Serving.HidesExpired || node.Serving.IsLoading ? ExpiryMode.Hide : ExpiryMode.Remove;
            databases.ExpiryCycle.Run(ExpiryBudgetMicroseconds);
            if (databases.ExpiryCycle.IsBehind) node.Engine.Hurry();
        });
        node.Engine.AddTurnTask(node.Blocked.EndTurn);
        node.Engine.Every(TimeSpan.FromMilliseconds(100), static () => { });
        long last = 0;
        node.Engine.Every(TimeSpan.FromSeconds(1), () =>
        {
            node.Counters.CommandsPerSecond = node.Counters.Commands - last;
            last = node.Counters.Commands;
            node.Sessions.Sweep();
            TidyManagedHeap(node);
        });
    }

    /// <summary>
    /// Where the last-level cache is large the collector lets a hundred megabytes of small garbage pile up before it looks.
    /// A node with nothing to do collects early instead, so that six of them fit a laptop.
    /// </summary>
    private static void TidyManagedHeap(NodeServices node)
    {
        const long enough = 16L << 20;
        if (node.Counters.CommandsPerSecond < 1000 && GC.GetTotalMemory(forceFullCollection: false) > enough)
            GC.Collect(1, GCCollectionMode.Forced, blocking: true);
    }

    /// <summary>Keys that vanish without a command: the journal tells AOF and replicas, WATCH tells its clients.</summary>
    private static void ConnectEvents(NodeServices node, Databases databases)
    {
        var watches = node.Dispatcher.Transactions.Watches;
        var tracker = node.Tracker;
        databases.Events.Changed = (keyspace, key, _) =>
        {
            watches.Changed(keyspace.Index, key);
            node.Blocked.Changed(keyspace, key);
            if (tracker.IsOn) tracker.KeyChanged(key, node.Dispatcher.Running);
        };
        databases.Events.Cleared = keyspace =>
        {
            watches.Cleared(keyspace);
            node.Blocked.Cleared(keyspace);
            tracker.Cleared();
        };
        databases.Events.Expired = (keyspace, key, slot) =>
        {
            Vanished(keyspace, key, slot);
            if (node.KeyspaceEvents.IsOn) node.KeyspaceEvents.Raise(KeyEventClass.Expired, "expired"u8, key, keyspace.Index);
        };
        databases.Events.Evicted = (keyspace, key, slot) =>
        {
            Vanished(keyspace, key, slot);
            if (node.KeyspaceEvents.IsOn) node.KeyspaceEvents.Raise(KeyEventClass.Evicted, "evicted"u8, key, keyspace.Index);
        };

        void Vanished(Keyspace keyspace, ReadOnlySpan<byte> key, int slot)
        {
            watches.Changed(keyspace.Index, key);
            if (tracker.IsOn) tracker.KeyChanged(key, by: null);
            node.Serving.Dirty++;
            node.Journal.Begin(2);
            node.Journal.Arg("DEL"u8);
            node.Journal.Arg(key);
            node.Journal.End(keyspace.Index, slot);
        }
    }
}
