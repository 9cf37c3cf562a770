// The CacheCluster resource: what a user asks for. The summaries of the properties are the descriptions in crds/*.yaml.
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Api.V1;

/// <summary>A Redis-compatible cache: shards of one primary and its replicas, scaled, resized and repaired online.</summary>
[KubernetesEntity("cache.shoal.dev", "v1", "CacheCluster", "cacheclusters")]
[CustomResource("cc", Scale = ".spec.shards .status.shards .status.selector")]
[Column("Mode", "string", ".spec.mode", 0)]
[Column("Shards", "integer", ".status.shards", 1)]
[Column("Ready", "string", ".status.readyNodes", 2)]
[Column("Status", "string", ".status.phase", 3)]
[Column("Version", "string", ".status.version", 4)]
[Column("Age", "date", ".metadata.creationTimestamp", 5)]
[Column("Slots", "integer", ".status.slotsAssigned", 6, Wide = true)]
[Column("Migrating", "integer", ".status.slotsMigrating", 7, Wide = true)]
[Column("Reason", "string", ".status.phaseReason", 8, Wide = true)]
[Rule("size(self.metadata.name) <= 40", "metadata.name may be at most 40 characters: pod names are derived from it")]
public sealed class CacheCluster : KubernetesObject
{
    /// <summary>What is asked for.</summary>
    [RequiredField]
    public CacheClusterSpec Spec { get; set; } = new();

    /// <summary>What is observed.</summary>
    public CacheClusterStatus? Status { get; set; }
}

/// <summary>What a user asks of a cluster.</summary>
[Rule("!has(self.hibernated) || !self.hibernated || !has(self.storage) || self.storage.type == 'PersistentVolume'",
    "spec.hibernated needs spec.storage.type PersistentVolume: without volumes the data would be lost")]
[Rule("has(self.bootstrap) == has(oldSelf.bootstrap) && (!has(self.bootstrap) || self.bootstrap == oldSelf.bootstrap)",
    "spec.bootstrap is immutable: a cluster is started once; create a new cluster to restore")]
public sealed class CacheClusterSpec
{
    /// <summary>How data is spread. Cluster: Redis Cluster, 16384 slots over the shards.</summary>
    [OneOf("Cluster")]
    [Default("Cluster")]
    [Rule("self == oldSelf", "spec.mode is immutable")]
    public string Mode { get; set; } = "Cluster";

    /// <summary>The version of the node image; the tag of the default image.</summary>
    [Pattern(@"^[0-9]+\.[0-9]+(\.[0-9]+)?([-+][0-9A-Za-z.-]+)?$")]
    public string? Version { get; set; }

    /// <summary>The node image. Left out: the image the operator was installed with, at spec.version when given.</summary>
    public string? Image { get; set; }

    /// <summary>Secrets to pull the image with.</summary>
    public List<LocalReference>? ImagePullSecrets { get; set; }

    /// <summary>Number of shards: 1, or 3 and more. Two shards cannot elect a primary when one fails, so 2 is refused.</summary>
    [Bounds(1, 500)]
    [Except(2)]
    [Default(3)]
    [Rule("self != 2", "spec.shards must be 1 or at least 3: two shards have no majority when one fails")]
    public int Shards { get; set; } = 3;

    /// <summary>Replicas of each primary.</summary>
    [Bounds(0, 5)]
    [Default(1)]
    public int ReplicasPerShard { get; set; } = 1;

    /// <summary>CPU and memory of each node. A change is applied in place where the API server allows it.</summary>
    public ResourceAmounts? Resources { get; set; }

    /// <summary>The memory a node uses for data.</summary>
    public MemorySpec? Memory { get; set; }

    /// <summary>Where nodes keep their files.</summary>
    public StorageSpec? Storage { get; set; }

    /// <summary>What nodes write to their files.</summary>
    public PersistenceSpec? Persistence { get; set; }

    /// <summary>Further redis.conf directives. Those a node can change while running are; others roll the nodes.</summary>
    [Rule("!('bind' in self) && !('port' in self) && !('dir' in self) && !('cluster-enabled' in self) && !('maxmemory' in self)",
        "spec.config may not set bind, port, dir, cluster-enabled or maxmemory: the operator does")]
    [Rule("!('requirepass' in self) && !('masterauth' in self)", "spec.config may not set requirepass or masterauth: use spec.auth")]
    public Dictionary<string, string>? Config { get; set; }

    /// <summary>How clients authenticate. Left out: they need not.</summary>
    public AuthSpec? Auth { get; set; }

