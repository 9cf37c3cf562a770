// Writes the Endpoints and the EndpointSlice of every service with a selector: the addresses of its pods, ready or not.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;

namespace Shoal.Sandbox.Controllers;

internal sealed class EndpointsController(IKubernetes api, Informer<V1Service> services, Informer<V1Pod> pods) : IReconciler
{
    private const string Manager = "endpoints-controller";

    /// <summary>The services that select a pod.</summary>
    public static IEnumerable<NamespacedName> KeysFor(V1Pod pod, Informer<V1Service> services) =>
        services.In(pod.Metadata.Namespace ?? "").Where(s => Selects(s, pod)).Select(s => NamespacedName.Of(s));

    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (services.Get(key) is not { } service)
        {
            await api.DeleteAsync<V1Endpoints>(key.Namespace, key.Name, ct: ct).ConfigureAwait(false);
            return Outcome.Done;
        }

        if (service.Spec?.Selector is not { Count: > 0 } || service.Metadata.DeletionTimestamp is not null)
        {
            return Outcome.Done;
        }

        var members = pods.In(key.Namespace)
            .Where(p => Selects(service, p) && !string.IsNullOrEmpty(p.Status?.PodIP) && p.Metadata.DeletionTimestamp is null
                && p.Status.Phase is not ("Succeeded" or "Failed"))
            .OrderBy(p => p.Metadata.Name, StringComparer.Ordinal).ToList();
        await WriteEndpointsAsync(service, members, ct).ConfigureAwait(false);
        if (await api.ServesAsync<V1EndpointSlice>(ct: ct).ConfigureAwait(false))
        {
            await WriteSliceAsync(service, members, ct).ConfigureAwait(false);
        }

        return Outcome.Done;
    }

    private static bool Selects(V1Service service, V1Pod pod) =>
        service.Spec?.Selector is { Count: > 0 } selector && selector.All(e => pod.Metadata.Labels?.GetValueOrDefault(e.Key) == e.Value);

    private static bool IsReady(V1Pod pod, V1Service service) =>
        service.Spec!.PublishNotReadyAddresses == true || pod.Status?.Conditions?.Exists(c => c is { Type: "Ready", Status: "True" }) == true;

    private async Task WriteEndpointsAsync(V1Service service, List<V1Pod> members, CancellationToken ct)
    {
        var ready = members.Where(p => IsReady(p, service)).Select(p => Address(p, service)).ToList();
        var unready = members.Where(p => !IsReady(p, service)).Select(p => Address(p, service)).ToList();
        var wanted = new V1Endpoints
        {
            Metadata = Meta(service, service.Metadata.Name!, service.Metadata.Labels ?? []),
            Subsets = members.Count == 0 ? [] :
            [
                new V1EndpointSubset
                {
                    Addresses = ready.Count == 0 ? null : ready,
                    NotReadyAddresses = unready.Count == 0 ? null : unready,
                    Ports = Ports(service, members),
                },
            ],
        };
        var known = await api.GetAsync<V1Endpoints>(service.Metadata.Namespace, service.Metadata.Name!, ct).ConfigureAwait(false);
        if (known is null || KubernetesJson.Write(known.Subsets ?? []) != KubernetesJson.Write(wanted.Subsets))
        {
            await api.ApplyAsync(wanted, Manager, ct: ct).ConfigureAwait(false);
        }
    }

    private async Task WriteSliceAsync(V1Service service, List<V1Pod> members, CancellationToken ct)
    {
        var labels = new Dictionary<string, string>(service.Metadata.Labels ?? [])
        {
            ["kubernetes.io/service-name"] = service.Metadata.Name!,
            ["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io",
        };
        var wanted = new V1EndpointSlice
        {
            Metadata = Meta(service, $"{service.Metadata.Name}-ipv4", labels),
            Ports = Ports(service, members),
            Endpoints = [.. members.Select(p => new V1Endpoint
            {
                Addresses = [p.Status!.PodIP!],
                Hostname = Hostname(p, service),
                NodeName = p.Spec!.NodeName,
                TargetRef = Target(p),
                Conditions = new V1EndpointConditions { Ready = IsReady(p, service), Serving = IsReady(p, service), Terminating = false },
            })],
        };
        var known = await api.GetAsync<V1EndpointSlice>(wanted.Metadata.Namespace, wanted.Metadata.Name!, ct).ConfigureAwait(false);
        if (known is null || KubernetesJson.Write(known.Endpoints) != KubernetesJson.Write(wanted.Endpoints)
            || KubernetesJson.Write(known.Ports ?? []) != KubernetesJson.Write(wanted.Ports))
        {
            await api.ApplyAsync(wanted, Manager, ct: ct).ConfigureAwait(false);
        }
    }

    private static V1ObjectMeta Meta(V1Service service, string name, Dictionary<string, string> labels) => new()
    {
        Namespace = service.Metadata.Namespace,
        Name = name,
        Labels = labels.Count == 0 ? null : labels,
        OwnerReferences = [V1OwnerReference.To(service)],
    };

    private static V1EndpointAddress Address(V1Pod pod, V1Service service) => new()
    {
        Ip = pod.Status!.PodIP!,
        Hostname = Hostname(pod, service),
        NodeName = pod.Spec!.NodeName,
        TargetRef = Target(pod),
    };

    private static string? Hostname(V1Pod pod, V1Service service) =>
        pod.Spec!.Subdomain == service.Metadata.Name && !string.IsNullOrEmpty(pod.Spec.Hostname) ? pod.Spec.Hostname : null;

    private static V1ObjectReference Target(V1Pod pod) =>
        new() { Kind = "Pod", Namespace = pod.Metadata.Namespace, Name = pod.Metadata.Name, Uid = pod.Metadata.Uid };

    private static List<V1EndpointPort> Ports(V1Service service, List<V1Pod> members) =>
        [.. (service.Spec!.Ports ?? []).Select(p => new V1EndpointPort
        {
            Name = p.Name,
            Port = TargetPort(p, members),
            Protocol = p.Protocol ?? "TCP",
        })];

    private static int TargetPort(V1ServicePort port, List<V1Pod> members)
    {
        if (port.TargetPort is not { } target)
        {
            return port.Port;
        }

        return target.Number ?? members.SelectMany(p => p.Spec!.Containers).SelectMany(c => c.Ports ?? [])
            .FirstOrDefault(p => p.Name == target.ToString())?.ContainerPort ?? port.Port;
    }
}
