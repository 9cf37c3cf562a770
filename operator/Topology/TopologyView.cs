// What the cluster is, merged from what every reachable node answers to CLUSTER NODES. Nodes may disagree for a moment;
// this file says whom we believe: a node about itself, else the majority, else the newer config epoch.
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Topology;

/// <summary>One node's whole answer to CLUSTER NODES; exactly one line is <see cref="NodesLine.IsMyself"/>.</summary>
public sealed record NodesAnswer(IReadOnlyList<NodesLine> Lines)
{
    /// <summary>The line of the node that answered.</summary>
    public NodesLine Myself { get; } = Lines.First(l => l.IsMyself);

    /// <summary>The line of another node, or null when the answerer does not know it.</summary>
    public NodesLine? About(string id) => Lines.FirstOrDefault(l => l.Id == id && (l.Flags & NodeFlags.Handshake) == 0);
}

/// <summary>A node as the merged answers describe it.</summary>
/// <param name="Line">The best description: its own when it answered, else the one with the newest config epoch.</param>
/// <param name="Answered">It spoke for itself.</param>
/// <param name="Failing">Some node that answered flags it fail or fail?.</param>
public sealed record KnownNode(NodesLine Line, bool Answered, bool Failing)
{
    /// <summary>Node id.</summary>
    public string Id => Line.Id;
}

/// <summary>The merged view. Immutable.</summary>
public sealed class TopologyView
{
    private readonly string?[] owners;
    private readonly Dictionary<string, SlotSet> owned;
    private readonly Dictionary<string, SlotSet> everClaimed;

    private TopologyView(
        IReadOnlyList<NodesAnswer> answers, Dictionary<string, KnownNode> nodes, string?[] owners, Dictionary<string, SlotSet> claimed, int disputed)
    {
        Answers = answers;
        Nodes = nodes;
        this.owners = owners;
        everClaimed = claimed;
        DisputedSlots = disputed;
        owned = ByOwner(owners);
        AssignedSlots = owners.Count(o => o is not null);
    }

    /// <summary>Nobody answered.</summary>
    public static TopologyView Empty { get; } = Merge([]);

    /// <summary>The answers this view was made of.</summary>
    public IReadOnlyList<NodesAnswer> Answers { get; }

    /// <summary>Every node any answer names (handshakes left out), by id.</summary>
    public IReadOnlyDictionary<string, KnownNode> Nodes { get; }

    /// <summary>Slots with an owner.</summary>
    public int AssignedSlots { get; }

    /// <summary>Slots on whose owner the answers differ.</summary>
    public int DisputedSlots { get; }

    /// <summary>The highest config epoch any answer names.</summary>
    public ulong Epoch => Nodes.Values.Select(n => n.Line.ConfigEpoch).DefaultIfEmpty().Max();

    /// <summary>The owner of a slot, or null.</summary>
    public string? OwnerOf(int slot) => owners[slot];

    /// <summary>The slots a node owns by the merged view.</summary>
    public SlotSet SlotsOf(string id) => owned.GetValueOrDefault(id, SlotSet.Empty);

    /// <summary>The slots at least one answer still gives to a node: what must be empty before the node may go.</summary>
    public SlotSet ClaimedBy(string id) => everClaimed.GetValueOrDefault(id, SlotSet.Empty);

    /// <summary>Slots nobody owns in any answer.</summary>
    public SlotSet Unassigned() => SlotSet.OfSlots(Enumerable.Range(0, HashSlot.Count).Where(s => owners[s] is null));

    /// <summary>Merges answers. Order of answers does not matter.</summary>
    public static TopologyView Merge(IEnumerable<NodesAnswer> given)
    {
        var answers = given.OrderBy(a => a.Myself.Id, StringComparer.Ordinal).ToList();
        var nodes = new Dictionary<string, KnownNode>();
        foreach (var line in answers.SelectMany(a => a.Lines).Where(l => (l.Flags & NodeFlags.Handshake) == 0))
        {
            var failing = (line.Flags & (NodeFlags.Fail | NodeFlags.PFail)) != 0;
            nodes[line.Id] = nodes.TryGetValue(line.Id, out var have)
                ? new KnownNode(Better(have.Line, line), have.Answered || line.IsMyself, have.Failing || failing)
                : new KnownNode(line, line.IsMyself, failing);
        }

        var (owners, disputed) = Owners(answers, nodes);
        var claimed = answers.SelectMany(a => a.Lines).Where(l => !l.Slots.IsEmpty)
            .GroupBy(l => l.Id).ToDictionary(g => g.Key, g => g.Aggregate(SlotSet.Empty, (all, l) => all.Union(l.Slots)));
        return new TopologyView(answers, nodes, owners, claimed, disputed);
    }

    private static NodesLine Better(NodesLine a, NodesLine b) =>
        a.IsMyself ? a : b.IsMyself || b.ConfigEpoch > a.ConfigEpoch ? b : a;

    private static (string?[] Owners, int Disputed) Owners(List<NodesAnswer> answers, Dictionary<string, KnownNode> nodes)
    {
        // Nearly always everybody agrees: one owner and one count per slot; votes are counted apart only where they do not.
        var owners = new string?[HashSlot.Count];
        var votes = new int[HashSlot.Count];
        var contested = new Dictionary<int, Dictionary<string, int>>();
        foreach (var line in answers.SelectMany(a => a.Lines).Where(l => !l.Slots.IsEmpty))
        {
            foreach (var slot in line.Slots)
            {
                if (contested.TryGetValue(slot, out var of))
                {
                    of[line.Id] = of.GetValueOrDefault(line.Id) + 1;
                }
                else if (owners[slot] is not { } owner || owner == line.Id)
                {
                    owners[slot] = line.Id;
                    votes[slot]++;
                }
                else
                {
                    contested[slot] = new() { [owner] = votes[slot], [line.Id] = 1 };
                }
            }
        }

        foreach (var (slot, of) in contested)
        {
            owners[slot] = of.OrderByDescending(v => v.Value).ThenByDescending(v => nodes[v.Key].Line.ConfigEpoch).ThenBy(v => v.Key, StringComparer.Ordinal).First().Key;
        }

        var disputed = contested.Count + Enumerable.Range(0, HashSlot.Count).Count(s => owners[s] is not null && votes[s] < answers.Count && !contested.ContainsKey(s));
        return (owners, disputed);
    }

    private static Dictionary<string, SlotSet> ByOwner(string?[] owners)
    {
        var runs = new Dictionary<string, List<SlotRange>>();
        for (int start = 0, slot = 1; slot <= owners.Length; slot++)
        {
            if (slot < owners.Length && owners[slot] == owners[start])
            {
                continue;
            }

            if (owners[start] is { } id)
            {
                (runs.TryGetValue(id, out var have) ? have : runs[id] = []).Add(new SlotRange(start, slot - 1));
            }

            start = slot;
        }

        return runs.ToDictionary(r => r.Key, r => SlotSet.Of(r.Value));
    }
}
