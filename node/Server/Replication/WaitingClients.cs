// WAIT and WAITAOF: clients that wait until enough replicas have a write, in memory or on disk, and this node's own disk.
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Replication;

/// <summary>What one client waits for.</summary>
/// <param name="Offset">Journal offset behind the client's last write.</param>
/// <param name="Replicas">Replicas that must have it.</param>
/// <param name="OnDisk">WAITAOF: in their append-only files.</param>
/// <param name="Local">WAITAOF: in ours as well.</param>
internal readonly record struct Awaited(long Offset, long Replicas, bool OnDisk, bool Local);

/// <summary>The clients in WAIT and WAITAOF. Engine thread.</summary>
internal sealed class WaitingClients(NodeServices node, ReplicaLinks links, Func<bool> appendsToDisk)
{
    public const string NoAppendOnlyFile = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    private readonly List<(ParkToken Token, Awaited For)> _waiting = [];

    /// <summary>Whether the reply can be given now.</summary>
    public bool IsMet(in Awaited a) => Replicas(a) >= a.Replicas && (!a.Local || IsOnOurDisk(a.Offset));

    /// <summary>The count of WAIT, or the pair of WAITAOF.</summary>
    public void Reply(ReplyWriter to, in Awaited a)
    {
        if (a.OnDisk)
        {
            to.Array(2);
            to.Integer(IsOnOurDisk(a.Offset) ? 1 : 0);
        }
        to.Integer(Replicas(a));
    }

    /// <summary>Parks the session until it is met or <paramref name="timeout"/> is over (null: however long that takes).</summary>
    public void Add(Session session, Awaited a, TimeSpan? timeout)
    {
        _waiting.Add((session.Park(timeout, w => Reply(w, a)), a));
        links.RequestAcks();
    }

    /// <summary>An acknowledgement came, or the disk has moved.</summary>
    public void Check()
    {
        for (int i = _waiting.Count - 1; i >= 0; i--)
        {
            var (token, a) = _waiting[i];
            bool hopeless = a.Local && !appendsToDisk();
            if (!token.IsDone && !hopeless && !IsMet(a)) continue;
            _waiting.RemoveAt(i);
            token.Complete(w =>
            {
                if (hopeless) w.Error(NoAppendOnlyFile);
                else Reply(w, a);
            });
        }
    }

    /// <summary>This node is a replica now: nobody will acknowledge.</summary>
    public void GiveUp()
    {
        foreach (var (token, _) in _waiting) token.Complete(static w => w.Error(ErrorReplies.Unblocked));
        _waiting.Clear();
    }

    private bool IsOnOurDisk(long offset) => appendsToDisk() && node.Journal.DurableOffset >= offset;

    private int Replicas(in Awaited a) => a.OnDisk ? links.CountOnDisk(a.Offset) : links.CountAt(a.Offset);
}
