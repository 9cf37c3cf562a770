// The CacheBackupSchedule resource: creates CacheBackups by cron and removes old ones.
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Api.V1;

/// <summary>Backups by the clock.</summary>
[KubernetesEntity("cache.shoal.dev", "v1", "CacheBackupSchedule", "cachebackupschedules")]
[CustomResource("cbs")]
[Column("Cluster", "string", ".spec.template.clusterRef.name", 0)]
[Column("Schedule", "string", ".spec.schedule", 1)]
[Column("Suspend", "boolean", ".spec.suspend", 2)]
[Column("Last", "date", ".status.lastScheduleTime", 3)]
[Column("Next", "string", ".status.nextScheduleTime", 4)]
[Column("Age", "date", ".metadata.creationTimestamp", 5)]
[Column("Error", "string", ".status.error", 6, Wide = true)]
public sealed class CacheBackupSchedule : KubernetesObject
{
    /// <summary>What is asked for.</summary>
    [RequiredField]
    public CacheBackupScheduleSpec Spec { get; set; } = new();

    /// <summary>What is observed.</summary>
    public CacheBackupScheduleStatus? Status { get; set; }
}

/// <summary>When to back up, and how many backups to keep.</summary>
public sealed class CacheBackupScheduleSpec
{
    /// <summary>Cron expression of five fields (minute hour day month weekday), in UTC; six fields begin with seconds.</summary>
    [RequiredField]
    [Pattern(@"^\S+(\s+\S+){4,5}$")]
    public string Schedule { get; set; } = "";

    /// <summary>Creates no backups while true.</summary>
    [Default(false)]
    public bool Suspend { get; set; }

    /// <summary>Also creates a backup as soon as the schedule is created.</summary>
    [Default(false)]
    public bool Immediate { get; set; }

    /// <summary>Forbid: a run is skipped while the one before is not finished.</summary>
    [OneOf("Forbid")]
    [Default("Forbid")]
    public string ConcurrencyPolicy { get; set; } = "Forbid";

    /// <summary>A run missed by more than this is skipped.</summary>
    [Bounds(1, 86400)]
    [Default(300)]
    public int StartingDeadlineSeconds { get; set; } = 300;

    /// <summary>Which backups to keep.</summary>
    public RetentionSpec? Retention { get; set; }

    /// <summary>What each backup asks for.</summary>
    [RequiredField]
    public CacheBackupSpec Template { get; set; } = new();
}

/// <summary>Which backups to keep.</summary>
public sealed class RetentionSpec
{
    /// <summary>How many completed backups to keep; older ones are deleted, files included when their deletionPolicy is Delete.</summary>
    [Bounds(1, 1000)]
    public int? KeepLast { get; set; }
}

/// <summary>What is observed of a schedule.</summary>
public sealed class CacheBackupScheduleStatus
{
    /// <summary>The generation of the spec this status speaks of.</summary>
    public long? ObservedGeneration { get; set; }

    /// <summary>The last time a backup was due and created.</summary>
    public DateTimeOffset? LastScheduleTime { get; set; }

    /// <summary>The next time one is due.</summary>
    public DateTimeOffset? NextScheduleTime { get; set; }

    /// <summary>Name of the last backup created.</summary>
    public string? LastBackup { get; set; }

    /// <summary>What is wrong with the schedule.</summary>
    public string? Error { get; set; }
}
