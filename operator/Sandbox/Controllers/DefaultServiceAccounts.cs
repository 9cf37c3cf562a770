// Every namespace has a service account called default.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;

namespace Shoal.Sandbox.Controllers;

internal sealed class DefaultServiceAccounts(IKubernetes api) : IReconciler
{
    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        var ns = await api.GetAsync<V1Namespace>(null, key.Name, ct).ConfigureAwait(false);
        if (ns is null || ns.Metadata.DeletionTimestamp is not null || await api.GetAsync<V1ServiceAccount>(key.Name, "default", ct).ConfigureAwait(false) is not null)
        {
            return Outcome.Done;
        }

        try
        {
            await api.CreateAsync(new V1ServiceAccount { Metadata = new V1ObjectMeta { Namespace = key.Name, Name = "default" } }, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // Someone was faster.
        }

        return Outcome.Done;
    }
}
