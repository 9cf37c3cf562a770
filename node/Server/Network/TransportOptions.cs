// What transports need to know of the configuration; CONFIG SET changes it live.
namespace Shoal.Server.Network;

/// <summary>Live socket settings.</summary>
public sealed class TransportOptions
{
    /// <summary>tcp-keepalive in seconds; 0 = off. Applies to new connections.</summary>
    public int KeepAliveSeconds { get; set; } = 300;

    /// <summary>client-query-buffer-limit: most unconsumed bytes of one connection.</summary>
    public long QueryBufferLimit { get; set; } = 1024L * 1024 * 1024;

    /// <summary>Bytes one connection may have served per turn.</summary>
    public const int TurnBytes = 64 * 1024;

    /// <summary>Unsent replies beyond which no further requests of that connection run until it reads.</summary>
    public const long OutputHighWater = 512L * 1024 * 1024;

    /// <summary>Size a connection's own buffers shrink back to when they empty.</summary>
    public const int KeptBuffer = 16 * 1024;
}
