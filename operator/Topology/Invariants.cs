// What must hold before a move of slots is sent, checked again at the last moment on the view the plan was made from.
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Topology;

/// <summary>Reasons not to act.</summary>
public static class Invariants
{
    /// <summary>Why these slots may not be moved, or null when they may.</summary>
    /// <param name="view">The merged view.</param>
    /// <param name="source">Node id of the source.</param>
    /// <param name="target">Node id of the target.</param>
    /// <param name="slots">What would move.</param>
    /// <param name="moving">Slots of moves under way.</param>
    public static string? AgainstMove(TopologyView view, string source, string target, SlotSet slots, SlotSet moving)
    {
        if (slots.IsEmpty)
        {
            return "nothing to move";
        }

        if (source == target)
        {
            return "source and target are the same node";
        }

        if (!slots.Except(view.SlotsOf(source)).IsEmpty)
        {
            return $"{source[..8]} does not own all of {slots}";
        }

        if (slots.Overlaps(moving))
        {
            return $"some of {slots} are moving already";
        }

        if (!view.Nodes.TryGetValue(target, out var to) || !to.Answered || !to.Line.IsPrimary)
        {
            return $"the target {target[..8]} is not a primary that answers";
        }

        return (to.Line.Flags & (NodeFlags.Fail | NodeFlags.PFail)) != 0 || to.Failing ? $"the target {target[..8]} is failing" : null;
    }

    /// <summary>
    /// Why a shard may not be removed, or null: all survivors must answer, and no answer may give its members a slot.
    /// </summary>
    public static string? AgainstRemoval(TopologyView view, IReadOnlyCollection<string> members, IReadOnlyCollection<string> survivors)
    {
        foreach (var id in survivors)
        {
            if (!view.Nodes.TryGetValue(id, out var node) || !node.Answered)
            {
                return $"survivor {id[..8]} does not answer";
            }
        }

        foreach (var id in members)
        {
            if (!view.ClaimedBy(id).IsEmpty)
            {
                return $"{id[..8]} still owns {view.ClaimedBy(id).Count} slots in some node's view";
            }
        }

        return view.AssignedSlots == HashSlot.Count ? null : $"only {view.AssignedSlots} of {HashSlot.Count} slots have an owner";
    }
}
