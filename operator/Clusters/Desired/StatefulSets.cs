// One StatefulSet per shard, OnDelete and Parallel: any shard can be removed, and no pod restarts but by our hand. The
// template's hash leaves memory and live settings out, because those are changed without a new pod.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

internal static class StatefulSets
{
    private const string ConfigPath = "/etc/shoal";
    private const string DataPath = "/data";

    // Mounted always and read when there: the first password needs no new pods.
    private const string PasswordPath = "/etc/shoal-passwords";

    public static string TemplateHash(Observation seen, IReadOnlyDictionary<string, string> settings)
    {
        var template = Template(seen, 0, "");
        template.Spec!.Containers[0].Resources = null;
        template.Spec.InitContainers = null;
        template.Spec.Volumes!.RemoveAll(v => v.PersistentVolumeClaim is not null);
        return DesiredObjects.Hash(KubernetesJson.Write(template) + NodeConfiguration.RestartText(settings));
    }

    public static V1StatefulSet Shard(Observation seen, int shard, string templateHash)
    {
        var set = new V1StatefulSet
        {
            Metadata = DesiredObjects.Metadata(seen, Names.Shard(seen.Name, shard), Names.ShardLabels(seen.Cluster, shard)),
            Spec = new()
            {
                ServiceName = Names.Headless(seen.Name),
                Replicas = Replicas(seen, shard),
                PodManagementPolicy = "Parallel",
                UpdateStrategy = new() { Type = "OnDelete" },
                RevisionHistoryLimit = 3,
                Selector = new()
                {
                    MatchLabels = new() { [Names.ClusterLabel] = seen.Name, [Names.ShardLabel] = Observation.Text(shard) },
                },
                Template = Template(seen, shard, templateHash),
            },
        };
        if (IsPersistent(seen.Spec))
        {
            set.Spec.VolumeClaimTemplates = [Claim(seen, shard)];
        }

        return set;
    }

    public static bool IsPersistent(CacheClusterSpec spec) => (spec.Storage?.Type ?? "PersistentVolume") == "PersistentVolume";

    // Members above the wanted number stay while one of them is the primary: ReduceReplicas hands over first.
    private static int Replicas(Observation seen, int shard)
    {
        if (Rules.Hibernate.IsDue(seen))
        {
            return 0;
        }

        var wanted = seen.Spec.ReplicasPerShard + 1;
        return Math.Max(wanted, seen.PrimaryOf(shard) is { } primary && !seen.SlotsOfShard(shard).IsEmpty ? primary.Ordinal + 1 : 0);
    }

    /// <summary>Size of the volumes an existing set makes, or null.</summary>
    public static string? ClaimSize(V1StatefulSet? set) =>
        set?.Spec?.VolumeClaimTemplates?.FirstOrDefault()?.Spec?.Resources?.Requests?.GetValueOrDefault("storage");

    private static V1PersistentVolumeClaim Claim(Observation seen, int shard)
    {
        // Claim templates cannot be changed: what an existing set has is kept until GrowVolumes re-creates the set.
        var existing = seen.Shards.GetValueOrDefault(shard);
        var storage = seen.Spec.Storage;
        return new()
        {
            Metadata = new() { Name = Names.DataVolume, Labels = Names.Labels(seen.Cluster) },
            Spec = new()
            {
                AccessModes = ["ReadWriteOnce"],
                StorageClassName = storage?.StorageClassName,
                Resources = new() { Requests = new() { ["storage"] = ClaimSize(existing) ?? storage?.Size ?? "1Gi" } },
            },
        };
    }

