// A pod that cannot be started as it is described: the reason goes into the container's state and an event, and it is
// tried again, because the missing ConfigMap may be created next.

namespace Shoal.Sandbox.Pods;

internal sealed class PodConfigException(string reason, string message) : Exception(message)
{
    /// <summary>For example <c>CreateContainerConfigError</c> or <c>FailedMount</c>.</summary>
    public string Reason { get; } = reason;
}
