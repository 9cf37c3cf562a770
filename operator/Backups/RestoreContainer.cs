// The init container that lays out a backup's file before a node starts for the first time. It does nothing when the
// data directory has been laid out or used before, so a restarted pod keeps what it has.
using Shoal.Operator.Api;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Backups;

internal static class RestoreContainer
{
    public static V1Container Build(Observation seen, RestorePlan restore, int shard) => new()
    {
        Name = Names.RestoreContainer,
        Image = seen.Images.Operator,
        Command = ["shoal-operator"],
        Args =
        [
            "restore-shard", .. ObjectStoreAccess.Arguments(restore.Store), "--backup-id", restore.BackupId,
            "--shard", Observation.Text(shard), "--pod", "$(POD_NAME)", "--dir", "/data",
            "--layout", seen.Spec.Persistence?.Aof?.Enabled == false ? "rdb" : "aof",
        ],
        Env =
        [
            new() { Name = "POD_NAME", ValueFrom = new() { FieldRef = new() { ApiVersion = "v1", FieldPath = "metadata.name" } } },
            .. ObjectStoreAccess.Environment(restore.Store),
        ],
        VolumeMounts = [new() { Name = Names.DataVolume, MountPath = "/data" }, .. ObjectStoreAccess.Mounts(restore.Store)],
        TerminationMessagePolicy = "FallbackToLogsOnError",
        SecurityContext = new()
        {
            AllowPrivilegeEscalation = false,
            ReadOnlyRootFilesystem = true,
            Capabilities = new() { Drop = ["ALL"] },
        },
    };
}
