// Every log line of this folder.

using Microsoft.Extensions.Logging;

namespace Shoal.Sandbox.Controllers;

internal static class Log
{
    private static readonly Action<ILogger, string, string, Exception?> CollectFailedLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(320, "CollectFailed"), "garbage collection of {What}: {Error}; trying again");

    public static void CollectFailed(ILogger log, string what, string error) => CollectFailedLine(log, what, error, null);
}
