// The Job of a backup: one pod that streams every shard, one after the other, and writes the manifest last. It is told the
// addresses as they were when the Job was made; it finds out itself who is primary and who is replica.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Backups;

internal static class BackupJob
{
    public static string NameOf(CacheBackup backup) => "backup-" + backup.Metadata.Name;

    public static V1Job Build(CacheBackup backup, CacheCluster cluster, string backupId, IEnumerable<string> seeds, DefaultImages images)
    {
        var labels = Names.Labels(cluster);
        labels.Remove(Names.ClusterLabel); // the label selects nodes; a Job's pod is none
        labels[Names.BackupLabel] = backup.Metadata.Name!;
        var store = backup.Spec.ObjectStore;
        return new V1Job
        {
            Metadata = new()
            {
                Name = NameOf(backup),
                Namespace = backup.Metadata.Namespace,
                Labels = labels,
                OwnerReferences = [V1OwnerReference.To(backup)],
            },
            Spec = new()
            {
                BackoffLimit = 3,
                ActiveDeadlineSeconds = backup.Spec.DeadlineSeconds,
                Template = new()
                {
                    Metadata = new() { Labels = new(labels) },
                    Spec = new()
                    {
                        RestartPolicy = "Never",
                        AutomountServiceAccountToken = false,
                        ImagePullSecrets = cluster.Spec.ImagePullSecrets?.ConvertAll(r => new V1LocalObjectReference { Name = r.Name }),
                        SecurityContext = new() { RunAsNonRoot = true, RunAsUser = 65532, RunAsGroup = 65532, FsGroup = 65532 },
                        Volumes = ObjectStoreAccess.Volumes(store) is { Count: > 0 } volumes ? volumes : null,
                        Containers = [Worker(backup, cluster, backupId, seeds, images)],
                    },
                },
            },
        };
    }

    private static V1Container Worker(CacheBackup backup, CacheCluster cluster, string backupId, IEnumerable<string> seeds, DefaultImages images)
    {
        var store = backup.Spec.ObjectStore;
        return new()
        {
            Name = "backup",
            Image = images.Operator,
            Command = ["shoal-operator"],
            Args =
            [
                "backup", .. ObjectStoreAccess.Arguments(store), "--backup-id", backupId, "--cluster", $"{cluster.Metadata.Namespace}/{cluster.Metadata.Name}",
                "--target", backup.Spec.Target, .. seeds.SelectMany(s => new[] { "--node", s }),
            ],
            Env =
            [
                .. ObjectStoreAccess.Environment(store),
                new()
                {
                    Name = "SHOAL_PASSWORD",
                    ValueFrom = new() { SecretKeyRef = new() { Name = Names.Passwords(cluster.Metadata.Name!), Key = AuthPlan.PasswordKey, Optional = true } },
                },
            ],
            VolumeMounts = ObjectStoreAccess.Mounts(store) is { Count: > 0 } mounts ? mounts : null,
            TerminationMessagePolicy = "FallbackToLogsOnError",
            SecurityContext = new() { AllowPrivilegeEscalation = false, ReadOnlyRootFilesystem = true, Capabilities = new() { Drop = ["ALL"] } },
        };
    }
}
