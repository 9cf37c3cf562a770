// The "routed" gate, seen from the dispatcher: implemented in Cluster, so that Sessions never points there.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Sessions;

/// <summary>What a request's keys allow.</summary>
public enum RouteKind : byte
{
    /// <summary>Run it here with <see cref="RouteDecision.Slot"/>.</summary>
    Serve,

    /// <summary>Answer <see cref="RouteDecision.Error"/> (MOVED, ASK, CROSSSLOT, CLUSTERDOWN, TRYAGAIN).</summary>
    Refuse,

    /// <summary>Writes of this slot are paused for a hand-over: the session waits until the gate releases it, then the request is tried again.</summary>
    Wait,
}

/// <summary>The gate's answer.</summary>
public readonly record struct RouteDecision(RouteKind Kind, int Slot, string? Error)
{
    public static RouteDecision Serve(int slot) => new(RouteKind.Serve, slot, null);

    public static RouteDecision Refuse(string error) => new(RouteKind.Refuse, -1, error);

    public static readonly RouteDecision Wait = new(RouteKind.Wait, -1, null);
}

/// <summary>Routes requests by slot. Engine thread.</summary>
public interface IClusterGate
{
    /// <summary>False outside cluster mode: nothing else is then asked.</summary>
    bool Enabled { get; }

    /// <summary>Where the request belongs. Commands without keys are not asked about.</summary>
    RouteDecision Route(Command command, in Request args, Session session);

    /// <summary>Whether a queued transaction over <paramref name="slot"/> may still run here; asked when EXEC arrives.</summary>
    RouteDecision RouteSlot(int slot, bool write, Session session);

    /// <summary>
    /// A request got <see cref="RouteDecision.Wait"/>: call <paramref name="retry"/> on the engine thread once it may be
    /// tried again.
    /// </summary>
    void WhenReleased(Action retry);
}

/// <summary>The gate of a node that is no cluster member.</summary>
public sealed class NoClusterGate : IClusterGate
{
    public bool Enabled => false;

    public RouteDecision Route(Command command, in Request args, Session session) => RouteDecision.Serve(0);

    public RouteDecision RouteSlot(int slot, bool write, Session session) => RouteDecision.Serve(slot);

    public void WhenReleased(Action retry) => retry();
}
