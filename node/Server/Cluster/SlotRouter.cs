// Where a request belongs, as a pure function of its slot, the cluster view and what the session allows: served here, MOVED, ASK,
// CLUSTERDOWN, TRYAGAIN, or held for a moment while its slot changes hands.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.Cluster.State;
using Shoal.Server.Sessions;

namespace Shoal.Server.Cluster;

/// <summary>What routing needs to know of a request.</summary>
/// <param name="Slot">The slot of its keys.</param>
/// <param name="IsWrite">Whether it may change data.</param>
/// <param name="KeyCount">How many keys it names.</param>
/// <param name="MissingKeys">How many of them are not here (asked only for open slots).</param>
/// <param name="Asking">ASKING came before it, or it implies it.</param>
/// <param name="ReadsReplica">READONLY was said.</param>
/// <param name="IsMigrate">It is MIGRATE, which handles absent keys itself.</param>
/// <param name="IsChannel">Its "keys" are shard channels: every node of the shard serves them, and they are never on the move.</param>
internal readonly record struct RoutedRequest(
    int Slot, bool IsWrite, int KeyCount, int MissingKeys, bool Asking, bool ReadsReplica, bool IsMigrate, bool IsChannel = false);

internal static class SlotRouter
{
    public static RouteDecision Decide(ClusterView view, in RoutedRequest request)
    {
        var owner = view.Owner(request.Slot);
        var me = view.Myself;
        bool readable = view.Settings.AllowReadsWhenDown && !request.IsWrite && !view.IsSealed;
        if (request.IsChannel) return DecideChannel(view, request.Slot, owner);
        if (!view.IsOk && !readable) return RouteDecision.Refuse(ErrorReplies.ClusterDown);
        if (owner is null) return RouteDecision.Refuse(ErrorReplies.ClusterSlotUnserved);

        bool mine = owner == me;
        if (mine && view.Migrating.TryGetValue(request.Slot, out string? target))
        {
            if (request.IsMigrate || request.MissingKeys == 0) return RouteDecision.Serve(request.Slot);
            if (request.MissingKeys < request.KeyCount) return RouteDecision.Refuse(ErrorReplies.TryAgain);
            return view.Find(target) is { } there ? RouteDecision.Refuse(Redirect("ASK", request.Slot, there, view)) : RouteDecision.Serve(request.Slot);
        }
        if (!mine && view.Importing.ContainsKey(request.Slot) && (request.Asking || request.IsMigrate))
        {
            if (request.KeyCount > 1 && request.MissingKeys > 0 && !request.IsMigrate) return RouteDecision.Refuse(ErrorReplies.TryAgain);
            return RouteDecision.Serve(request.Slot);
        }
        if (mine) return RouteDecision.Serve(request.Slot);
        if (me.IsReplica && request.ReadsReplica && !request.IsWrite && me.PrimaryId == owner.Id) return RouteDecision.Serve(request.Slot);
        return RouteDecision.Refuse(Redirect("MOVED", request.Slot, owner, view));
    }

    private static RouteDecision DecideChannel(ClusterView view, int slot, NodeView? owner)
    {
        if (!view.IsOk && !view.Settings.AllowShardChannelsWhenDown) return RouteDecision.Refuse(ErrorReplies.ClusterDown);
        if (owner is null) return RouteDecision.Refuse(ErrorReplies.ClusterSlotUnserved);
        bool ours = owner == view.Myself || (view.Myself.IsReplica && view.Myself.PrimaryId == owner.Id);
        return ours ? RouteDecision.Serve(slot) : RouteDecision.Refuse(Redirect("MOVED", slot, owner, view));
    }

    /// <summary>"MOVED 3999 127.0.0.1:6381", the host as cluster-preferred-endpoint-type says.</summary>
    public static string Redirect(string kind, int slot, NodeView to, ClusterView view) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind} {slot} {Endpoint(to, view)}:{to.Port}");

    /// <summary>The host clients are told; empty = "the host you already use", "?" = not known.</summary>
    public static string Endpoint(NodeView node, ClusterView view) => view.Settings.PreferredEndpoint switch
    {
        EndpointType.Hostname => node.Hostname ?? "?",
        EndpointType.UnknownEndpoint => "",
        _ => node.Ip,
    };
}
