// Everything one pass knows: read once, never changed, handed to pure rules. What could not be read is there as such
// (a member without a report is unreachable, not absent).
using System.Globalization;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Topology;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Clusters;

/// <summary>What the API server offers beyond what every server does.</summary>
/// <param name="Resize">pods/resize.</param>
/// <param name="DisruptionBudgets">policy/v1, before Kubernetes 1.21 policy/v1beta1; null = none.</param>
public readonly record struct Abilities(bool Resize, ResourceType? DisruptionBudgets);

/// <summary>Images used when a cluster names none.</summary>
/// <param name="Node">The cache node.</param>
/// <param name="Operator">Backup and restore.</param>
public sealed record DefaultImages(string Node, string Operator);

/// <summary>The place of one node: a pod that exists or should, and what the node in it said.</summary>
public sealed record Member(int Shard, int Ordinal, string PodName)
{
    /// <summary>The pod, null while there is none.</summary>
    public V1Pod? Pod { get; init; }

    /// <summary>Where its node listens, null without an IP.</summary>
    public NodeAddress? Address { get; init; }

    /// <summary>What the node said, null when it did not answer.</summary>
    public NodeReport? Report { get; init; }

    /// <summary>Why it did not answer.</summary>
    public string? Error { get; init; }

    /// <summary>Its node answered and the pod is to stay.</summary>
    public bool Answers => Report is not null && !IsTerminating;

    /// <summary>The pod is being deleted.</summary>
    public bool IsTerminating => Pod?.Metadata.DeletionTimestamp is not null;

    /// <summary>The pod's readiness probe succeeds.</summary>
    public bool IsReady => !IsTerminating && Pod?.Status?.Conditions?.Exists(c => c is { Type: "Ready", Status: "True" }) == true;

    /// <summary>The template hash the pod was made from.</summary>
    public string? TemplateHash => Pod?.Metadata.Annotations?.GetValueOrDefault(Names.TemplateHash);

    /// <summary>The node container as it was asked for.</summary>
    public V1Container? Container => Pod?.Spec?.Containers.Find(c => c.Name == Names.NodeContainer);

    /// <summary>The node container as it runs.</summary>
    public V1ContainerStatus? ContainerStatus => Pod?.Status?.ContainerStatuses?.Find(c => c.Name == Names.NodeContainer);

    /// <summary>Short node id for messages, or the pod name.</summary>
    public override string ToString() => PodName;
}

/// <summary>One pass's knowledge of one cluster.</summary>
public sealed record Observation
{
    /// <summary>The cluster as asked for, with its status as last written.</summary>
    public required CacheCluster Cluster { get; init; }

    /// <summary>The time of the pass.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>Images by default.</summary>
    public required DefaultImages Images { get; init; }

    /// <summary>What the API server offers.</summary>
    public Abilities Abilities { get; init; }

    /// <summary>Existing StatefulSets by shard index.</summary>
    public IReadOnlyDictionary<int, V1StatefulSet> Shards { get; init; } = new Dictionary<int, V1StatefulSet>();

    /// <summary>Other existing owned objects, by "Kind/name".</summary>
    public IReadOnlyDictionary<string, IKubernetesObject> Objects { get; init; } = new Dictionary<string, IKubernetesObject>();

    /// <summary>Volumes of the cluster.</summary>
    public IReadOnlyList<V1PersistentVolumeClaim> Volumes { get; init; } = [];

    /// <summary>Every member that exists or should, by shard and ordinal.</summary>
    public IReadOnlyList<Member> Members { get; init { field = value; derived = new(); } } = [];

    /// <summary>The merged answers.</summary>
    public TopologyView View { get; init { field = value; derived = new(); } } = TopologyView.Empty;

    /// <summary>Bytes per slot, when slots are about to move and the nodes could tell.</summary>
    public long[]? SlotBytes { get; init; }

    /// <summary>A backup of this cluster is under way: no new slot moves.</summary>
    public string? RunningBackup { get; init; }

    /// <summary>The last completed backup.</summary>
    public DateTimeOffset? LastBackup { get; init; }

    /// <summary>The last finished backup failed, for this reason.</summary>
    public string? LastBackupError { get; init; }

    /// <summary>The password in force.</summary>
    public AuthPlan Auth { get; init; } = AuthPlan.None;

    /// <summary>What to start with, when bootstrap.restore asks for it and it was found.</summary>
    public RestorePlan? Restore { get; init; }

