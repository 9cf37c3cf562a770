// Whom the operator believes when nodes disagree, and what it refuses to do on a view that is not whole.
using Shoal.Operator.Topology;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Topology;

public sealed class TopologyViewTests
{
    private static readonly string A = new('a', 40);
    private static readonly string B = new('b', 40);
    private static readonly string C = new('c', 40);

    [Fact]
    public void Agreeing_answers_give_every_slot_its_owner()
    {
        var view = TopologyView.Merge([Answer(A, (A, 1, "0-8000"), (B, 2, "8001-16383")), Answer(B, (A, 1, "0-8000"), (B, 2, "8001-16383"))]);
        Assert.Equal(HashSlot.Count, view.AssignedSlots);
        Assert.Equal(0, view.DisputedSlots);
        Assert.Equal(B, view.OwnerOf(8001));
    }

    [Fact]
    public void The_majority_wins_and_a_stale_claim_still_counts_as_claimed()
    {
        var view = TopologyView.Merge([
            Answer(A, (A, 1, "0-100"), (B, 5, "101-16383"), (C, 2, "")),
            Answer(B, (A, 1, ""), (B, 5, "0-16383"), (C, 2, "")),
            Answer(C, (A, 1, ""), (B, 5, "0-16383"), (C, 2, ""))]);
        Assert.Equal(B, view.OwnerOf(50));
        Assert.Equal(101, view.DisputedSlots);
        Assert.Equal(101, view.ClaimedBy(A).Count);
        Assert.NotNull(Invariants.AgainstRemoval(view, [A], [B]));
        Assert.Null(Invariants.AgainstRemoval(view, [C], [A, B]));
    }

    [Fact]
    public void A_tie_goes_to_the_newer_config_epoch()
    {
        var view = TopologyView.Merge([Answer(A, (A, 1, "7"), (B, 9, "")), Answer(B, (A, 1, ""), (B, 9, "7"))]);
        Assert.Equal(B, view.OwnerOf(7));
    }

    [Fact]
    public void Slots_of_a_node_that_is_down_stay_its_own()
    {
        var view = TopologyView.Merge([Answer(A, (A, 1, "0-8000"), (B, 2, "8001-16383"))]);
        Assert.Equal(HashSlot.Count, view.AssignedSlots);
        Assert.True(view.Unassigned().IsEmpty);
        Assert.False(view.Nodes[B].Answered);
        Assert.Contains("does not answer", Invariants.AgainstRemoval(view, [], [A, B]), StringComparison.Ordinal);
        Assert.Contains("not a primary that answers", Invariants.AgainstMove(view, A, B, SlotSet.OfSlots([1]), SlotSet.Empty), StringComparison.Ordinal);
    }

    [Fact]
    public void Order_of_answers_does_not_matter()
    {
        NodesAnswer[] answers = [Answer(A, (A, 1, "0-10"), (B, 2, "11-20")), Answer(B, (A, 1, "0-10"), (B, 2, "5-20")), Answer(C, (A, 1, "0-4"), (B, 2, "5-20"), (C, 0, ""))];
        var one = TopologyView.Merge(answers);
        var two = TopologyView.Merge(answers.Reverse());
        Assert.All(Enumerable.Range(0, 21), s => Assert.Equal(one.OwnerOf(s), two.OwnerOf(s)));
    }

    [Theory]
    [InlineData(40, true)]
    [InlineData(50, false)]
    public void A_scale_in_that_would_overfill_the_rest_is_refused_with_the_numbers(long usedPerShard, bool fits)
    {
        var check = DrainPlan.Check([.. Enumerable.Range(0, 6).Select(i => new ShardMemory(usedPerShard, 100, i >= 3))], 80);
        Assert.Equal(fits, check.Fits);
        Assert.Equal(usedPerShard * 2, check.ProjectedBytes);
        Assert.Equal(80, check.AllowedBytes);
    }

    private static NodesAnswer Answer(string self, params (string Id, ulong Epoch, string Slots)[] nodes) => new([.. nodes.Select(n => new NodesLine
    {
        Id = n.Id, Ip = "127.0.0.1", Port = 6379, BusPort = 16379, ConfigEpoch = n.Epoch, Connected = true,
        Flags = NodeFlags.Primary | (n.Id == self ? NodeFlags.Myself : NodeFlags.None),
        Slots = SlotSet.Of(n.Slots.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(SlotRange.Parse)),
    })]);
}
