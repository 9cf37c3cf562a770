// Membership follows node ids, never addresses or ordinals: nodes that moved are introduced again before anything is
// forgotten, members follow their shard's primary, and only what is provably gone is forgotten.
using Shoal.Operator.Nodes;
using Shoal.Protocol.ClusterText;

namespace Shoal.Operator.Clusters.Rules;

internal static class HealNodes
{
    private const int MaxMeetings = 64;

    public static Step? Meet(Observation seen)
    {
        var nodes = seen.Members.Where(m => m.Answers && !IsOnItsWayOut(seen, m)).ToList();
        if (nodes.Count < 2 || (!seen.IsBootstrapped && !Bootstrap.AllAnswer(seen)))
        {
            return null;
        }

        var hub = nodes.OrderByDescending(m => nodes.Count(o => m.Report!.Answer.About(o.Report!.Id) is not null))
            .ThenByDescending(m => seen.View.SlotsOf(m.Report!.Id).Count).ThenBy(m => m.Report!.Id, StringComparer.Ordinal).First();
        var pairs = new List<(Member, Member)>();
        foreach (var node in nodes)
        {
            foreach (var other in nodes.Where(o => o != node))
            {
                var line = node.Report!.Answer.About(other.Report!.Id);
                var unknown = line is null && (node == hub || other == hub);
                if (unknown || (line is not null && IsElsewhere(line, other.Address!.Value)))
                {
                    pairs.Add((node, other));
                }
            }
        }

        return pairs.Count == 0 ? null : new Step.Meet([.. pairs.Take(MaxMeetings)])
        {
            Why = $"introducing {string.Join(", ", pairs.Select(p => p.Item2.PodName).Distinct().Take(4))} to the other nodes",
            LookAgain = TimeSpan.FromMilliseconds(700),
        };
    }

    public static Step? Attach(Observation seen)
    {
        var attach = new List<(Member, string)>();
        foreach (var shard in seen.ShardIndexes)
        {
            if (seen.PrimaryOf(shard) is not { } primary || (!seen.IsBootstrapped && !Bootstrap.AllAnswer(seen)))
            {
                continue;
            }

            var id = primary.Report!.Id;
            attach.AddRange(seen.InShard(shard).Where(m => m != primary && m.Answers && Attachable(seen, m, id)).Select(m => (m, id)));
        }

        return attach.Count == 0 ? null : new Step.Attach(attach)
        {
            Why = $"attaching {string.Join(", ", attach.Select(a => a.Item1.PodName).Take(4))} to their shard's primary",
            LookAgain = TimeSpan.FromMilliseconds(700),
        };
    }

    public static Step? Forget(Observation seen)
    {
        // Only when every member answers is a node that nobody is provably gone; until then it may be a pod on its way back.
        if (!seen.IsBootstrapped || seen.Members.Any(m => !m.Answers))
        {
            return null;
        }

        var present = seen.Members.Select(m => m.Report!.Id).ToHashSet();
        var gone = seen.View.Nodes.Values.Where(n => !present.Contains(n.Id) && n.Failing && seen.View.ClaimedBy(n.Id).IsEmpty)
            .Where(n => !seen.Members.Any(m => m.Report!.Answer.Myself.PrimaryId == n.Id))
            .Select(n => n.Id).Order(StringComparer.Ordinal).ToList();
        return gone.Count == 0 ? null : new Step.Forget(gone)
        {
            Why = "forgetting nodes that no pod is: " + string.Join(", ", gone.Select(id => id[..8])),
        };
    }

    // A shard being removed that owns nothing is not brought back once it has been forgotten.
    private static bool IsOnItsWayOut(Observation seen, Member member) =>
        seen.IsLeaving(member.Shard) && seen.InShard(member.Shard).All(m => m.Report is null || seen.View.ClaimedBy(m.Report.Id).IsEmpty);

    private static bool IsElsewhere(NodesLine line, NodeAddress address) => line.Ip != address.Host || line.Port != address.Port;

    private static bool Attachable(Observation seen, Member member, string primaryId)
    {
        var report = member.Report!;
        if (report.Answer.About(primaryId) is null)
        {
            return false; // gossip has not told it yet
        }

        return report.IsPrimary
            ? report.Keys == 0 && seen.View.ClaimedBy(report.Id).IsEmpty
            : report.Answer.Myself.PrimaryId != primaryId;
    }
}
