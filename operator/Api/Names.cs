// Every label, annotation, finalizer and object name the operator uses, once.
using System.Globalization;
using Shoal.Operator.Api.V1;

namespace Shoal.Operator.Api;

/// <summary>Names of things in the API server. Pod <c>cart-s2-1</c> is member 1 of shard 2 of cluster cart.</summary>
public static class Names
{
    /// <summary>Label: the cluster an object belongs to.</summary>
    public const string ClusterLabel = "cache.shoal.dev/cluster";

    /// <summary>Label: the shard a pod or volume belongs to.</summary>
    public const string ShardLabel = "cache.shoal.dev/shard";

    /// <summary>Label: the backup a Job works for; on a backup, the schedule it comes from.</summary>
    public const string BackupLabel = "cache.shoal.dev/backup";

    /// <inheritdoc cref="BackupLabel"/>
    public const string ScheduleLabel = "cache.shoal.dev/schedule";

    /// <summary>Annotation: hash of the object as we last applied it; equal = nothing to write.</summary>
    public const string DesiredHash = "cache.shoal.dev/desired-hash";

    /// <summary>Annotation on pods: hash of everything whose change needs a new pod.</summary>
    public const string TemplateHash = "cache.shoal.dev/template-hash";

    /// <summary>Annotation on the ConfigMap: the maxmemory in it, in bytes.</summary>
    public const string MaxMemory = "cache.shoal.dev/maxmemory";

    /// <summary>Finalizer of backups whose files go with them.</summary>
    public const string BackupFinalizer = "cache.shoal.dev/stored-files";

    /// <summary>Container of the node in its pod.</summary>
    public const string NodeContainer = "node";

    /// <summary>Init container that lays out restored files.</summary>
    public const string RestoreContainer = "restore";

    /// <summary>Volume of a node's files.</summary>
    public const string DataVolume = "data";

    /// <summary>Client port of nodes.</summary>
    public const int ClientPort = 6379;

    /// <summary>Cluster bus port of nodes.</summary>
    public const int BusPort = 16379;

    /// <summary>Health port of nodes.</summary>
    public const int HealthPort = 8080;

    /// <summary>The StatefulSet of a shard.</summary>
    public static string Shard(string cluster, int index) => string.Create(CultureInfo.InvariantCulture, $"{cluster}-s{index}");

    /// <summary>A pod.</summary>
    public static string Pod(string cluster, int shard, int ordinal) =>
        string.Create(CultureInfo.InvariantCulture, $"{cluster}-s{shard}-{ordinal}");

    /// <summary>The headless Service all pods are members of.</summary>
    public static string Headless(string cluster) => cluster + "-nodes";

    /// <summary>The ConfigMap with shoal.conf.</summary>
    public static string Config(string cluster) => cluster + "-config";

    /// <summary>Our Secret with the password the nodes were given.</summary>
    public static string Passwords(string cluster) => cluster + "-passwords";

    /// <summary>Selects all pods of a cluster.</summary>
    public static string Selector(string cluster) => $"{ClusterLabel}={cluster}";

    /// <summary>Labels of everything that belongs to a cluster.</summary>
    public static Dictionary<string, string> Labels(CacheCluster cluster) => new()
    {
        ["app.kubernetes.io/name"] = "shoal",
        ["app.kubernetes.io/managed-by"] = "shoal-operator",
        [ClusterLabel] = cluster.Metadata.Name!,
    };

    /// <summary>Labels of everything that belongs to a shard.</summary>
    public static Dictionary<string, string> ShardLabels(CacheCluster cluster, int index)
    {
        var labels = Labels(cluster);
        labels[ShardLabel] = index.ToString(CultureInfo.InvariantCulture);
        return labels;
    }
}
