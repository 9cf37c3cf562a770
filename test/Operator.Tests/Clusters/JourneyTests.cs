// Whole journeys through planner, executor and status on a simulated cluster: each says what the operator did and, as much,
// what it did not do.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters;
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Clusters;

public sealed class JourneyTests
{
    private readonly SimulatedCluster world = new();

    [Fact]
    public async Task A_new_cluster_becomes_healthy_with_even_slots_and_replicas()
    {
        await world.UntilHealthyAsync();
        Assert.Equal(Phases.Healthy, world.Status.Phase);
        Assert.Equal("6/6", world.Status.ReadyNodes);
        Assert.Equal([5462, 5461, 5461], world.Status.ShardStatus!.Select(s => s.SlotCount));
        Assert.All(world.Status.ShardStatus!, s => Assert.Equal("1/1", s.Replicas));
        Assert.True(world.Status.Bootstrap!.Completed);
        Assert.All(world.Status.Conditions!, c => Assert.Equal(world.Cluster.Metadata.Generation, c.ObservedGeneration));
        Assert.Equal("True", Condition(Conditions.Ready).Status);
        Assert.Equal("cache.shoal.dev/cluster=cart", world.Status.Selector);
    }

    [Fact]
    public async Task An_idle_pass_changes_nothing_not_even_status()
    {
        await world.UntilHealthyAsync();
        await world.PassAsync();
        var before = world.Cluster.Status;
        foreach (var node in world.Disks.Values)
        {
            node.Used += 12345; // traffic alone is no news
        }

        var step = await world.PassAsync();
        Assert.IsType<Step.Nothing>(step);
        Assert.True(StatusReport.SaysTheSame(world.Cluster.Status!, before));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(23)]
    public async Task Three_to_five_to_three_moves_the_minimum_whenever_the_operator_forgets_its_status(int wipeEvery)
    {
        await world.UntilHealthyAsync();
        world.Change(s => s.Shards = 5);
        await GoAsync(wipeEvery);
        Assert.Equal(6553, world.SlotsMoved);
        Assert.Equal([3276, 3277, 3277, 3277, 3277], world.Status.ShardStatus!.Select(s => s.SlotCount).Order());
        var back = world.Status.ShardStatus!.Where(s => s.Index >= 3).Sum(s => s.SlotCount);
        world.Change(s => s.Shards = 3);
        await GoAsync(wipeEvery);
        Assert.Equal(6553 + back, world.SlotsMoved);
        Assert.Equal(3, world.Sets.Count);
        Assert.Equal(6, world.Pods.Count);
        Assert.Equal([5461, 5461, 5462], world.Status.ShardStatus!.Select(s => s.SlotCount).Order());
        Assert.DoesNotContain(world.Steps.SkipWhile(s => s is not Step.MoveSlots), s => s is Step.AssignSlots);

        async Task GoAsync(int every)
        {
            for (var i = 1; world.Steps[^1] is not Step.Nothing; i++)
            {
                await world.PassAsync();
                if (i % every == 0)
                {
                    // Everything but since when a shard was seen empty, which by nature takes two looks.
                    var kept = world.Status.Operation is { EmptyAtEpoch: not null } o ? o : null;
                    world.Cluster.Status = kept is null ? null : new CacheClusterStatus { Operation = kept };
                }

                Assert.True(i < 3000, "does not end: " + world.Steps[^1].Why);
            }

            await world.PassAsync();
        }
    }

    [Fact]
    public async Task Progress_is_shown_while_slots_move()
    {
        await world.UntilHealthyAsync();
        world.Change(s => s.Shards = 5);
        var phases = new HashSet<string>();
        var done = new List<int>();
        await world.UntilAsync(() =>
        {
            phases.Add(world.Status.Phase!);
            if (world.Status.Operation?.Progress is { } progress)
            {
                done.Add(progress.Done);
                Assert.Equal(6553, progress.Total);
            }

            return world.Steps[^1] is Step.Nothing;
        });
        Assert.Contains(Phases.ScalingOut, phases);
        Assert.Equal(done.Order(), done);
        Assert.True(done.Distinct().Count() > 5);
    }

