// Routing as a pure function: every answer a client can get, from a view and a request.
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.State;
using Shoal.Server.Sessions;

namespace Shoal.Server.Tests.Cluster;

public sealed class SlotRouterTests
{
    private readonly SimulatedNode _node = new ClusterSimulation().Start();
    private readonly ClusterNode _other;

    public SlotRouterTests()
    {
        _other = new ClusterNode(_node.NewNodeId(), BusNodeFlags.Primary, 1) { Ip = "10.0.0.9", Port = 7009, Hostname = "other.svc" };
        _node.Model.Add(_other);
        _node.Model.AssignSlots(SlotSet.Of(new SlotRange(0, 99)), _node.Model.Myself);
        _node.Model.AssignSlots(SlotSet.Of(new SlotRange(100, 199)), _other);
        _node.Model.IsOk = true;
    }

    [Fact]
    public void OwnSlotIsServedOtherIsMovedUnownedIsDown()
    {
        Assert.Equal(RouteKind.Serve, Route(5).Kind);
        Assert.Equal("MOVED 150 10.0.0.9:7009", Route(150).Error);
        Assert.Equal("CLUSTERDOWN Hash slot not served", Route(300).Error);
        _node.Model.IsOk = false;
        Assert.Equal("CLUSTERDOWN The cluster is down", Route(5).Error);
    }

    [Theory]
    [InlineData(1, 0, RouteKind.Serve, null)]
    [InlineData(1, 1, RouteKind.Refuse, "ASK 5 10.0.0.9:7009")]
    [InlineData(2, 1, RouteKind.Refuse, "TRYAGAIN")]
    [InlineData(2, 2, RouteKind.Refuse, "ASK 5 10.0.0.9:7009")]
    public void MigratingSlotServesWhatIsThere(int keys, int missing, RouteKind kind, string? error)
    {
        _node.Model.Migrating[5] = _other.Id;
        var decision = Route(5, keys: keys, missing: missing);
        Assert.Equal(kind, decision.Kind);
        if (error is not null) Assert.StartsWith(error, decision.Error);
    }

    [Fact]
    public void ImportingSlotNeedsAsking()
    {
        _node.Model.Importing[150] = _other.Id;
        Assert.StartsWith("MOVED", Route(150).Error);
        Assert.Equal(RouteKind.Serve, Route(150, missing: 1, asking: true).Kind);
        Assert.StartsWith("TRYAGAIN", Route(150, keys: 2, missing: 1, asking: true).Error);
    }

    [Fact]
    public void ReplicaServesReadsOnlyToThoseWhoSaidReadOnly()
    {
        _node.Model.FollowPrimary(_other);
        _node.Model.IsOk = true;
        Assert.StartsWith("MOVED", Route(150).Error);
        Assert.Equal(RouteKind.Serve, Route(150, readsReplica: true).Kind);
        Assert.StartsWith("MOVED", Route(150, readsReplica: true, write: true).Error);
    }

    [Theory]
    [InlineData(EndpointType.Hostname, "MOVED 150 other.svc:7009")]
    [InlineData(EndpointType.UnknownEndpoint, "MOVED 150 :7009")]
    public void EndpointIsTheOneAskedFor(EndpointType type, string expected)
    {
        _node.Model.Use(_node.Model.Settings with { PreferredEndpoint = type });
        Assert.Equal(expected, Route(150).Error);
    }

    [Fact]
    public void ReadsWhenDownAreAllowedWhenConfigured()
    {
        _node.Model.IsOk = false;
        _node.Model.Use(_node.Model.Settings with { AllowReadsWhenDown = true });
        Assert.Equal(RouteKind.Serve, Route(5).Kind);
        Assert.StartsWith("CLUSTERDOWN", Route(5, write: true).Error);
    }

    private RouteDecision Route(int slot, int keys = 1, int missing = 0, bool asking = false, bool readsReplica = false, bool write = false) =>
        SlotRouter.Decide(ClusterView.Of(_node.Model), new RoutedRequest(slot, write, keys, missing, asking, readsReplica, false));
}
