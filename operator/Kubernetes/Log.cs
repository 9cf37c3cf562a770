// Every log line of this folder.

using Microsoft.Extensions.Logging;

namespace Shoal.Operator.Kubernetes;

internal static class Log
{
    private static readonly Action<ILogger, string, string?, Exception?> VersionExpiredLine = LoggerMessage.Define<string, string?>(
        LogLevel.Information, new EventId(100, "VersionExpired"), "watch of {Resource}: version {Version} is too old, listing again");

    private static readonly Action<ILogger, string, string, Exception?> WatchFailedLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(101, "WatchFailed"), "watch of {Resource} failed, trying again: {Error}");

    private static readonly Action<ILogger, string, Exception?> ApiAbsentLine = LoggerMessage.Define<string>(
        LogLevel.Warning, new EventId(102, "ApiAbsent"), "the server does not serve {Resource}; going on without it");

    private static readonly Action<ILogger, string, string, Exception?> LeaseTakenLine = LoggerMessage.Define<string, string>(
        LogLevel.Information, new EventId(103, "LeaseTaken"), "lease {Lease} is ours as {Identity}");

    private static readonly Action<ILogger, string, string, Exception?> LeaseLostLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(104, "LeaseLost"), "lease {Lease} is lost: {Reason}");

    private static readonly Action<ILogger, string, string, Exception?> LeaseErrorLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(105, "LeaseError"), "lease {Lease} could not be read or renewed: {Error}");

    private static readonly Action<ILogger, string, string, Exception?> EventDroppedLine = LoggerMessage.Define<string, string>(
        LogLevel.Debug, new EventId(106, "EventDropped"), "event {Reason} not recorded: {Error}");

    public static void VersionExpired(ILogger log, string resource, string? version) => VersionExpiredLine(log, resource, version, null);

    public static void WatchFailed(ILogger log, string resource, string error) => WatchFailedLine(log, resource, error, null);

    public static void ApiAbsent(ILogger log, string resource) => ApiAbsentLine(log, resource, null);

    public static void LeaseTaken(ILogger log, string lease, string identity) => LeaseTakenLine(log, lease, identity, null);

    public static void LeaseLost(ILogger log, string lease, string reason) => LeaseLostLine(log, lease, reason, null);

    public static void LeaseError(ILogger log, string lease, string error) => LeaseErrorLine(log, lease, error, null);

    public static void EventDropped(ILogger log, string reason, string error) => EventDroppedLine(log, reason, error, null);
}
