// All slot migrations of this node, under way and lately ended: accepts new ones, drives them every turn, rolls imports back, hides
// what is not owned yet. Engine thread.
using System.Net;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Cluster.Migration;

internal sealed class SlotMigrations(NodeServices node, ClusterGate gate, ClusterMember member, ReplicationState replication, IPAddress? source)
{
    private const int KeptTasks = 128;
    private static readonly TimeSpan LinkTimeout = TimeSpan.FromSeconds(10);
    private readonly List<MigrationTask> _tasks = [];
    private readonly List<SlotExport> _exports = [];
    private readonly List<SlotImport> _imports = [];
    private SlotSet _hidden = SlotSet.Empty;

    public IReadOnlyList<MigrationTask> Tasks => _tasks;

    /// <summary>True while the slot takes part in a migration here.</summary>
    public bool IsBusy(int slot) => _exports.Any(e => e.Task.Slots.Contains(slot)) || _imports.Any(i => i.Task.Slots.Contains(slot));

    /// <summary>True when the session imports that slot, so that the gate lets its requests pass.</summary>
    public bool Imports(Session session, int slot) => _imports.Any(i => i.Session == session && i.Task.Slots.Contains(slot));

    /// <summary>Starts an export. Returns an error text, or null (also when the task id is known: then nothing happens).</summary>
    public string? StartExport(string taskId, SlotSet slots, string targetId)
    {
        var view = gate.View;
        if (_tasks.Any(t => t.Id == taskId && t.IsExport)) return null;
        if (!view.Myself.IsPrimary) return "ERR this node is a replica, slots move from their primary";
        if (!view.IsOk) return Shoal.Protocol.Resp.ErrorReplies.ClusterDown;
        if (view.Find(targetId) is not { } target) return $"ERR Unknown node {targetId}";
        if (target.IsMyself) return "ERR the slots are to move to this node itself";
        if (target.IsReplica) return "ERR Target node is not a master";
        foreach (int slot in slots)
        {
            if (view.Owner(slot) != view.Myself) return $"ERR I'm not the owner of hash slot {slot}";
            if (IsBusy(slot)) return $"ERR slot {slot} is being migrated already";
            if (view.Migrating.ContainsKey(slot)) return $"ERR slot {slot} is in state MIGRATING, make it STABLE first";
        }
        var task = Add(new MigrationTask(taskId, true, slots, view.Myself.Id, targetId, node.NowMs));
        var link = new MigrationLink(node, target.Ip, target.Port, source, LinkTimeout);
        var export = new SlotExport(node, gate, member, task, link, view.Settings.PauseTimeoutMs);
        _exports.Add(export);
        string password = Text("masterauth") is { Length: > 0 } auth ? auth : Text("requirepass");
        export.Start(Text("masteruser"), password);
        member.Log($"moving slots {slots} to {targetId} (task {taskId})");
        return null;
    }

    /// <summary>SYNCSLOTS BEGIN: the session's requests fill these slots from now on.</summary>
    public string? StartImport(Session session, string taskId, SlotSet slots, string sourceId, string targetId)
    {
        var view = gate.View;
        if (session.Connection is not { } connection) return "ERR not a client connection";
        if (targetId != view.Myself.Id) return $"ERR this is {view.Myself.Id}, not {targetId}";
        if (!view.Myself.IsPrimary) return "ERR this node is a replica";
        if (!view.IsOk) return Shoal.Protocol.Resp.ErrorReplies.ClusterDown;
        foreach (int slot in slots)
        {
            if (view.Owner(slot)?.Id != sourceId) return $"ERR slot {slot} is not the source's in the view of this node";
            if (IsBusy(slot)) return $"ERR slot {slot} is being migrated already";
            if (view.Importing.ContainsKey(slot)) return $"ERR slot {slot} is in state IMPORTING, make it STABLE first";
        }
        gate.Purge.FinishNow(slots); // leftovers of an earlier ownership or import
        foreach (var old in _tasks.Where(t => t.Id == taskId && !t.IsExport).ToArray()) _tasks.Remove(old);
        var task = Add(new MigrationTask(taskId, false, slots, sourceId, targetId, node.NowMs));
        task.Enter(MigrationPhase.Snapshotting, node.NowMs);
        var import = new SlotImport(node, member, replication, task, session);
        _imports.Add(import);
        session.Kind = SessionKind.SlotImport;
        connection.Closed += () =>
        {
            if (!import.IsCommitting) EndImport(import, MigrationPhase.Failed, "the source's link closed");
        };
        Hide();
        return null;
    }

