// Journeys of repair and passwords on a simulated cluster: what is closed or changed, when, and what is left alone.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters;
using Shoal.Protocol.ClusterText;

namespace Shoal.Operator.Tests.Clusters;

public sealed class RepairTests
{
    private readonly SimulatedCluster world = new();

    [Fact]
    public async Task Slots_left_open_are_closed_once_nobody_goes_on_with_them()
    {
        await world.UntilHealthyAsync();
        var (owner, other) = (world.Pods[(0, 0)].Node, world.Pods[(1, 0)].Node);
        owner.Open.Add(new OpenSlot(5, Importing: false, other.Id));
        other.Open.Add(new OpenSlot(5, Importing: true, owner.Id));
        other.Open.Add(new OpenSlot(9, Importing: true, owner.Id));
        owner.Open.Add(new OpenSlot(11, Importing: false, new string('f', 40)));
        var since = world.Now;
        await world.UntilAsync(() => world.Closed.Count > 0);
        Assert.True(world.Now - since >= TimeSpan.FromSeconds(15), "a running reshard must be left alone");
        Assert.Equal([(owner.Id, other.Id, 5), (owner.Id, other.Id, 9), (owner.Id, null, 11)], world.Closed);
        await world.UntilHealthyAsync();
    }

    [Fact]
    public async Task A_reshard_that_gets_on_is_left_alone()
    {
        await world.UntilHealthyAsync();
        var (owner, other) = (world.Pods[(0, 0)].Node, world.Pods[(1, 0)].Node);
        for (var slot = 0; slot < 60; slot++)
        {
            owner.Open = [new OpenSlot(slot, Importing: false, other.Id)];
            await world.PassAsync();
        }

        Assert.Empty(world.Closed);
    }

    [Fact]
    public async Task A_new_password_is_learnt_by_all_before_anybody_asks_for_it_and_restarts_nobody()
    {
        await world.UntilHealthyAsync();
        var pods = world.Pods.Values.Select(p => p.Pod).ToList();
        var from = world.Steps.Count;
        world.Auth = new AuthPlan("secret one", [], null, null);
        world.Change(s => s.Auth = new() { DefaultUserSecretRef = new() { Name = "users" } });
        await world.UntilHealthyAsync();
        Assert.All(world.Disks.Values, n => Assert.All(n.Passwords.Values, p => Assert.Equal("secret one", p)));
        Assert.Equal(["masterauth", "requirepass"], world.Steps.Skip(from).OfType<Step.SetPassword>().Select(s => s.Setting));
        Assert.Equal(pods, world.Pods.Values.Select(p => p.Pod));
        Assert.Equal("Applied", Condition(Conditions.UsersApplied).Reason);
        Assert.DoesNotContain(world.Steps, s => s.Why.Contains("secret one", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_missing_secret_starts_no_open_cluster_and_stops_no_running_one()
    {
        world.Auth = new AuthPlan("", [], "Secret users of spec.auth.defaultUserSecretRef does not exist", null);
        world.Cluster.Spec.Auth = new() { DefaultUserSecretRef = new() { Name = "users" } };
        await world.PassAsync();
        Assert.Equal(Phases.WaitingForUser, world.Status.Phase);
        Assert.Equal(("False", "SecretMissing"), (Condition(Conditions.UsersApplied).Status, Condition(Conditions.UsersApplied).Reason));
        Assert.Empty(world.Sets);

        world.Auth = new AuthPlan("one", [], null, null);
        await world.UntilHealthyAsync();
        world.Auth = new AuthPlan("one", [], "Secret users of spec.auth.defaultUserSecretRef does not exist", null);
        world.Change(s => s.Shards = 4);
        await world.UntilHealthyAsync();
        Assert.Equal(4, world.Sets.Count);
        Assert.Equal("SecretMissing", Condition(Conditions.UsersApplied).Reason);
    }

    [Fact]
    public async Task A_hibernated_cluster_has_no_pods_and_wakes_with_its_slots_and_ids()
    {
        await world.UntilHealthyAsync();
        var before = world.Disks.Values.Select(n => (n.Id, n.Slots.Count)).Order().ToList();
        world.Change(s => s.Hibernated = true);
        await world.UntilAsync(() => world.Steps[^1] is Step.Refuse);
        Assert.Empty(world.Pods);
        Assert.Equal(Phases.Hibernated, world.Status.Phase);
        Assert.Equal("True", Condition(Conditions.SpecAccepted).Status);
        var sleeping = world.Cluster.Status;
        await world.PassAsync();
        Assert.True(StatusReport.SaysTheSame(world.Status, sleeping), "a sleeping cluster is no news");

        world.Change(s => s.Hibernated = false);
        await world.UntilHealthyAsync();
        Assert.Equal(6, world.Pods.Count);
        Assert.Equal(before, world.Disks.Values.Select(n => (n.Id, n.Slots.Count)).Order().ToList());
        Assert.Equal(0, world.Forgotten);
    }

    private Shoal.Operator.Kubernetes.Models.V1Condition Condition(string type) => world.Status.Conditions!.Single(c => c.Type == type);
}
