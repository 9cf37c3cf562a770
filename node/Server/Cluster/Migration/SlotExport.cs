// The source's side of an atomic slot migration (adr node/0011).
//
//   Connecting    open a link, AUTH, CLUSTER SYNCSLOTS BEGIN: the target hides the slots and takes requests for them
//   Snapshotting  a cut of the slots goes out as RESTORE; every write of these slots after the cut follows on the same link,
//                 and never before its key's snapshot (the store delivers a bucket before it changes)
//   Streaming     the cut is done; SYNCSLOTS PREPARE: the target lets its replicas catch up and starts its clock
//   Paused        writes of the slots wait here; what is left is sent and every reply is awaited
//   Committing    SYNCSLOTS COMMIT: the target takes the slots with a greater epoch, durable, or refuses for good
//   Success       this node learns it (reply or gossip), answers MOVED to those who waited, deletes the keys
//
// The target commits only within the pause timeout of its answer to PREPARE, which is before our pause began. So once that time has
// passed on our side too, an unanswered COMMIT can no longer happen, unless it already has: then the target's next heartbeat says so.
using System.Globalization;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.Persistence;
using Shoal.Store;

namespace Shoal.Server.Cluster.Migration;

internal sealed class SlotExport : ISnapshotSink, IJournalTap
{
    private const long StepMicroseconds = 1000;
    private const long HighWaterBytes = 8 * 1024 * 1024;
    private const long LimitBytes = 512L * 1024 * 1024;
    private const long LowWaterRequests = 1000;
    private const int PrepareTries = 5;

    private readonly NodeServices _node;
    private readonly ClusterGate _gate;
    private readonly ClusterMember _member;
    private readonly MigrationLink _link;
    private readonly DumpPayload _payload;
    private readonly int _pauseMs;
    private SnapshotCut? _cut;
    private bool _tapped;
    private bool _preparing;
    private bool _committed;
    private bool _lost;
    private int _tries;
    private long _pausedAt;

    public SlotExport(NodeServices node, ClusterGate gate, ClusterMember member, MigrationTask task, MigrationLink link, int pauseMs)
    {
        _node = node;
        _gate = gate;
        _member = member;
        _link = link;
        _pauseMs = pauseMs;
        _payload = new DumpPayload(node.Databases);
        Task = task;
        link.Ended = LinkEnded;
        link.Progress = Advance;
    }

    public MigrationTask Task { get; }

    private long Now => _node.NowMs;

    public void Start(string? user, string? password)
    {
        if (!string.IsNullOrEmpty(password))
        {
            string[] auth = string.IsNullOrEmpty(user) ? ["AUTH", password] : ["AUTH", user, password];
            _link.Ask(r => { if (r.IsError) Fail("target refused AUTH: " + r.Text); }, auth);
        }
        var begin = new List<string> { "CLUSTER", "SYNCSLOTS", "BEGIN", Task.Id, Task.SourceId, Task.TargetId };
        foreach (var range in Task.Slots.Ranges())
        {
            begin.Add(range.Start.ToString(CultureInfo.InvariantCulture));
            begin.Add(range.End.ToString(CultureInfo.InvariantCulture));
        }
        _link.Ask(Begun, [.. begin]);
        _link.Start();
    }

    /// <summary>One entry of the cut.</summary>
    public void Entry(int db, int slot, in EntryRef entry)
    {
        if (Task.IsOver || (entry.ExpireAtMs >= 0 && entry.ExpireAtMs <= Now)) return;
        _link.Begin(6);
        _link.Arg("RESTORE"u8);
        _link.Arg(entry.Key);
        _link.Arg(Math.Max(0, entry.ExpireAtMs));
        var payload = _payload.Of(entry);
        _link.Arg(payload);
        _link.Arg("REPLACE"u8);
        _link.Arg("ABSTTL"u8);
        if (entry.ClientWord is > 0 and var word)
        {
            _link.Begin(3);
            _link.Arg("CLIENTWORD"u8);
            _link.Arg(entry.Key);
            _link.Arg((long)word);
        }
        _link.FlushIfFull();
        Task.Keys++;
        Task.Bytes += entry.Key.Length + payload.Length;
    }

