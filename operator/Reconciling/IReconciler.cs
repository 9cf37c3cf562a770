// The one method a controller is made of.

using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Reconciling;

/// <summary>Moves the world one step towards what an object asks for.</summary>
public interface IReconciler
{
    /// <summary>
    /// Reconciles one key. Never runs twice at once for the same key. The object may be gone. Exceptions count as
    /// <see cref="Outcome.Retry"/>. <paramref name="ct"/> is cancelled on shutdown and when leadership is lost: stop at once.
    /// </summary>
    Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct);
}