    [Fact]
    public async Task Raising_shards_again_before_the_end_turns_a_scale_in_round()
    {
        world.Cluster.Spec.Shards = 5;
        await world.UntilHealthyAsync();
        world.Change(s => s.Shards = 3);
        await world.UntilAsync(() => world.SlotsMoved > 2000);
        world.Change(s => s.Shards = 5);
        await world.UntilHealthyAsync();
        Assert.Equal(5, world.Sets.Count);
        Assert.DoesNotContain(world.Steps, s => s is Step.RemoveShards);
        Assert.Equal(16384, world.Status.ShardStatus!.Sum(s => s.SlotCount));
    }

    [Fact]
    public async Task A_shard_is_removed_only_after_two_looks_five_seconds_apart()
    {
        world.Cluster.Spec.Shards = 4;
        await world.UntilHealthyAsync();
        world.Change(s => s.Shards = 3);
        await world.UntilAsync(() => world.Steps[^1] is Step.ConfirmEmpty);
        var first = world.Now;
        await world.UntilAsync(() => world.Steps[^1] is Step.RemoveShards);
        Assert.True(world.Now - first >= TimeSpan.FromSeconds(4));
        await world.UntilHealthyAsync();
        Assert.Equal("6/6", world.Status.ReadyNodes);
    }

    [Fact]
    public async Task A_scale_in_that_does_not_fit_is_refused_and_moves_nothing()
    {
        world.Cluster.Spec.Shards = 6;
        await world.UntilHealthyAsync();
        foreach (var node in world.Disks.Values)
        {
            node.Used = 70L << 20;
        }

        world.Change(s => s.Shards = 3);
        for (var i = 0; i < 10; i++)
        {
            await world.PassAsync();
        }

        Assert.Equal(0, world.SlotsMoved);
        Assert.Equal("InsufficientCapacity", Condition(Conditions.SlotsBalanced).Reason);
        Assert.Equal(Phases.WaitingForUser, world.Status.Phase);
        foreach (var node in world.Disks.Values)
        {
            node.Used = 30L << 20;
        }

        await world.UntilHealthyAsync();
        Assert.Equal(3, world.Sets.Count);
    }

    [Fact]
    public async Task All_pods_gone_at_once_come_back_under_their_old_ids_and_nothing_is_forgotten()
    {
        await world.UntilHealthyAsync();
        var ids = world.Disks.Values.Select(n => n.Id).Order().ToList();
        var slots = world.Disks.Values.ToDictionary(n => n.Id, n => n.Slots);
        foreach (var place in world.Pods.Keys.ToList())
        {
            world.Pods.Remove(place);
        }

        foreach (var place in world.Disks.Keys.ToList())
        {
            world.Start(place);
        }

        world.Steps.Add(new Step.Wait { Why = "power failed" });
        await world.UntilHealthyAsync();
        Assert.Equal(ids, world.Disks.Values.Select(n => n.Id).Order());
        Assert.All(world.Disks.Values, n => Assert.Equal(slots[n.Id], n.Slots));
        Assert.Equal(0, world.Forgotten);
        Assert.Single(world.Steps, s => s is Step.AssignSlots);
    }

    [Fact]
    public async Task A_killed_primary_comes_back_as_replica_and_keeps_its_id()
    {
        await world.UntilHealthyAsync();
        var victim = world.Pods.First(p => p.Value.Node.PrimaryId is null);
        var id = victim.Value.Node.Id;
        world.Kill(victim.Key);
        await world.UntilHealthyAsync();
        Assert.NotNull(world.Pods[victim.Key].Node.PrimaryId);
        Assert.Equal(id, world.Pods[victim.Key].Node.Id);
        Assert.Equal(0, world.Forgotten);
    }

    [Fact]
    public async Task Nothing_is_started_again_when_status_and_a_shard_are_lost()
    {
        await world.UntilHealthyAsync();
        world.Cluster.Status = null;
        foreach (var place in world.Pods.Keys.Where(p => p.Shard == 0).ToList())
        {
            world.Pods[place].IsUp = false;
        }

        for (var i = 0; i < 20; i++)
        {
            Assert.IsNotType<Step.AssignSlots>(await world.PassAsync());
        }

        Assert.NotEqual(Phases.Healthy, world.Status.Phase);
        Assert.Equal(0, world.SlotsMoved);
    }

