// The cluster's rules as users meet them: joining, failover, votes, claims, hand-over, healing of addresses. Each case runs whole
// models on a manual clock (ClusterSimulation).
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;
using Shoal.Server.Cluster.Rules;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Tests.Cluster;

public sealed class ClusterRulesTests
{
    [Fact]
    public void NodesMetByOneKnowEachOtherAndServe()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        foreach (var node in sim.Nodes)
        {
            Assert.Equal(6, node.Model.Nodes.Count);
            Assert.All(node.Model.Nodes.Values, n => Assert.False(n.InHandshake));
            Assert.Equal(sim.Nodes[0].Id, node.Model.Owner(0)!.Id);
            Assert.Equal(3, node.Model.Nodes.Values.Count(n => n.IsReplica && n.Primary is not null));
        }
        // Three shard ids, shared by primary and replica.
        Assert.Equal(3, sim.Nodes[0].Model.Nodes.Values.Select(n => n.ShardId).Distinct().Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ReplicaWithTheMostDataTakesOverAndTheOldPrimaryFollowsIt(int seed)
    {
        var sim = new ClusterSimulation(seed);
        sim.Form(3, 2);
        var primary = sim.Nodes[0];
        var ahead = sim.Nodes[3];
        var behind = sim.Nodes[6];
        ahead.Replica = new ReplicaFacts(5000, 0, true);
        behind.Replica = new ReplicaFacts(10, 0, true);
        sim.Run(1500);
        string saved = primary.Saved;
        primary.Kill();
        sim.RunUntil(() => ahead.Model.Myself.IsPrimary, 10000);
        sim.Run(3000);
        Assert.False(behind.Model.Myself.IsPrimary);
        Assert.Equal(ahead.Id, behind.Model.Myself.Primary!.Id);
        foreach (var node in sim.Nodes.Where(n => n.IsAlive))
        {
            Assert.Equal(ahead.Id, node.Model.Owner(0)!.Id);
            Assert.True(node.Model.IsOk);
        }

        var reborn = new SimulatedNode(sim, primary.Ip, new ClusterSettings { NodeTimeoutMs = 1000 }, saved);
        sim.Nodes.Add(reborn);
        Assert.Equal(primary.Id, reborn.Id);
        sim.RunUntil(() => reborn.Model.Myself.IsReplica, 10000);
        Assert.Equal(ahead.Id, reborn.Model.Myself.Primary!.Id);
        Assert.False(reborn.Model.IsOk && reborn.Model.Myself.IsPrimary);
    }

    [Fact]
    public void EmptyReplicaIsNeverElected()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var replica = sim.Nodes[3];
        replica.Replica = new ReplicaFacts(0, 0, HoldsShard: false);
        sim.Nodes[0].Kill();
        sim.Run(15000);
        Assert.True(replica.Model.Myself.IsReplica);
        Assert.Contains(sim.Log, l => l.Contains("never got its shard's data"));
        replica.Replica = new ReplicaFacts(100, 0, HoldsShard: true);
        sim.RunUntil(() => replica.Model.Myself.IsPrimary, 10000);
    }

