// Where everything of a pod lies under the sandbox directory:
//
//   logs/<ns>_<pod>_<container>.log, ....previous.log   what the container printed; its run before that
//   pods/<uid>/volumes/<volume>/                        emptyDir, configMap, secret, projected, downwardAPI
//   pods/<uid>/containers/<container>/                  working directory and home
//   pids/<uid>_<container>.pid                          process id and start time while it runs
//   volumes/<ns>/<claim>_<claim uid>/                   persistent volume claims

using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class PodPaths(string root)
{
    public string Root { get; } = Path.GetFullPath(root);

    public string Pids => Path.Combine(Root, "pids");

    public string Pods => Path.Combine(Root, "pods");

    public string Logs => Path.Combine(Root, "logs");

    public string Pod(string uid) => Path.Combine(Pods, Safe(uid));

    public string Volume(string uid, string volume) => Path.Combine(Pod(uid), "volumes", Safe(volume));

    public string Container(string uid, string container) => Path.Combine(Pod(uid), "containers", Safe(container));

    public string PidFile(string uid, string container) => Path.Combine(Pids, $"{Safe(uid)}_{Safe(container)}.pid");

    public string Log(V1Pod pod, string container) =>
        Path.Combine(Logs, $"{Safe(pod.Metadata.Namespace!)}_{Safe(pod.Metadata.Name!)}_{Safe(container)}.log");

    public string PreviousLog(V1Pod pod, string container) => Path.ChangeExtension(Log(pod, container), ".previous.log");

    public string Claim(V1PersistentVolumeClaim claim) =>
        Path.Combine(Root, "volumes", Safe(claim.Metadata.Namespace!), $"{Safe(claim.Metadata.Name!)}_{Safe(claim.Metadata.Uid!)}");

    // Names come from the API server, which checks them; a path must not depend on that.
    private static string Safe(string segment) =>
        segment.Length > 0 && segment is not ("." or "..") && !segment.Contains('/', StringComparison.Ordinal)
            ? segment
            : throw new ArgumentException($"'{segment}' cannot be part of a path");
}