    [Fact]
    public async Task More_memory_reaches_replicas_first_limit_before_maxmemory_and_no_pod_is_replaced()
    {
        await world.UntilHealthyAsync();
        var pods = world.Pods.Values.Select(p => p.Pod).ToList();
        var from = world.Steps.Count;
        world.Change(s => s.Memory!.MaxMemory = "200Mi");
        await world.UntilHealthyAsync();
        var steps = world.Steps.Skip(from).ToList();
        Assert.All(world.Disks.Values, n => Assert.Equal(200L << 20, n.MaxBytes));
        Assert.Equal(pods, world.Pods.Values.Select(p => p.Pod));
        foreach (var pod in world.Pods.Keys)
        {
            var resize = steps.FindIndex(s => s is Step.ResizePod r && (r.Node.Shard, r.Node.Ordinal) == pod);
            var set = steps.FindIndex(s => s is Step.Configure c && (c.Node.Shard, c.Node.Ordinal) == pod);
            Assert.True(resize >= 0 && resize < set, "the limit comes before maxmemory");
        }

        var touched = steps.OfType<Step.ResizePod>().Select(s => s.Node.Report!.IsPrimary).ToList();
        Assert.Equal(touched.Order(), touched);

        from = world.Steps.Count;
        world.Change(s => s.Memory!.MaxMemory = "100Mi");
        await world.UntilHealthyAsync();
        steps = [.. world.Steps.Skip(from)];
        Assert.All(world.Disks.Values, n => Assert.Equal(100L << 20, n.MaxBytes));
        Assert.True(steps.FindIndex(s => s is Step.Configure) < steps.FindIndex(s => s is Step.ResizePod), "shrinking goes the other way");
    }

    [Fact]
    public async Task A_shrink_below_the_data_is_refused_with_the_difference_and_changes_nothing()
    {
        await world.UntilHealthyAsync();
        world.Disks.Values.First().Used = 60L << 20;
        world.Change(s => s.Memory!.MaxMemory = "50Mi");
        await world.UntilHealthyAsync();
        Assert.All(world.Disks.Values, n => Assert.Equal(100L << 20, n.MaxBytes));
        Assert.DoesNotContain(world.Steps, s => s is Step.Configure or Step.ResizePod or Step.RecreatePod);
        var condition = Condition(Conditions.ResourcesApplied);
        Assert.Equal(("False", "DataWouldNotFit"), (condition.Status, condition.Reason));
        Assert.Contains($"{(60L << 20) - (long)((50L << 20) * 0.85)} bytes more", condition.Message, StringComparison.Ordinal);
        world.Disks.Values.First().Used = 10L << 20;
        await world.PassAsync();
        await world.UntilHealthyAsync();
        Assert.All(world.Disks.Values, n => Assert.Equal(50L << 20, n.MaxBytes));
    }

    [Fact]
    public async Task Without_pods_resize_new_resources_roll_one_pod_at_a_time_with_a_hand_over()
    {
        world.Abilities = new Abilities(Resize: false, DisruptionBudgets: null);
        world.Cluster.Spec.Resources = new() { Limits = new() { ["memory"] = new("200Mi") } };
        await world.UntilHealthyAsync();
        world.Change(s => s.Resources = new() { Limits = new() { ["memory"] = new("300Mi") } });
        await world.UntilHealthyAsync();
        Assert.Equal(6, world.Steps.Count(s => s is Step.RecreatePod));
        Assert.Equal(3, world.Steps.Count(s => s is Step.Promote));
        Assert.All(world.Steps.OfType<Step.RecreatePod>(), s => Assert.False(s.Node.Report!.IsPrimary));
        Assert.All(world.Pods.Values, p => Assert.Equal("300Mi", p.Pod.Spec!.Containers[0].Resources!.Limits!["memory"]));
    }

    [Fact]
    public async Task A_new_image_waits_for_a_replica_that_is_not_linked_and_says_so()
    {
        await world.UntilHealthyAsync();
        var replica = world.Pods.First(p => p.Value.Node.PrimaryId is not null);
        replica.Value.Node.Linked = false;
        world.Change(s => s.Image = "shoal-node:2");
        for (var i = 0; i < 10; i++)
        {
            await world.PassAsync();
        }

        Assert.DoesNotContain(world.Steps, s => s is Step.RecreatePod or Step.Promote);
        Assert.Equal("RollBlocked", Condition(Conditions.Degraded).Reason);
        replica.Value.Node.Linked = true;
        await world.UntilHealthyAsync();
        Assert.All(world.Pods.Values, p => Assert.Equal("shoal-node:2", p.Pod.Spec!.Containers[0].Image));
    }

