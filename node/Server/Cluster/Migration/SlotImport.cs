// The target's side of an atomic slot migration (see SlotExport for the whole walk). Its session's requests run as ordinary commands,
// journalled for this node's replicas and AOF; the slots stay hidden and unserved until COMMIT. If the session ends before, what came
// is dropped again.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;
using Shoal.Server.Hosting;
using Shoal.Server.Replication;
using Shoal.Server.Sessions;

namespace Shoal.Server.Cluster.Migration;

internal sealed class SlotImport(
    NodeServices node, ClusterMember member, ReplicationState replication, MigrationTask task, Session session)
{
    /// <summary>Longest wait for this node's replicas to have what was imported so far.</summary>
    private const long ReplicaPatienceMs = 5000;

    private ParkToken? _preparing;
    private long _prepareOffset;
    private long _prepareSinceMs;
    private long _readyAt;
    private long _pauseMs;
    private bool _committing;

    public MigrationTask Task => task;
    public Session Session => session;
    public bool IsCommitting => _committing;

    /// <summary>Everything sent so far has run here: answer once the replicas have it too, and start the clock of COMMIT.</summary>
    public void Prepare(long pauseMs)
    {
        _pauseMs = pauseMs;
        _prepareOffset = replication.Offset;
        _prepareSinceMs = node.NowMs;
        _preparing = session.Park();
        task.Enter(MigrationPhase.Streaming, node.NowMs);
        Advance();
    }

    /// <summary>Called several times a second.</summary>
    public void Advance()
    {
        if (_preparing is not { } token) return;
        bool caughtUp = replication.Replicas.All(r => !r.Online || r.AckOffset >= _prepareOffset);
        if (!caughtUp && node.NowMs - _prepareSinceMs < ReplicaPatienceMs) return;
        _preparing = null;
        _readyAt = node.Time.GetTimestamp();
        task.Enter(MigrationPhase.Paused, node.NowMs);
        token.Complete(w => w.Ok());
    }

    /// <summary>Takes the slots, or refuses for good.</summary>
    public void Commit(Action<MigrationPhase, string> ended)
    {
        var token = session.Park();
        if (_readyAt == 0 || TooLate())
        {
            token.Complete(w => w.Error("ERR too late, the source's write pause may be over"));
            return;
        }
        _committing = true;
        task.Enter(MigrationPhase.Committing, node.NowMs);
        member.Ask(Take, result =>
        {
            _committing = false;
            if (result.Error is { } error)
            {
                token.Complete(w => w.Error(error));
                return;
            }
            ended(MigrationPhase.Success, "");
            token.Complete(w => w.Integer((long)result.Epoch));
        });
    }

    private bool TooLate() => node.Time.GetElapsedTime(_readyAt).TotalMilliseconds > _pauseMs;

    /// <summary>On the bus thread: the flip. Durable before anybody hears of it.</summary>
    private (string? Error, ulong Epoch) Take(ClusterModel m)
    {
        if (TooLate()) return ("ERR too late, the source's write pause may be over", 0);
        if (!m.Myself.IsPrimary) return ("ERR this node is no primary any more", 0);
        if (m.Find(task.SourceId) is not { } source) return ("ERR the source is not known any more", 0);
        foreach (int slot in task.Slots)
            if (m.Owner(slot) != source) return ($"ERR slot {slot} is not the source's any more", 0);
        ulong epoch = m.Myself.ConfigEpoch, current = m.CurrentEpoch;
        m.AssignSlots(task.Slots, m.Myself);
        try
        {
            if (!SlotClaims.BumpEpoch(m)) m.SaveNow();
        }
        catch (IOException e)
        {
            // Not durable: as if it had not happened. (A raised current epoch does no harm.)
            m.AssignSlots(task.Slots, source);
            m.Myself.ConfigEpoch = epoch;
            m.CurrentEpoch = Math.Max(current, m.CurrentEpoch);
            return ("ERR error saving the cluster node config: " + e.Message, 0);
        }
        Gossip.BroadcastPong(m);
        return (null, m.Myself.ConfigEpoch);
    }
}