    private static V1PodTemplateSpec Template(Observation seen, int shard, string templateHash)
    {
        var spec = seen.Spec;
        var extra = spec.PodTemplate;
        var labels = new Dictionary<string, string>(extra?.Metadata?.Labels ?? []);
        foreach (var (key, value) in Names.ShardLabels(seen.Cluster, shard))
        {
            labels[key] = value;
        }

        var pod = new V1PodSpec
        {
            Containers = [Node(seen)],
            TerminationGracePeriodSeconds = 60,
            Volumes =
            [
                new() { Name = "config", ConfigMap = new() { Name = Names.Config(seen.Name) } },
                new()
                {
                    Name = "passwords",
                    Secret = new() { SecretName = Names.Passwords(seen.Name), Items = [new() { Key = AuthPlan.FileKey, Path = AuthPlan.FileKey }], Optional = true },
                },
            ],
            SecurityContext = new() { RunAsNonRoot = true, RunAsUser = 65532, RunAsGroup = 65532, FsGroup = 65532 },
            ImagePullSecrets = spec.ImagePullSecrets?.ConvertAll(r => new V1LocalObjectReference { Name = r.Name }),
            NodeSelector = extra?.NodeSelector,
            Tolerations = extra?.Tolerations,
            PriorityClassName = extra?.PriorityClassName,
            ServiceAccountName = extra?.ServiceAccountName,
            AutomountServiceAccountToken = false,
            EnableServiceLinks = false,
            Affinity = extra?.Affinity ?? Apart(seen, shard),
        };
        if (!IsPersistent(spec))
        {
            pod.Volumes.Add(new() { Name = Names.DataVolume, EmptyDir = new() });
        }

        if (seen.Restore is { } restore)
        {
            pod.InitContainers = [RestoreContainer.Build(seen, restore, shard)];
            pod.Volumes.AddRange(ObjectStoreAccess.Volumes(restore.Store));
        }

        return new()
        {
            Metadata = new()
            {
                Labels = labels,
                Annotations = new(extra?.Metadata?.Annotations ?? []) { [Names.TemplateHash] = templateHash },
            },
            Spec = pod,
        };
    }

    private static V1Container Node(Observation seen) => new()
    {
        Name = Names.NodeContainer,
        Image = Image(seen),
        Command = ["shoal-node"],
        Args =
        [
            $"{ConfigPath}/{NodeConfiguration.FileName}", "--bind", "$(POD_IP)", "--port", Observation.Text(Names.ClientPort), "--dir", DataPath,
            "--cluster-announce-ip", "$(POD_IP)", "--health-port", Observation.Text(Names.HealthPort),
            "--include", $"{PasswordPath}/*.conf",
        ],
        Env =
        [
            new() { Name = "POD_IP", ValueFrom = new() { FieldRef = new() { ApiVersion = "v1", FieldPath = "status.podIP" } } },
            new() { Name = "POD_NAME", ValueFrom = new() { FieldRef = new() { ApiVersion = "v1", FieldPath = "metadata.name" } } },
        ],
        Ports =
        [
            new() { Name = "redis", ContainerPort = Names.ClientPort, Protocol = "TCP" },
            new() { Name = "bus", ContainerPort = Names.BusPort, Protocol = "TCP" },
            new() { Name = "health", ContainerPort = Names.HealthPort, Protocol = "TCP" },
        ],
        Resources = seen.Memory.Resources,
        VolumeMounts =
        [
            new() { Name = Names.DataVolume, MountPath = DataPath },
            new() { Name = "config", MountPath = ConfigPath, ReadOnly = true },
            new() { Name = "passwords", MountPath = PasswordPath, ReadOnly = true },
        ],
        // Loading a large file may take long: liveness only asks whether the process answers at all.
        LivenessProbe = Probe("/livez", period: 5, failures: 6),
        ReadinessProbe = Probe("/readyz", period: 2, failures: 2),
        SecurityContext = new()
        {
            AllowPrivilegeEscalation = false,
            ReadOnlyRootFilesystem = true,
            Capabilities = new() { Drop = ["ALL"] },
        },
    };

    private static V1Probe Probe(string path, int period, int failures) => new()
    {
        HttpGet = new() { Path = path, Port = "health" },
        PeriodSeconds = period,
        TimeoutSeconds = 3,
        FailureThreshold = failures,
    };

    internal static string Image(Observation seen)
    {
        if (seen.Spec.Image is { Length: > 0 } image)
        {
            return image;
        }

        var given = seen.Images.Node;
        if (seen.Spec.Version is not { } version)
        {
            return given;
        }

        var colon = given.LastIndexOf(':');
        return (colon > given.LastIndexOf('/') ? given[..colon] : given) + ":" + version;
    }

    private static V1Affinity Apart(Observation seen, int shard) => new()
    {
        PodAntiAffinity = new()
        {
            PreferredDuringSchedulingIgnoredDuringExecution =
            [
                new()
                {
                    Weight = 100,
                    PodAffinityTerm = new()
                    {
                        TopologyKey = "kubernetes.io/hostname",
                        LabelSelector = new()
                        {
                            MatchLabels = new() { [Names.ClusterLabel] = seen.Name, [Names.ShardLabel] = Observation.Text(shard) },
                        },
                    },
                },
            ],
        },
    };
}