    [Fact]
    public async Task A_failing_move_is_reported_and_tried_again_with_growing_pauses()
    {
        await world.UntilHealthyAsync();
        world.FailMovesWith = "target refused: NOPERM";
        world.Change(s => s.Shards = 4);
        await world.UntilAsync(() => world.Status.Operation?.Attempt >= 3);
        Assert.Contains("NOPERM", world.Status.Operation!.LastError, StringComparison.Ordinal);
        Assert.Equal("MigrationFailed", Condition(Conditions.SlotsBalanced).Reason);
        Assert.Equal("MigrationFailed", Condition(Conditions.Degraded).Reason);
        var sent = world.Steps.Count(s => s is Step.MoveSlots);
        Assert.InRange(sent, 3, 8);
        world.FailMovesWith = null;
        await world.UntilHealthyAsync();
        Assert.Equal(4096, world.SlotsMoved);
    }

    [Fact]
    public async Task A_running_backup_holds_slot_moves()
    {
        await world.UntilHealthyAsync();
        world.RunningBackup = "nightly";
        world.Change(s => s.Shards = 4);
        for (var i = 0; i < 15; i++)
        {
            await world.PassAsync();
        }

        Assert.Equal(0, world.SlotsMoved);
        Assert.Equal("BackupRunning", Condition(Conditions.SlotsBalanced).Reason);
        world.RunningBackup = null;
        await world.UntilHealthyAsync();
        Assert.Equal(4096, world.SlotsMoved);
    }

    [Fact]
    public async Task Fewer_replicas_hand_over_before_a_primary_on_a_high_ordinal_goes()
    {
        await world.UntilHealthyAsync();
        world.Kill((0, 0)); // now member 1 leads shard 0
        await world.UntilHealthyAsync();
        Assert.Null(world.Pods[(0, 1)].Node.PrimaryId);
        world.Change(s => s.ReplicasPerShard = 0);
        await world.UntilHealthyAsync();
        Assert.Equal(3, world.Pods.Count);
        Assert.Null(world.Pods[(0, 0)].Node.PrimaryId);
        Assert.Equal(16384, world.Status.ShardStatus!.Sum(s => s.SlotCount));
    }

    [Fact]
    public async Task A_restore_starts_with_the_shards_of_the_backup_and_scales_afterwards()
    {
        world.Cluster.Spec.Shards = 5;
        world.Cluster.Spec.Bootstrap = new() { Restore = new() { BackupRef = new() { Name = "b" } } };
        world.Restore = new RestorePlan(new() { Provider = "Directory", Path = "/b" }, "u/b", [.. SlotTargets.Initial(3).Select(r => SlotSet.Of(r))]);
        await world.UntilAsync(() => world.Steps.Count > 0 && world.Steps[^1] is Step.AssignSlots);
        Assert.Equal(3, world.Sets.Count);
        world.Restore = null;
        await world.UntilHealthyAsync();
        Assert.Equal(5, world.Sets.Count);
        Assert.Equal(6553, world.SlotsMoved);
    }

    [Theory]
    [InlineData("spec.shards")]
    [InlineData("spec.mode")]
    [InlineData("spec.memory.maxMemory")]
    [InlineData("spec.storage.size")]
    public async Task A_spec_no_server_refused_is_refused_here_by_field_and_changes_nothing(string field)
    {
        await world.UntilHealthyAsync();
        var before = world.Steps.Count;
        world.Change(s =>
        {
            switch (field)
            {
                case "spec.shards": s.Shards = 2; break;
                case "spec.mode": s.Mode = "Sentinel"; break;
                case "spec.memory.maxMemory": s.Memory!.MaxMemory = "0"; break;
                default: s.Storage = new() { Size = "100Mi" }; break;
            }
        });
        await world.PassAsync();
        Assert.IsType<Step.Refuse>(world.Steps[^1]);
        Assert.Equal(("False", "InvalidSpec"), (Condition(Conditions.SpecAccepted).Status, Condition(Conditions.SpecAccepted).Reason));
        Assert.Contains(field, Condition(Conditions.SpecAccepted).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(world.Steps.Skip(before + 1), s => s is not Step.Refuse);
    }

    private Shoal.Operator.Kubernetes.Models.V1Condition Condition(string type) => world.Status.Conditions!.Single(c => c.Type == type);
}
