// Every log line of this folder.

using Microsoft.Extensions.Logging;

namespace Shoal.Operator.Reconciling;

internal static class Log
{
    private static readonly Action<ILogger, string, string, string, Exception?> PassFailedLine = LoggerMessage.Define<string, string, string>(
        LogLevel.Warning, new EventId(200, "PassFailed"), "{Controller} {Key}: {Error}; trying again");

    private static readonly Action<ILogger, string, string, string, Exception?> PassConflictedLine = LoggerMessage.Define<string, string, string>(
        LogLevel.Debug, new EventId(201, "PassConflicted"), "{Controller} {Key}: changed meanwhile ({Error}); looking again");

    public static void PassFailed(ILogger log, string controller, string key, string error, Exception? e) =>
        PassFailedLine(log, controller, key, error, e);

    public static void PassConflicted(ILogger log, string controller, string key, string error) =>
        PassConflictedLine(log, controller, key, error, null);
}
