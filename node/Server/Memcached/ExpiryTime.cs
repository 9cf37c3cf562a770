// exptime of the memcached protocol.
namespace Shoal.Server.Memcached;

internal static class ExpiryTime
{
    private const long RelativeUpTo = 60 * 60 * 24 * 30;

    /// <summary>Seconds up to 30 days count from now, more are a Unix time, 0 is never, less is over already. Result in Unix ms, -1 = never.</summary>
    public static long ToUnixMs(long exptime, long nowMs) => exptime switch
    {
        0 => -1,
        < 0 => ItemOperations.Past,
        <= RelativeUpTo => nowMs + exptime * 1000,
        _ => exptime > long.MaxValue / 1000 ? -1 : exptime * 1000 <= nowMs ? ItemOperations.Past : exptime * 1000,
    };

    /// <summary>Seconds left, -1 = forever.</summary>
    public static long SecondsLeft(long expireAtMs, long nowMs) => expireAtMs < 0 ? -1 : Math.Max(0, (expireAtMs - nowMs + 999) / 1000);
}
