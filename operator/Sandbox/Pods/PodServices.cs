// What every pod worker shares.

using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes;

namespace Shoal.Sandbox.Pods;

internal sealed record PodServices(
    IKubernetes Api,
    LocalControlPlaneOptions Options,
    PodPaths Paths,
    ProcessLauncher Launcher,
    AddressPool Addresses,
    EventRecorder Events,
    HttpClient ProbeHttp,
    ILogger Log)
{
    public TimeProvider Clock => Options.Clock;

    /// <summary>Address of every node: this machine.</summary>
    public const string HostIP = "127.0.0.1";
}
