// Binds persistent volume claims to directories: every claim gets what it asks for, a bigger request is granted at once, a
// smaller one is refused with a warning (as the API server does for bound claims). When a claim is gone its directory goes too.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;
using Shoal.Sandbox.Pods;

namespace Shoal.Sandbox.Controllers;

internal sealed class ClaimBinder : IReconciler
{
    private readonly IKubernetes _api;
    private readonly Informer<V1PersistentVolumeClaim> _claims;
    private readonly PodPaths _paths;
    private readonly EventRecorder _events;

    public ClaimBinder(IKubernetes api, Informer<V1PersistentVolumeClaim> claims, PodPaths paths, EventRecorder events)
    {
        (_api, _claims, _paths, _events) = (api, claims, paths, events);
        claims.Subscribe(RemoveDirectoryOfDeleted);
    }

    public async Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (_claims.Get(key) is not { } claim || claim.Metadata.DeletionTimestamp is not null)
        {
            return Outcome.Done;
        }

        var wanted = claim.Spec?.Resources?.Requests?.GetValueOrDefault("storage") ?? "0";
        var granted = claim.Status?.Capacity?.GetValueOrDefault("storage");
        if (claim.Status?.Phase != "Bound")
        {
            await BindAsync(claim, wanted, ct).ConfigureAwait(false);
        }
        else if (granted is null || Quantity.Parse(wanted) > Quantity.Parse(granted))
        {
            await SetStatusAsync(claim, wanted, ct).ConfigureAwait(false);
            _events.Normal(claim, "FileSystemResizeSuccessful", $"grown from {granted ?? "nothing"} to {wanted}");
        }
        else if (Quantity.Parse(wanted) < Quantity.Parse(granted))
        {
            _events.Warning(claim, "VolumeResizeFailed", $"{granted} cannot shrink to {wanted}");
        }

        return Outcome.Done;
    }

    private async Task BindAsync(V1PersistentVolumeClaim claim, string size, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(claim.Spec?.VolumeName))
        {
            var patch = new Dictionary<string, object> { ["spec"] = new Dictionary<string, object> { ["volumeName"] = $"pvc-{claim.Metadata.Uid}" } };
            claim = await _api.PatchAsync<V1PersistentVolumeClaim>(claim.Metadata.Namespace, claim.Metadata.Name!, Patch.Merge(patch), ct: ct).ConfigureAwait(false);
        }

        await SetStatusAsync(claim, size, ct).ConfigureAwait(false);
        _events.Normal(claim, "ProvisioningSucceeded", $"bound to directory {_paths.Claim(claim)}");
    }

    private Task SetStatusAsync(V1PersistentVolumeClaim claim, string size, CancellationToken ct) =>
        _api.PatchStatusAsync<V1PersistentVolumeClaim>(
            claim.Metadata.Namespace,
            claim.Metadata.Name!,
            new V1PersistentVolumeClaimStatus
            {
                Phase = "Bound",
                AccessModes = claim.Spec?.AccessModes,
                Capacity = new Dictionary<string, string> { ["storage"] = size },
            },
            ct);

    private void RemoveDirectoryOfDeleted(InformerChange<V1PersistentVolumeClaim> change)
    {
        if (change.Old is not { } old || change.New?.Metadata.Uid == old.Metadata.Uid)
        {
            return;
        }

        try
        {
            var directory = _paths.Claim(old);
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A pod is still writing to it; the directory is named by uid and in nobody's way.
            _events.Warning(old, "VolumeFailedDelete", e.Message);
        }
    }
}
