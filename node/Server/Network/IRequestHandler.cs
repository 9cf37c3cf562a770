// The whole seam between sockets and everything else: bytes in, a count back.
namespace Shoal.Server.Network;

/// <summary>What a transport calls on the engine thread.</summary>
public interface IRequestHandler
{
    /// <summary>A connection was accepted; false refuses it (the handler has already sent why).</summary>
    bool Opened(Connection connection);

    /// <summary>
    /// Runs the complete requests at the front of <paramref name="bytes"/> and returns how many bytes they took. Stops
    /// early when the connection <see cref="Connection.IsPaused"/>, closes, or has had its share of the turn.
    /// </summary>
    int Consume(Connection connection, ReadOnlySpan<byte> bytes);

    /// <summary>The connection is gone.</summary>
    void Closed(Connection connection);
}
