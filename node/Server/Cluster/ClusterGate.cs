// The reactor's side of the cluster: routes every request by the current view, holds writes while slots change hands, and carries out
// what a new view means here: change of role, deletion of keys in slots that went to another node. Engine thread only.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Migration;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;
using Shoal.Server.Sessions;

namespace Shoal.Server.Cluster;

internal sealed class ClusterGate : IClusterGate
{
    private readonly NodeServices _node;
    private readonly ClusterMember _member;
    private readonly ReplicationState _replication;
    private readonly List<Action> _waiting = [];
    /// <summary>Per slot: 1 = served here without further questions. The whole routing cost of a request in a quiet cluster.</summary>
    private readonly byte[] _plain = new byte[HashSlot.Count];
    private SlotSet _paused = SlotSet.Empty;
    private bool _pauseReported;

    public ClusterGate(NodeServices node, ClusterMember member, ReplicationState replication)
    {
        _node = node;
        _member = member;
        _replication = replication;
        View = member.View;
        Purge = new SlotPurge(node);
        member.Adopt = Adopt;
        Recompute();
    }

    public bool Enabled => true;
    public ClusterView View { get; private set; }
    public SlotPurge Purge { get; }
    public SlotMigrations? Migrations { get; set; }

    /// <summary>Raised after a new view was adopted.</summary>
    public event Action<ClusterView>? Adopted;

    /// <summary>Slots whose writes wait for a hand-over.</summary>
    public SlotSet PausedSlots => _paused;

    public RouteDecision Route(Command command, in Request args, Session session)
    {
        int key = command.Keys.FirstKey(args);
        if (key == 0) return RouteDecision.Serve(0);
        int slot = HashSlot.Of(args[key]), count = 1;
        for (int next = command.Keys.NextKey(args, key); next > key; next = command.Keys.NextKey(args, next))
        {
            if (HashSlot.Of(args[next]) != slot) return RouteDecision.Refuse(ErrorReplies.CrossSlot);
            key = next;
            count++;
        }
        if (_plain[slot] != 0) return RouteDecision.Serve(slot);
        if (session.Kind == SessionKind.SlotImport && Migrations!.Imports(session, slot)) return RouteDecision.Serve(slot);
        var flags = command.FlagsOf(args);
        bool write = (flags & CommandFlags.Write) != 0;
        if ((flags & (CommandFlags.Write | CommandFlags.MayReplicate)) != 0 && IsHeld(slot)) return RouteDecision.Wait;
        bool channel = command.Has(CommandFlags.PubSub);
        int missing = !channel && (View.Migrating.ContainsKey(slot) || View.Importing.ContainsKey(slot)) ? CountMissing(command, args, slot) : 0;
        return SlotRouter.Decide(View, new RoutedRequest(
            slot, write, count, missing, session.Asking || command.Has(CommandFlags.Asking), session.ReadsReplica, command.Name == "migrate", channel));
    }

    public RouteDecision RouteSlot(int slot, bool write, Session session)
    {
        if (slot < 0 || _plain[slot] != 0) return RouteDecision.Serve(slot);
        if (write && IsHeld(slot)) return RouteDecision.Wait;
        return SlotRouter.Decide(View, new RoutedRequest(slot, write, 1, 0, session.Asking, session.ReadsReplica, false));
    }

    public void WhenReleased(Action retry) => _waiting.Add(retry);

    /// <summary>Holds writes of the slots until <see cref="Unpause"/>.</summary>
    public void Pause(SlotSet slots)
    {
        _paused = _paused.Union(slots);
        Recompute();
    }

    public void Unpause(SlotSet slots)
    {
        _paused = _paused.Except(slots);
        Recompute();
        Release();
    }

    /// <summary>Called about ten times a second: what depends on time or on loading having ended.</summary>
    public void Tick(bool loading)
    {
        if (View.WritesPausedUntilMs > 0 && View.WritesPausedUntilMs < _node.NowMs && _waiting.Count > 0)
        {
            Recompute();
            Release();
        }
        if (!loading) ApplyRole();
        _node.Serving.NotReady = View.IsOk ? null : "cluster_state:fail";
    }

    private bool IsHeld(int slot) => _paused.Contains(slot) || (View.WritesPausedUntilMs > _node.NowMs && View.Myself.IsPrimary);

    private int CountMissing(Command command, in Request args, int slot)
    {
        int missing = 0;
        for (int key = command.Keys.FirstKey(args), last = 0; key > last; last = key, key = command.Keys.NextKey(args, key))
            if (!_node.Databases[0].Peek(args[key], slot).Exists) missing++;
        return missing;
    }

    private void Adopt(ClusterView view, SlotSet dropped)
    {
        View = view;
        Purge.Cancel(view.Myself.Slots);
        if (!_node.Serving.IsLoading) ApplyRole();
        if (!dropped.IsEmpty && !_replication.IsReplica) Purge.Add(dropped);
        Recompute();
        ReportPause();
        Release();
        _node.Blocked.Reroute();
        Adopted?.Invoke(view);
    }

    private void ApplyRole()
    {
        if (View.Myself.IsPrimary)
        {
            if (_replication.IsReplica) _replication.BecomePrimary();
        }
        else if (View.Primary is { Ip.Length: > 0 } primary && primary.Port > 0
            && (!_replication.IsReplica || _replication.PrimaryHost != primary.Ip || _replication.PrimaryPort != primary.Port))
        {
            Purge.Clear(); // the new primary's data replaces ours whole
            _replication.BecomeReplicaOf(primary.Ip, primary.Port);
        }
    }

    /// <summary>Once writes are held for a coordinated failover, the offset is final: tell the bus.</summary>
    private void ReportPause()
    {
        bool paused = View.WritesPausedUntilMs > _node.NowMs;
        if (paused && !_pauseReported)
        {
            long offset = _replication.Offset;
            _member.Tell(m => ManualFailover.WritesPaused(m, offset));
        }
        _pauseReported = paused;
    }

    private void Recompute()
    {
        Array.Clear(_plain);
        if (!View.IsOk || View.WritesPausedUntilMs > _node.NowMs) return;
        foreach (int slot in View.Myself.Slots.Except(_paused))
            if (!View.Migrating.ContainsKey(slot)) _plain[slot] = 1;
    }

    private void Release()
    {
        if (_waiting.Count == 0) return;
        var retries = _waiting.ToArray();
        _waiting.Clear();
        foreach (var retry in retries) retry();
    }
}