    /// <summary>One write of this node, right after it ran.</summary>
    public void Appended(int db, int slot, ReadOnlySpan<byte> record)
    {
        if (Task.IsOver) return;
        if (slot >= 0)
        {
            if (!Task.Slots.Contains(slot) || _committed) return;
            _link.Raw(record);
            Task.Bytes += record.Length;
        }
        else if (record.IndexOf("\r\nFLUSHALL\r\n"u8) is > 0 and < 16 || record.IndexOf("\r\nFLUSHDB\r\n"u8) is > 0 and < 16)
            _node.Engine.Post(() => Fail("the keyspace was flushed"));
    }

    /// <summary>One slice; called every turn and whenever replies arrive.</summary>
    public void Advance()
    {
        if (Task.IsOver) return;
        if (_cut is { IsDone: false } cut && _link.QueuedBytes < HighWaterBytes)
        {
            cut.Step(StepMicroseconds);
            if (!cut.IsDone) _node.Engine.Hurry();
        }
        _link.Flush();
        if (_link.QueuedBytes > LimitBytes && !_committed) Fail("the target is too slow: output buffer over 512 MB");
        else if (Task.Phase == MigrationPhase.Snapshotting && _cut is { IsDone: true }) Task.Enter(MigrationPhase.Streaming, Now);
        if (Task.Phase == MigrationPhase.Streaming && !_preparing && Backlog < LowWaterRequests) Prepare();
        if (Task.Phase == MigrationPhase.Paused) TryCommit();
        if (_lost) Resolve();
    }

    /// <summary>A new view: the slots may have changed hands, or this node its role.</summary>
    public void Learn(ClusterView view)
    {
        if (Task.IsOver) return;
        bool allTarget = Task.Slots.All(s => view.Owner(s)?.Id == Task.TargetId);
        if (_committed && allTarget)
        {
            Succeed();
            return;
        }
        if (!_committed && !Task.Slots.All(s => view.Owner(s) == view.Myself)) Fail("this node no longer owns the slots");
        else if (!_committed && view.Find(Task.TargetId) is null or { IsReplica: true }) Fail("the target is no primary any more");
        if (_lost && !Task.IsOver) Resolve();
    }

    /// <summary>Gives up, if that is still possible.</summary>
    public string? Cancel()
    {
        if (Task.IsOver) return null;
        if (_committed) return "ERR the hand-over is being decided, it cannot be cancelled";
        End(MigrationPhase.Cancelled, "cancelled");
        return null;
    }

    private long Backlog => _link.Sent - _link.Acknowledged;

    private void Begun(Reply reply)
    {
        if (reply.IsError)
        {
            Fail("target refused: " + reply.Text);
            return;
        }
        var filter = new SlotFilter();
        foreach (var range in Task.Slots.Ranges()) filter.AddRange(range.Start, range.End);
        Task.TotalKeys = Task.Slots.Sum(_node.Databases[0].CountInSlot);
        // Cut and tap begin in the same instant of the engine thread: no write is in neither or in both.
        _node.Journal.AddTap(this);
        _tapped = true;
        _cut = _node.Databases.Snapshots.Begin(this, filter);
        Task.Enter(MigrationPhase.Snapshotting, Now);
        _node.Engine.Hurry();
    }

