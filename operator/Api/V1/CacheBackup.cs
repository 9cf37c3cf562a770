// The CacheBackup resource: one backup, its place and its fate. The spec never changes once written.
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Api.V1;

/// <summary>A backup of a CacheCluster: one snapshot per shard, checksummed, complete once its manifest is written.</summary>
[KubernetesEntity("cache.shoal.dev", "v1", "CacheBackup", "cachebackups")]
[CustomResource("cb")]
[Column("Cluster", "string", ".spec.clusterRef.name", 0)]
[Column("Method", "string", ".spec.method", 1)]
[Column("Phase", "string", ".status.phase", 2)]
[Column("Size", "string", ".status.size", 3)]
[Column("Started", "date", ".status.startedAt", 4)]
[Column("Completed", "date", ".status.stoppedAt", 5)]
[Column("Age", "date", ".metadata.creationTimestamp", 6)]
[Column("Error", "string", ".status.error", 7, Wide = true)]
public sealed class CacheBackup : KubernetesObject
{
    /// <summary>What is asked for. Immutable.</summary>
    [RequiredField]
    [Rule("self == oldSelf", "the spec of a CacheBackup is immutable")]
    public CacheBackupSpec Spec { get; set; } = new();

    /// <summary>What is observed.</summary>
    public CacheBackupStatus? Status { get; set; }
}

/// <summary>What to back up, and where to.</summary>
public sealed class CacheBackupSpec
{
    /// <summary>The cluster, in the same namespace.</summary>
    [RequiredField]
    public LocalReference ClusterRef { get; set; } = new();

    /// <summary>Which node of a shard to read: a replica that has caught up (else the primary), or the primary.</summary>
    [OneOf("PreferReplica", "Primary")]
    [Default("PreferReplica")]
    public string Target { get; set; } = "PreferReplica";

    /// <summary>How. Snapshot: each shard's snapshot, streamed.</summary>
    [OneOf("Snapshot")]
    [Default("Snapshot")]
    public string Method { get; set; } = "Snapshot";

    /// <summary>Where to.</summary>
    [RequiredField]
    public ObjectStoreSpec ObjectStore { get; set; } = new();

    /// <summary>The backup fails when it takes longer.</summary>
    [Bounds(10, 604800)]
    [Default(3600)]
    public int DeadlineSeconds { get; set; } = 3600;

    /// <summary>What happens to the stored files when this object is deleted.</summary>
    [OneOf("Retain", "Delete")]
    [Default("Retain")]
    public string DeletionPolicy { get; set; } = "Retain";
}

/// <summary>A place for backups: an S3 bucket, or a directory.</summary>
[Rule("self.provider != 'S3' || has(self.bucket)", "objectStore.bucket is needed with provider S3")]
[Rule("self.provider != 'Directory' || has(self.path)", "objectStore.path is needed with provider Directory")]
public sealed class ObjectStoreSpec
{
    /// <summary>S3: any S3-compatible service. Directory: a directory of the Job's pod, on a volume when claimName is given.</summary>
    [OneOf("S3", "Directory")]
    [Default("S3")]
    public string Provider { get; set; } = "S3";

    /// <summary>S3: the bucket.</summary>
    [Bounds(3, 63)]
    public string? Bucket { get; set; }

    /// <summary>Folder for all backups.</summary>
    [Pattern("^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    public string? Prefix { get; set; }

    /// <summary>S3: URL of the service when it is not AWS.</summary>
    [Pattern("^https?://")]
    public string? Endpoint { get; set; }

    /// <summary>S3: region.</summary>
    public string? Region { get; set; }

    /// <summary>S3: a Secret with keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Left out: the pod's own identity.</summary>
    public LocalReference? CredentialsSecretRef { get; set; }

    /// <summary>Directory: absolute path of the directory.</summary>
    [Pattern("^/")]
    public string? Path { get; set; }

    /// <summary>Directory: the PersistentVolumeClaim mounted at path.</summary>
    public string? ClaimName { get; set; }
}

/// <summary>What is observed of a backup.</summary>
public sealed class CacheBackupStatus
{
    /// <summary>The generation of the spec this status speaks of.</summary>
    public long? ObservedGeneration { get; set; }

    /// <summary>Pending, Running, Completed or Failed.</summary>
    public string? Phase { get; set; }

    /// <summary>Folder of the backup below the store's prefix: "clusterUID/name-uid".</summary>
    public string? BackupID { get; set; }

    /// <summary>The Job that does the work.</summary>
    public string? Job { get; set; }

    /// <summary>The cluster's epoch when the backup was taken.</summary>
    public long? Epoch { get; set; }

    /// <summary>Bytes of all shards.</summary>
    public long? Bytes { get; set; }

    /// <summary>The same, for people.</summary>
    public string? Size { get; set; }

    /// <summary>Each shard's file.</summary>
    public List<BackupShardStatus>? Shards { get; set; }

    /// <summary>When work began.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When it ended, well or not.</summary>
    public DateTimeOffset? StoppedAt { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; set; }

    /// <summary>Standing judgements.</summary>
    public List<V1Condition>? Conditions { get; set; }
}

/// <summary>One shard of a backup.</summary>
public sealed class BackupShardStatus
{
    /// <summary>Number of the shard.</summary>
    public int Index { get; set; }

    /// <summary>The node that was read.</summary>
    public string? NodeId { get; set; }

    /// <summary>The slots it covers, as ranges.</summary>
    public string? Slots { get; set; }

    /// <summary>Size of the file.</summary>
    public long Bytes { get; set; }

    /// <summary>SHA-256 of the file, in hex.</summary>
    public string? Sha256 { get; set; }

    /// <summary>Replication offset of the snapshot.</summary>
    public long Offset { get; set; }
}