    /// <summary>What the cluster starts with. Immutable.</summary>
    public BootstrapSpec? Bootstrap { get; set; }

    /// <summary>How slots are moved when the number of shards changes.</summary>
    public ReshardingSpec? Resharding { get; set; }

    /// <summary>Labels, annotations and scheduling of the pods.</summary>
    public PodTemplateSpec? PodTemplate { get; set; }

    /// <summary>Stops every pod and keeps the volumes; false brings the cluster back as it was, with its data and node ids.</summary>
    [Default(false)]
    public bool Hibernated { get; set; }

    /// <summary>Stops everything the operator does except healing addresses and attaching replicas.</summary>
    [Default(false)]
    public bool Paused { get; set; }
}

/// <summary>The name of an object in the same namespace.</summary>
public sealed class LocalReference
{
    /// <summary>Its name.</summary>
    [RequiredField]
    [Bounds(1, 253)]
    public string Name { get; set; } = "";
}

/// <summary>One key of a Secret in the same namespace.</summary>
public sealed class SecretKeyReference
{
    /// <summary>Name of the Secret.</summary>
    [RequiredField]
    [Bounds(1, 253)]
    public string Name { get; set; } = "";

    /// <summary>The key that holds the value.</summary>
    [Bounds(1, 253)]
    [Default("password")]
    public string Key { get; set; } = "password";
}

/// <summary>Who may use the cluster.</summary>
[Rule("!self.enabled || has(self.defaultUserSecretRef)", "spec.auth.defaultUserSecretRef is needed while spec.auth.enabled is true")]
public sealed class AuthSpec
{
    /// <summary>Whether a password is asked for.</summary>
    [Default(true)]
    public bool Enabled { get; set; } = true;

    /// <summary>The password of the default user, which the nodes use among themselves too. Changing the Secret changes it on the running nodes.</summary>
    public SecretKeyReference? DefaultUserSecretRef { get; set; }
}

/// <summary>Requests and limits, as in a pod.</summary>
public sealed class ResourceAmounts
{
    /// <summary>The most a node may use.</summary>
    public Dictionary<string, Amount>? Limits { get; set; }

    /// <summary>What is set aside for a node.</summary>
    public Dictionary<string, Amount>? Requests { get; set; }
}

/// <summary>How much memory a node uses for data, and what happens at the limit.</summary>
public sealed class MemorySpec
{
    /// <summary>The limit on data, for example 2Gi. Left out: maxMemoryPercent of resources.limits.memory.</summary>
    [Pattern(Patterns.PositiveQuantity)]
    [Bounds(1, 32)]
    [Rule("quantity(self).isGreaterThan(quantity('0'))", "spec.memory.maxMemory must be greater than zero")]
    public string? MaxMemory { get; set; }

    /// <summary>The limit on data as a share of resources.limits.memory, used when maxMemory is left out.</summary>
    [Bounds(10, 95)]
    [Default(75)]
    public int MaxMemoryPercent { get; set; } = 75;

    /// <summary>What is evicted at the limit; noeviction refuses writes instead.</summary>
    [OneOf("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")]
    [Default("noeviction")]
    public string MaxMemoryPolicy { get; set; } = "noeviction";

    /// <summary>PreferInPlace resizes running pods where possible, else recreates them one at a time; InPlaceOnly never recreates; Recreate always does.</summary>
    [OneOf("PreferInPlace", "InPlaceOnly", "Recreate")]
    [Default("PreferInPlace")]
    public string ResizePolicy { get; set; } = "PreferInPlace";
}

/// <summary>The volume of each node.</summary>
[Rule("self.type == oldSelf.type", "spec.storage.type is immutable")]
[Rule("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
    "spec.storage.storageClassName is immutable")]
[Rule("!has(oldSelf.size) || (has(self.size) && quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0)",
    "spec.storage.size can only grow: a volume cannot shrink")]
public sealed class StorageSpec
{
    /// <summary>PersistentVolume keeps files over a rescheduled pod; Ephemeral loses them with the pod.</summary>
    [OneOf("PersistentVolume", "Ephemeral")]
    [Default("PersistentVolume")]
    public string Type { get; set; } = "PersistentVolume";

    /// <summary>Size of each volume. It can only grow.</summary>
    [Pattern(Patterns.PositiveQuantity)]
    [Bounds(1, 32)]
    [Default("1Gi")]
    public string Size { get; set; } = "1Gi";

    /// <summary>Storage class of the volumes; left out: the default class. Immutable.</summary>
    [Bounds(1, 253)]
    public string? StorageClassName { get; set; }