    [Fact]
    public void OldDataIsNotElectedUnlessAllowed()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        sim.Nodes[3].Replica = new ReplicaFacts(100, 60_000, true);
        sim.Nodes[0].Kill();
        sim.Run(8000);
        Assert.True(sim.Nodes[3].Model.Myself.IsReplica);
        sim.Nodes[3].Model.Use(sim.Nodes[3].Model.Settings with { ReplicaValidityFactor = 0 });
        sim.RunUntil(() => sim.Nodes[3].Model.Myself.IsPrimary, 10000);
    }

    [Fact]
    public void PrimaryCutOffFromTheMajorityStopsServingAndIsReplaced()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var cut = sim.Nodes[0];
        foreach (var other in sim.Nodes.Skip(1)) cut.CutFrom.Add(other);
        sim.RunUntil(() => !cut.Model.IsOk, 5000);
        sim.RunUntil(() => sim.Nodes[3].Model.Myself.IsPrimary, 10000);
        cut.CutFrom.Clear();
        sim.RunUntil(() => cut.Model.Myself.IsReplica, 15000);
        sim.RunUntil(() => sim.Nodes.All(n => n.Model.IsOk), 15000);
        Assert.Equal(sim.Nodes[3].Id, cut.Model.Myself.Primary!.Id);
    }

    [Fact]
    public void WithoutAMajorityNobodyIsElected()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        sim.Nodes[0].Kill();
        sim.Nodes[1].Kill();
        sim.Run(20000);
        Assert.True(sim.Nodes[3].Model.Myself.IsReplica);
        Assert.True(sim.Nodes[4].Model.Myself.IsReplica);
        Assert.All(sim.Nodes.Where(n => n.IsAlive), n => Assert.False(n.Model.IsOk));
    }

    [Fact]
    public void CoordinatedFailoverWaitsForTheLastOffset()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var (primary, replica) = (sim.Nodes[0], sim.Nodes[3]);
        primary.Replica = new ReplicaFacts(1000, 0, true);
        replica.Replica = new ReplicaFacts(900, 0, true);
        Assert.Null(ManualFailover.Start(replica.Model, FailoverKind.Coordinated));
        sim.Run(1000);
        Assert.True(primary.WritesPaused);
        Assert.True(replica.Model.Myself.IsReplica);
        replica.Replica = new ReplicaFacts(1000, 0, true);
        sim.RunUntil(() => replica.Model.Myself.IsPrimary && primary.Model.Myself.IsReplica, 3000);
        Assert.False(primary.WritesPaused);
        sim.RunUntil(() => sim.Nodes.All(n => n.Model.Owner(0)!.Id == replica.Id), 3000);
    }

    [Fact]
    public void HandOverThatCannotCompleteIsGivenUpAndWritesResume()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        sim.Nodes[0].Replica = new ReplicaFacts(1000, 0, true);
        Assert.Null(ManualFailover.Start(sim.Nodes[3].Model, FailoverKind.Coordinated));
        sim.RunUntil(() => sim.Nodes[0].WritesPaused, 2000);
        sim.RunUntil(() => !sim.Nodes[0].WritesPaused, 8000);
        Assert.True(sim.Nodes[0].Model.Myself.IsPrimary);
    }

    [Fact]
    public void TakeoverNeedsNoVotes()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        sim.Nodes[0].Kill();
        sim.Nodes[1].Kill();
        sim.Run(3000);
        foreach (int i in (int[])[3, 4]) Assert.Null(ManualFailover.Start(sim.Nodes[i].Model, FailoverKind.Takeover));
        sim.RunUntil(() => sim.Nodes.Where(n => n.IsAlive).All(n => n.Model.IsOk), 10000);
        Assert.Equal("ERR You should send CLUSTER FAILOVER to a replica", ManualFailover.Start(sim.Nodes[2].Model, FailoverKind.Force));
    }

    [Fact]
    public void AVoteIsGivenOncePerEpochAndIsDurableFirst()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 2);
        var voter = sim.Nodes[1].Model;
        sim.Nodes[0].Kill();
        sim.RunUntil(() => voter.Nodes[sim.Nodes[0].Id].IsFailed, 5000);
        var (a, b) = (voter.Nodes[sim.Nodes[3].Id], voter.Nodes[sim.Nodes[6].Id]);
        var ask = new BusMessage
        {
            Type = BusMessageType.FailoverAuthRequest, Sender = a.Id, CurrentEpoch = voter.CurrentEpoch + 1, ConfigEpoch = 1,
            Slots = voter.Nodes[sim.Nodes[0].Id].Slots, PrimaryId = sim.Nodes[0].Id,
        };
        Assert.Contains("newer owner", Election.Refusal(voter, a, ask with { ConfigEpoch = 0 }));
        voter.CurrentEpoch++;
        Assert.Null(Election.Refusal(voter, a, ask));
        int saves = sim.Nodes[1].Saves;
        Election.Vote(voter, a, ask);
        Assert.True(sim.Nodes[1].Saves > saves);
        Assert.Contains($"lastVoteEpoch {voter.CurrentEpoch}", sim.Nodes[1].Saved);
        Assert.Contains("already voted", Election.Refusal(voter, b, ask));
        voter.CurrentEpoch++;
        Assert.Contains("a moment ago", Election.Refusal(voter, b, ask with { CurrentEpoch = voter.CurrentEpoch }));
        Assert.Contains("behind", Election.Refusal(voter, b, ask));
    }

    [Fact]
    public void EqualConfigEpochsResolve()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 0);
        foreach (var node in sim.Nodes) node.Model.Myself.ConfigEpoch = 7;
        foreach (var node in sim.Nodes) node.Model.CurrentEpoch = 7;
        sim.RunUntil(() => sim.Nodes.Select(n => n.Model.Myself.ConfigEpoch).Distinct().Count() == 3, 10000);
        sim.Run(3000);
        foreach (var node in sim.Nodes)
            foreach (var other in sim.Nodes)
                Assert.Equal(other.Model.Myself.ConfigEpoch, node.Model.Nodes[other.Id].ConfigEpoch);
    }

    [Fact]
    public void GreaterEpochWinsSlotsAndTheLoserDropsItsKeysButStaysPrimary()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 0);
        var (loser, winner) = (sim.Nodes[0], sim.Nodes[1]);
        var slots = loser.Model.Myself.Slots;
        SlotClaims.BumpEpoch(winner.Model);
        winner.Model.AssignSlots(slots, winner.Model.Myself);
        sim.RunUntil(() => sim.Nodes.All(n => n.Model.Owner(0)!.Id == winner.Id), 5000);
        Assert.Equal(slots, loser.Dropped);
        Assert.True(loser.Model.Myself.IsPrimary);
        Assert.True(loser.Model.Myself.Slots.IsEmpty);
    }

    [Fact]
    public void AllNodesBackWithNewAddressesHealByMeet()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var saved = sim.Nodes.Select(n => (n.Id, n.Saved)).ToArray();
        foreach (var node in sim.Nodes) node.Kill();
        sim.Nodes.Clear();
        for (int i = 0; i < 10; i++) sim.Start().IsAlive = false; // so that the new addresses differ
        var reborn = saved.Select(s => sim.Start(savedFile: s.Saved)).ToArray();
        Assert.Equal(saved.Select(s => s.Id), reborn.Select(n => n.Id));
        sim.Run(2000);
        foreach (var node in reborn.Skip(1)) reborn[0].Meet(node);
        sim.RunUntil(() => reborn.All(n => n.Model.IsOk), 30000);
        sim.RunUntil(() => reborn.All(n => reborn.All(o => o == n || n.Model.Nodes[o.Id].Ip == o.Ip)), 30000);
        Assert.All(reborn, n => Assert.Equal(6, n.Model.Nodes.Count));
    }

    [Fact]
    public void PartOfTheNodesBackWithNewAddressesHealAlone()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var node = sim.Nodes[5];
        string saved = node.Saved;
        node.Kill();
        sim.Run(5000);
        var reborn = sim.Start(savedFile: saved);
        Assert.Equal(node.Id, reborn.Id);
        sim.RunUntil(() => sim.Nodes.Where(n => n.IsAlive && n != reborn).All(n => n.Model.Nodes[reborn.Id] is { IsFailed: false } seen && seen.Ip == reborn.Ip), 15000);
    }

    [Fact]
    public void ForgottenNodeStaysOut()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var gone = sim.Nodes[5];
        gone.Kill();
        foreach (var node in sim.Nodes.Where(n => n.IsAlive))
        {
            node.Model.Forgotten[gone.Id] = sim.NowMs + 60_000;
            if (node.Model.Find(gone.Id) is { } known) node.Model.Remove(known); // the first one's word may have reached it
            sim.Run(500);
        }
        sim.Run(5000);
        Assert.All(sim.Nodes.Where(n => n.IsAlive), n => Assert.Null(n.Model.Find(gone.Id)));
    }

    [Fact]
    public void SealedPrimaryIsReplacedByItsReplicaAndFollowsIt()
    {
        var sim = new ClusterSimulation();
        sim.Form(3, 1);
        var primary = sim.Nodes[0];
        primary.Model.IsSealed = true; // as after a restart without the data
        sim.RunUntil(() => sim.Nodes[3].Model.Myself.IsPrimary, 15000);
        sim.RunUntil(() => primary.Model.Myself.IsReplica && !primary.Model.IsSealed, 15000);
        sim.RunUntil(() => sim.Nodes.All(n => n.Model.IsOk), 15000);
    }

    [Fact]
    public void NodesConfComesBackAsWritten()
    {
        var sim = new ClusterSimulation();
        sim.Form(2, 1);
        sim.Nodes[0].Model.Migrating[5] = sim.Nodes[1].Id;
        sim.Nodes[0].Model.HoldsData = true;
        string text = ClusterStateFile.Print(sim.Nodes[0].Model);
        var again = new SimulatedNode(sim, "10.9.9.9", new ClusterSettings(), text);
        again.Model.RefreshMyself();
        Assert.Equal(Sorted(text), Sorted(ClusterStateFile.Print(again.Model)));

        static string Sorted(string text) => System.Text.RegularExpressions.Regex.Replace(
            string.Join('\n', text.Split('\n').Order()).Replace(" connected", " disconnected"), @" \d+ \d+ (\d+) disc", " 0 0 $1 disc");
    }

    [Theory]
    [InlineData("garbage\n", ":1: fewer than 8 fields")]
    [InlineData("vars currentEpoch x lastVoteEpoch 0\n", ":1: currentEpoch")]
    [InlineData("vars currentEpoch 1 lastVoteEpoch 0\n", "myself")]
    public void DamagedNodesConfIsNamed(string text, string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => new SimulatedNode(new ClusterSimulation(), "10.0.0.1", new ClusterSettings(), text));
        Assert.Contains(reason, error.Message);
    }
}