    /// <summary>Why the backup to start with cannot be used.</summary>
    public string? RestoreError { get; init; }

    /// <summary>The spec.</summary>
    public CacheClusterSpec Spec => Cluster.Spec;

    /// <summary>Name of the cluster.</summary>
    public string Name => Cluster.Metadata.Name!;

    /// <summary>The cluster was started: by its status, or by the nodes' own state.</summary>
    public bool IsBootstrapped => Cluster.Status?.Bootstrap?.Completed == true || View.AssignedSlots == HashSlot.Count;

    /// <summary>Shards wanted now. A restore begins with as many as the backup has and is scaled afterwards.</summary>
    public int WantedShards => IsBootstrapped ? Spec.Shards : Restore?.Shards.Count ?? Spec.Shards;

    /// <summary>Indexes of shards that exist or are wanted, ascending.</summary>
    public IEnumerable<int> ShardIndexes => Shards.Keys.Union(Enumerable.Range(0, WantedShards)).Order();

    /// <summary>The members of a shard.</summary>
    public IEnumerable<Member> InShard(int shard) => Members.Where(m => m.Shard == shard);

    /// <summary>The shard is to be removed.</summary>
    public bool IsLeaving(int shard) => shard >= WantedShards;

    /// <summary>Slots the shard's members own by the merged view.</summary>
    public SlotSet SlotsOfShard(int shard)
    {
        if (!derived.Slots.TryGetValue(shard, out var slots))
        {
            slots = InShard(shard).Where(m => m.Report is not null).Aggregate(SlotSet.Empty, (all, m) => all.Union(View.SlotsOf(m.Report!.Id)));
            derived.Slots[shard] = slots;
        }

        return slots;
    }

    /// <summary>The member with a node id.</summary>
    public Member? ById(string id) => Members.FirstOrDefault(m => m.Report?.Id == id);

    /// <summary>Moves under way, each once, as their source tells them (else their target).</summary>
    public IReadOnlyList<SlotTask> RunningTasks => derived.Running ??= [.. Members.Where(m => m.Report is not null).SelectMany(m => m.Report!.Tasks)
        .Where(t => t.IsRunning).OrderByDescending(t => t.IsExport).DistinctBy(t => t.Id).OrderBy(t => t.Id, StringComparer.Ordinal)];

    /// <summary>
    /// The primary of a shard among its members, or null while nobody is: the owner of its slots; in a shard without slots
    /// the one others follow, then the one with keys, then the lowest ordinal. Ordinals decide nothing else.
    /// </summary>
    public Member? PrimaryOf(int shard)
    {
        var answering = InShard(shard).Where(m => m.Answers).ToList();
        var owner = answering.Where(m => m.Report!.IsPrimary && !View.SlotsOf(m.Report.Id).IsEmpty).MaxBy(m => View.SlotsOf(m.Report!.Id).Count);
        if (owner is not null)
        {
            return owner;
        }

        // Replicas of a primary that owns slots elsewhere (its pod is gone): the data plane is electing, nobody else may lead.
        var followed = answering.Where(m => !m.Report!.IsPrimary).Select(m => m.Report!.Answer.Myself.PrimaryId).OfType<string>().ToHashSet();
        if (followed.Any(id => !View.ClaimedBy(id).IsEmpty && ById(id)?.Shard is var at && (at is null || at == shard)))
        {
            return null;
        }

        return answering.Where(m => m.Report!.IsPrimary)
            .OrderByDescending(m => followed.Contains(m.Report!.Id)).ThenByDescending(m => m.Report!.Keys > 0).ThenBy(m => m.Ordinal).FirstOrDefault();
    }

    /// <summary>Memory and resources in force.</summary>
    public MemoryPlan Memory => derived.Memory ??= MemoryPlan.For(this);

    /// <summary>Slots that would have to move to be even.</summary>
    public int SlotsToMove
    {
        get
        {
            var shards = ShardIndexes.ToList();
            var counts = shards.Select(s => SlotsOfShard(s).Count).ToArray();
            return SlotTargets.Distance(counts, SlotTargets.For(counts, [.. shards.Select(IsLeaving)]));
        }
    }

    /// <summary>A number without culture.</summary>
    public static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    // What follows from the rest, computed when first asked for; a copy with other members or views begins anew.
    private Derived derived = new();

    private sealed class Derived
    {
        public MemoryPlan? Memory;
        public IReadOnlyList<SlotTask>? Running;
        public Dictionary<int, SlotSet> Slots { get; } = [];
    }
}
