// What a request may measure. Beyond these the connection is closed with Redis's protocol error.
namespace Shoal.Protocol.Resp;

/// <summary>Limits a reader applies; shared by all readers of a node and changed live by CONFIG SET.</summary>
public sealed class RespLimits
{
    /// <summary>Longest argument in bytes (proto-max-bulk-len).</summary>
    public long MaxBulkLength { get; set; } = 512L * 1024 * 1024;

    /// <summary>Most arguments of one request.</summary>
    public int MaxArguments { get; set; } = 1024 * 1024;

    /// <summary>Longest inline request, and longest length line, in bytes.</summary>
    public const int MaxInline = 64 * 1024;

    /// <summary>Most arguments before AUTH when a password is set.</summary>
    public const int MaxArgumentsUnauthenticated = 10;

    /// <summary>Longest argument before AUTH when a password is set.</summary>
    public const int MaxBulkUnauthenticated = 16384;
}
