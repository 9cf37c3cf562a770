// Registers our nodes and keeps their heartbeat fresh, so that controllers of a real control plane believe in them.

using System.Runtime.InteropServices;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class NodeRegistration(PodServices services)
{
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(10);

    /// <summary>Creates or refreshes each node once.</summary>
    public async Task RegisterAsync(CancellationToken ct)
    {
        foreach (var name in services.Options.Nodes)
        {
            await ReportAsync(name, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Heartbeats until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(HeartbeatEvery, services.Clock, ct).ConfigureAwait(false);
            foreach (var name in services.Options.Nodes)
            {
                try
                {
                    await ReportAsync(name, ct).ConfigureAwait(false);
                }
                catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
                {
                    Log.NodeFailed(services.Log, name, e.Message);
                }
            }
        }
    }

    private async Task ReportAsync(string name, CancellationToken ct)
    {
        var known = await services.Api.GetAsync<V1Node>(null, name, ct).ConfigureAwait(false);
        if (known is null)
        {
            try
            {
                known = await services.Api.CreateAsync(Node(name), ct).ConfigureAwait(false);
            }
            catch (KubernetesException e) when (e.IsAlreadyExists)
            {
                // Two runners at once: both report it.
            }
        }

        await services.Api.PatchStatusAsync<V1Node>(null, name, Status(known), ct).ConfigureAwait(false);
    }

    private static V1Node Node(string name) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name,
            Labels = new Dictionary<string, string>
            {
                ["kubernetes.io/hostname"] = name,
                ["kubernetes.io/os"] = "linux",
                ["kubernetes.io/arch"] = Architecture(),
                ["topology.kubernetes.io/zone"] = "local",
            },
        },
        Spec = new V1NodeSpec { ProviderId = $"shoal://{name}" },
    };

    private static string Architecture() => RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    private V1NodeStatus Status(V1Node? known)
    {
        var now = services.Clock.GetUtcNow();
        var capacity = new Dictionary<string, string>
        {
            ["cpu"] = services.Options.NodeCpu,
            ["memory"] = services.Options.NodeMemory,
            ["pods"] = "250",
            ["ephemeral-storage"] = "100Gi",
        };
        var ready = known?.Status?.Conditions?.Find(c => c.Type == "Ready" && c.Status == "True");
        return new V1NodeStatus
        {
            Capacity = capacity,
            Allocatable = capacity,
            Addresses =
            [
                new V1NodeAddress { Type = "InternalIP", Address = PodServices.HostIP },
                new V1NodeAddress { Type = "Hostname", Address = known?.Metadata.Name ?? "localhost" },
            ],
            Conditions =
            [
                new V1NodeCondition
                {
                    Type = "Ready",
                    Status = "True",
                    Reason = "KubeletReady",
                    Message = "pods run as local processes",
                    LastHeartbeatTime = now,
                    LastTransitionTime = ready?.LastTransitionTime ?? now,
                },
            ],
            NodeInfo = new V1NodeSystem
            {
                KernelVersion = Environment.OSVersion.Version.ToString(),
                OsImage = RuntimeInformation.OSDescription,
                ContainerRuntimeVersion = "process://1.0",
                KubeletVersion = "v1.34.0-shoal",
                KubeProxyVersion = "v1.34.0-shoal",
                OperatingSystem = "linux",
                Architecture = Architecture(),
            },
        };
    }
}
