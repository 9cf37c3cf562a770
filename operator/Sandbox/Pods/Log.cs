// Every log line of this folder.

using Microsoft.Extensions.Logging;

namespace Shoal.Sandbox.Pods;

internal static class Log
{
    private static readonly Action<ILogger, string, string, Exception?> PodPassFailedLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(300, "PodPassFailed"), "pod {Pod}: {Error}; trying again");

    private static readonly Action<ILogger, string, Exception?> PodWorkerFailedLine = LoggerMessage.Define<string>(
        LogLevel.Error, new EventId(301, "PodWorkerFailed"), "pod {Pod}: the worker ended by a defect");

    private static readonly Action<ILogger, string, string, Exception?> CleanUpFailedLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(302, "CleanUpFailed"), "{Path} could not be removed: {Error}");

    private static readonly Action<ILogger, string, Exception?> LeftOverLine = LoggerMessage.Define<string>(
        LogLevel.Warning, new EventId(303, "LeftOver"), "killed a process an earlier run left behind ({PidFile})");

    private static readonly Action<ILogger, string, string, Exception?> NodeFailedLine = LoggerMessage.Define<string, string>(
        LogLevel.Warning, new EventId(304, "NodeFailed"), "node {Node} could not be reported: {Error}");

    public static void PodPassFailed(ILogger log, string pod, string error) => PodPassFailedLine(log, pod, error, null);

    public static void PodWorkerFailed(ILogger log, string pod, Exception e) => PodWorkerFailedLine(log, pod, e);

    public static void CleanUpFailed(ILogger log, string path, string error) => CleanUpFailedLine(log, path, error, null);

    public static void LeftOver(ILogger log, string pidFile) => LeftOverLine(log, pidFile, null);

    public static void NodeFailed(ILogger log, string node, string error) => NodeFailedLine(log, node, error, null);
}
