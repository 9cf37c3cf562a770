// A script that runs longer than busy-reply-threshold, as everybody but Scripting sees it: what clients are told meanwhile, and
// who has to wait until it ends.
using Shoal.Server.Network;

namespace Shoal.Server.Sessions;

/// <summary>The script the node is busy with. Written on the engine thread.</summary>
public sealed class BusyScript
{
    private readonly List<Connection> _waiting = [];
    private readonly Action _abandon;

    /// <param name="refusal">What commands without the AllowBusy flag answer.</param>
    /// <param name="abandon">Ends the script at its next step and forgets its writes: the node shuts down.</param>
    public BusyScript(string refusal, Action abandon)
    {
        Refusal = refusal;
        _abandon = abandon;
    }

    public string Refusal { get; }

    /// <summary>SHUTDOWN NOSAVE: the script ends at its next step, and nothing it wrote reaches disk or replicas.</summary>
    public void Abandon() => _abandon();

    /// <summary>A stream of writes (a primary's, a slot import's) cannot be answered BUSY: it rests until the script ends.</summary>
    public void Rest(Connection connection)
    {
        connection.Pause();
        _waiting.Add(connection);
    }

    /// <summary>The script has ended.</summary>
    public void Release()
    {
        foreach (var connection in _waiting)
            if (!connection.IsClosed) connection.Resume();
    }
}
