// What the engine needs of the world of sockets. Two of them exist: direct epoll (Linux) and System.IO.Pipelines
// (everywhere), so that the fast one can be measured against and replaced by the portable one with a directive.
using System.Net;

namespace Shoal.Server.Network;

/// <summary>Socket I/O driven by the engine thread.</summary>
public interface ITransport : IDisposable
{
    /// <summary>"epoll" or "pipes".</summary>
    string Name { get; }

    /// <summary>Replies are to be kept until <see cref="ReleaseReplies"/> passes the offset of their turn (appendfsync always).</summary>
    bool HoldReplies { get; set; }

    /// <summary>Called by <see cref="Turn"/> between waiting and serving: the engine moves its clock and runs posts.</summary>
    Action? Awake { get; set; }

    /// <summary>Binds and listens; returns the end point with the real port. Throws SocketException.
    /// <paramref name="handler"/> serves what connects there; null = the transport's own (RESP).</summary>
    EndPoint Listen(EndPoint at, int backlog, IRequestHandler? handler = null);

    /// <summary>Stops accepting.</summary>
    void StopListening();

    /// <summary>Waits up to <paramref name="timeoutMs"/> for I/O or <see cref="Wake"/>, then serves every ready connection once.</summary>
    void Turn(int timeoutMs);

    /// <summary>
    /// Serves whoever is ready now from inside a request that is still running (a busy script). The connection of that request
    /// stays as it is, and answers leave at once: those of the running turn stay where they are.
    /// </summary>
    void TurnInside();

    /// <summary>Ends the batch of this turn: what it replied may leave once <paramref name="offset"/> is durable, which the
    /// journal is up to <paramref name="durableOffset"/> already.</summary>
    void EndTurn(long offset, long durableOffset);

    /// <summary>Sends the replies of turns whose offset is durable.</summary>
    void ReleaseReplies(long durableOffset);

    /// <summary>Interrupts <see cref="Turn"/>. Any thread.</summary>
    void Wake();

    /// <summary>Open connections.</summary>
    int ConnectionCount { get; }

    /// <summary>Bytes received since start.</summary>
    long BytesIn { get; }

    /// <summary>Bytes sent since start.</summary>
    long BytesOut { get; }
}