    public SlotImport? ImportOf(Session session, string taskId) => _imports.Find(i => i.Session == session && i.Task.Id == taskId);

    public void Commit(SlotImport import) => import.Commit((phase, message) => EndImport(import, phase, message));

    /// <summary>Cancels one task, or all (null). Returns how many; an error text when one cannot be.</summary>
    public string? Cancel(string? taskId, out int count)
    {
        count = 0;
        foreach (var export in _exports.Where(e => taskId is null || e.Task.Id == taskId).ToArray())
        {
            if (export.Cancel() is { } error) return error;
            count++;
        }
        foreach (var import in _imports.Where(i => taskId is null || i.Task.Id == taskId).ToArray())
        {
            if (import.IsCommitting) return "ERR the hand-over is being decided, it cannot be cancelled";
            EndImport(import, MigrationPhase.Cancelled, "cancelled");
            import.Session.Connection?.Close();
            count++;
        }
        Sweep();
        return taskId is not null && count == 0 && !_tasks.Any(t => t.Id == taskId) ? $"ERR no slot migration {taskId}" : null;
    }

    /// <summary>One slice; called every turn.</summary>
    public void Step()
    {
        if (_exports.Count == 0) return;
        for (int i = 0; i < _exports.Count; i++) _exports[i].Advance();
        Sweep();
    }

    /// <summary>Called about ten times a second.</summary>
    public void Tick()
    {
        foreach (var import in _imports) import.Advance();
    }

    /// <summary>A new view was adopted.</summary>
    public void Learn(ClusterView view)
    {
        foreach (var export in _exports.ToArray()) export.Learn(view);
        Sweep();
        foreach (var import in _imports.Where(i => !i.IsCommitting).ToArray())
        {
            bool still = view.Myself.IsPrimary && import.Task.Slots.All(s => view.Owner(s)?.Id == import.Task.SourceId);
            if (still) continue;
            EndImport(import, MigrationPhase.Failed, "the slots or this node's role changed");
            import.Session.Connection?.Close();
        }
    }

    private MigrationTask Add(MigrationTask task)
    {
        _tasks.Add(task);
        if (_tasks.Count > KeptTasks && _tasks.FirstOrDefault(t => t.IsOver) is { } oldest) _tasks.Remove(oldest);
        return task;
    }

    private void EndImport(SlotImport import, MigrationPhase phase, string message)
    {
        if (!_imports.Remove(import)) return;
        import.Task.Enter(phase, node.NowMs, message);
        member.Log($"import of slots {import.Task.Slots} from {import.Task.SourceId} (task {import.Task.Id}): {phase.ToString().ToLowerInvariant()} {message}");
        if (phase != MigrationPhase.Success && !replication.IsReplica)
            gate.Purge.Add(import.Task.Slots.Except(gate.View.Myself.Slots));
        Hide();
    }

    private void Sweep() => _exports.RemoveAll(e => e.Task.IsOver);

    /// <summary>Hides slots under import, and rolled back ones until they are purged.</summary>
    public void Hide()
    {
        var hidden = _imports.Aggregate(SlotSet.Empty, (set, i) => set.Union(i.Task.Slots));
        if (!replication.IsReplica) hidden = hidden.Union(gate.Purge.Pending);
        hidden = hidden.Except(gate.View.Myself.Slots);
        if (hidden.Equals(_hidden)) return;
        _hidden = hidden;
        if (hidden.IsEmpty)
        {
            node.Databases[0].Walk.Hidden = null;
            return;
        }
        var filter = new SlotFilter();
        foreach (var range in hidden.Ranges()) filter.AddRange(range.Start, range.End);
        node.Databases[0].Walk.Hidden = filter;
    }

    private string Text(string setting) => node.Config.Find(setting)?.Text ?? "";
}
