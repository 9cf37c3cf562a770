// Every log line of this folder.
using Microsoft.Extensions.Logging;

namespace Shoal.Operator.Clusters;

internal static class Log
{
    private static readonly Action<ILogger, string, string, string, Exception?> StepLine = LoggerMessage.Define<string, string, string>(
        LogLevel.Information, new EventId(300, "Step"), "{Cluster}: {Step}: {Why}");

    private static readonly Action<ILogger, string, string, string, Exception?> FailedLine = LoggerMessage.Define<string, string, string>(
        LogLevel.Warning, new EventId(301, "StepFailed"), "{Cluster}: {Step} failed: {Error}");

    public static void Step(ILogger log, string cluster, string step, string why) => StepLine(log, cluster, step, why, null);

    public static void Failed(ILogger log, string cluster, string step, string error) => FailedLine(log, cluster, step, error, null);
}