    private void Prepare()
    {
        if (_tries++ == PrepareTries)
        {
            Fail("the target did not commit in time: " + Task.Message);
            return;
        }
        _preparing = true;
        _link.Ask(reply =>
        {
            _preparing = false;
            if (Task.IsOver) return;
            if (reply.IsError)
            {
                Fail("target is not ready: " + reply.Text);
                return;
            }
            _pausedAt = Now;
            _gate.Pause(Task.Slots);
            Task.Enter(MigrationPhase.Paused, Now);
            Advance();
        }, "CLUSTER", "SYNCSLOTS", "PREPARE", Task.Id, _pauseMs.ToString(CultureInfo.InvariantCulture));
    }

    private void TryCommit()
    {
        _link.Flush();
        if (Backlog > 0)
        {
            if (Now - _pausedAt > _pauseMs) Retry("it did not drain within the pause timeout");
            return;
        }
        _committed = true;
        Task.Enter(MigrationPhase.Committing, Now);
        _link.Ask(reply =>
        {
            if (Task.IsOver) return;
            if (reply.IsError)
            {
                _committed = false; // a refusal is final for this attempt: the target did not and will not take the slots
                Retry(reply.Text);
            }
            else LearnCommit(reply);
        }, "CLUSTER", "SYNCSLOTS", "COMMIT", Task.Id);
    }

    private void LearnCommit(Reply reply)
    {
        ulong epoch = (ulong)Math.Max(0, reply.Integer);
        _member.Ask(m =>
        {
            if (m.Find(Task.TargetId) is not { } target) return false;
            if (target.ConfigEpoch < epoch) target.ConfigEpoch = epoch;
            if (m.CurrentEpoch < epoch) m.CurrentEpoch = epoch;
            // Gossip may have been faster; slots that went on to a third node meanwhile stay there.
            var mine = Task.Slots.Intersect(m.Myself.Slots);
            if (mine.IsEmpty) return true;
            m.AssignSlots(mine, target);
            m.Host.DropSlots(mine);
            return true;
        }, _ => Succeed());
    }

    private void Retry(string reason)
    {
        Release();
        Task.Enter(MigrationPhase.Streaming, Now, reason);
    }

    /// <summary>COMMIT was sent and its answer will not come: wait until it is certain either way.</summary>
    private void Resolve()
    {
        var view = _gate.View;
        long over = _pausedAt + _pauseMs + 500;
        if (Now <= over) return;
        var target = view.Find(Task.TargetId);
        bool spoke = target is not null && target.PongReceivedMs > over && target.PongReceivedMs - over > 200;
        bool gone = target is null || target.IsFailed || Now > over + 3L * view.Settings.NodeTimeoutMs;
        if (!spoke && !gone) return;
        _committed = false;
        Fail(Task.Message);
    }

    private void LinkEnded(string? reason)
    {
        if (Task.IsOver) return;
        if (!_committed)
        {
            Fail(reason ?? "link closed");
            return;
        }
        Task.Enter(Task.Phase, Now, reason ?? "link closed");
        _lost = true;
        Learn(_gate.View);
    }

    private void Succeed()
    {
        if (!Task.IsOver) End(MigrationPhase.Success, "");
    }

    private void Fail(string reason)
    {
        if (!Task.IsOver) End(MigrationPhase.Failed, reason);
    }

    private void End(MigrationPhase phase, string message)
    {
        Task.Enter(phase, Now, message);
        if (_cut is { IsDone: false }) _cut.Cancel();
        if (_tapped) _node.Journal.RemoveTap(this);
        _tapped = false;
        Release();
        _link.Ended = null;
        _link.Progress = null;
        _link.Dispose();
        _member.Log(phase == MigrationPhase.Success
            ? $"slots {Task.Slots} moved to {Task.TargetId} (task {Task.Id}, {Task.Keys} keys, writes paused {Task.PauseMs} ms)"
            : $"slot migration {Task.Id} {phase.ToString().ToLowerInvariant()}: {Task.Message}");
    }

    private void Release()
    {
        if (_pausedAt == 0) return;
        Task.PauseMs = Now - _pausedAt;
        _pausedAt = 0;
        _gate.Unpause(Task.Slots);
    }
}