    /// <summary>What happens to volumes of removed shards and of a deleted cluster.</summary>
    [OneOf("Retain", "Delete")]
    [Default("Retain")]
    public string ReclaimPolicy { get; set; } = "Retain";
}

/// <summary>Snapshots and the append-only file.</summary>
public sealed class PersistenceSpec
{
    /// <summary>Snapshots by rule.</summary>
    public RdbSpec? Rdb { get; set; }

    /// <summary>The append-only file.</summary>
    public AofSpec? Aof { get; set; }
}

/// <summary>When a node writes a snapshot on its own.</summary>
public sealed class RdbSpec
{
    /// <summary>Rules "seconds changes", for example "3600 1". Left out or empty: none.</summary>
    [Bounds(0, 16)]
    public List<string>? Save { get; set; }
}

/// <summary>The append-only file.</summary>
public sealed class AofSpec
{
    /// <summary>Whether every write is appended to a file.</summary>
    [Default(true)]
    public bool Enabled { get; set; } = true;

    /// <summary>When the file is forced to disk: before each reply, every second, or when the kernel likes.</summary>
    [OneOf("always", "everysec", "no")]
    [Default("everysec")]
    public string Fsync { get; set; } = "everysec";
}

/// <summary>What a cluster starts with: empty, or the data of a backup.</summary>
[Rule("!(has(self.new) && has(self.restore))", "spec.bootstrap takes new or restore, not both")]
public sealed class BootstrapSpec
{
    /// <summary>Start empty.</summary>
    public EmptyStart? New { get; set; }

    /// <summary>Start with the data of a backup.</summary>
    public RestoreSpec? Restore { get; set; }
}

/// <summary>Nothing to set.</summary>
public sealed class EmptyStart;

/// <summary>Which backup to start with.</summary>
[Rule("has(self.backupRef) != has(self.objectStore)", "spec.bootstrap.restore takes backupRef, or objectStore with backupID")]
[Rule("!has(self.objectStore) || has(self.backupID)", "spec.bootstrap.restore.backupID is needed with objectStore")]
public sealed class RestoreSpec
{
    /// <summary>A completed CacheBackup in the same namespace.</summary>
    public LocalReference? BackupRef { get; set; }

    /// <summary>Where the backup lies, when there is no CacheBackup object for it.</summary>
    public ObjectStoreSpec? ObjectStore { get; set; }

    /// <summary>The folder of the backup below the prefix of objectStore: "clusterUID/backupID".</summary>
    [Pattern("^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    public string? BackupID { get; set; }
}

/// <summary>How slots move.</summary>
public sealed class ReshardingSpec
{
    /// <summary>Slots per move.</summary>
    [Bounds(1, 4096)]
    [Default(256)]
    public int BatchSlots { get; set; } = 256;

    /// <summary>Moves under way at once; never more than one per source and one per target.</summary>
    [Bounds(1, 16)]
    [Default(2)]
    public int MaxConcurrentMoves { get; set; } = 2;

    /// <summary>A shard is not filled above this share of its maxMemory; a scale-in that would is refused.</summary>
    [Bounds(10, 100)]
    [Default(80)]
    public int MaxMemoryPercentOnTarget { get; set; } = 80;

    /// <summary>Starts no further move.</summary>
    [Default(false)]
    public bool Paused { get; set; }
}

/// <summary>What pods carry beside the node.</summary>
public sealed class PodTemplateSpec
{
    /// <summary>Labels and annotations added to the pods.</summary>
    public PodMetadata? Metadata { get; set; }

    /// <summary>Node labels the pods need.</summary>
    public Dictionary<string, string>? NodeSelector { get; set; }

    /// <summary>Taints the pods tolerate.</summary>
    [OpenSchema]
    public List<V1Toleration>? Tolerations { get; set; }

    /// <summary>Affinity of the pods. Left out: members of a shard prefer different machines.</summary>
    [OpenSchema]
    public V1Affinity? Affinity { get; set; }

    /// <summary>Priority class of the pods.</summary>
    public string? PriorityClassName { get; set; }

    /// <summary>Service account of the pods.</summary>
    public string? ServiceAccountName { get; set; }
}

/// <summary>Labels and annotations.</summary>
public sealed class PodMetadata
{
    /// <summary>Labels.</summary>
    public Dictionary<string, string>? Labels { get; set; }

    /// <summary>Annotations.</summary>
    public Dictionary<string, string>? Annotations { get; set; }
}
