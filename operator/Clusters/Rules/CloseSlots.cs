// Slots a reshard left open when it died: redis-cli was killed, its machine went away. Nobody goes on with them, and no atomic move
// may touch them. One that stays as it is for a while is closed; a reshard that runs opens and closes another every moment.
using Shoal.Operator.Api.V1;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters.Rules;

internal static class CloseSlots
{
    /// <summary>How long the same slots must have been open.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public static Step? Next(Observation seen)
    {
        if (!seen.IsBootstrapped || Find(seen) is not { Count: > 0 } open)
        {
            return null;
        }

        var slots = SlotSet.OfSlots(open.Select(o => o.Slot).Distinct());
        var phase = $"OpenSlots {slots}";
        var unchanged = seen.Cluster.Status?.Operation is { UpdatedAt: { } since } operation && operation.Phase == phase && seen.Now - since >= Patience;
        return unchanged
            ? new Step.CloseSlots(open) { Why = $"closing slots {slots}, which a reshard left open", Operation = "Repair", Phase = phase }
            : new Step.Wait
            {
                Why = $"slots {slots} are open; they are closed when nobody goes on with them for {Patience.TotalSeconds:0} s",
                Operation = "Repair", Phase = phase, Attempt = seen.Cluster.Status?.Operation is { } old && old.Phase == phase ? old.Attempt ?? 0 : 0,
            };
    }

    // Each open slot once, with its owner and the node it was on its way to; those whose nodes do not answer wait for them.
    private static List<OpenPair> Find(Observation seen)
    {
        var found = new Dictionary<(int, string), OpenPair>();
        foreach (var member in seen.Members.Where(m => m.Answers && m.Report!.IsPrimary))
        {
            foreach (var open in member.Report!.Answer.Myself.OpenSlots)
            {
                var owner = seen.View.OwnerOf(open.Slot) is { } id ? seen.ById(id) : null;
                var other = open.Importing ? member : seen.ById(open.NodeId);
                var isGone = other is null && !seen.View.Nodes.ContainsKey(open.NodeId);
                if (owner is { Answers: true } && owner != other && (isGone || other is { Answers: true, Report.IsPrimary: true }))
                {
                    found.TryAdd((open.Slot, other?.PodName ?? ""), new OpenPair(open.Slot, owner, other));
                }
            }
        }

        return [.. found.Values.OrderBy(o => o.Slot)];
    }
}
