// Lays out a pod's volumes as directories. Files of ConfigMaps, Secrets and the downward API are written whole and renamed
// into place, so that a reader sees the old or the new content; a changed ConfigMap is laid out again while the pod runs.

using System.Text;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class PodVolumes(IKubernetes api, PodPaths paths)
{
    private sealed record VolumeFile(string Path, byte[] Content, int? Mode);

    /// <summary>Creates or refreshes every volume.</summary>
    /// <returns>Directory of each volume by name.</returns>
    /// <exception cref="PodConfigException">Something it needs is missing.</exception>
    public async Task<Dictionary<string, string>> LayOutAsync(PodFields fields, CancellationToken ct)
    {
        var directories = new Dictionary<string, string>();
        foreach (var volume in fields.Pod.Spec!.Volumes ?? [])
        {
            directories[volume.Name] = await LayOutAsync(volume, fields, ct).ConfigureAwait(false);
        }

        return directories;
    }

    /// <summary>Where a container's mount paths really are.</summary>
    /// <exception cref="PodConfigException">A mount names a volume the pod does not have.</exception>
    public static MountPaths MountsOf(V1Container container, IReadOnlyDictionary<string, string> directories, string terminationLog)
    {
        var mounts = new List<(string, string)> { (container.TerminationMessagePath ?? "/dev/termination-log", terminationLog) };
        foreach (var mount in container.VolumeMounts ?? [])
        {
            if (!directories.TryGetValue(mount.Name, out var directory))
            {
                throw new PodConfigException("CreateContainerConfigError", $"container {container.Name} mounts volume {mount.Name}, which the pod does not have");
            }

            if (mount.SubPath is { Length: > 0 } sub)
            {
                directory = Path.GetFullPath(Path.Combine(directory, Inside(sub)));
                if (!File.Exists(directory))
                {
                    Directory.CreateDirectory(directory);
                }
            }

            mounts.Add((mount.MountPath, directory));
        }

        return new MountPaths(mounts);
    }

    private async Task<string> LayOutAsync(V1Volume volume, PodFields fields, CancellationToken ct)
    {
        var ns = fields.Pod.Metadata.Namespace!;
        if (volume.HostPath is { } host)
        {
            return host.Path;
        }

        if (volume.PersistentVolumeClaim is { } claim)
        {
            return await ClaimDirectoryAsync(ns, claim.ClaimName, ct).ConfigureAwait(false);
        }

        var directory = paths.Volume(fields.Pod.Metadata.Uid!, volume.Name);
        Directory.CreateDirectory(directory);
        switch (volume)
        {
            case { ConfigMap: { } map }:
                Write(directory, Select(await ConfigMapAsync(ns, map.Name, map.Optional, ct).ConfigureAwait(false), map.Items, map.Optional, $"configmap {map.Name}"), map.DefaultMode);
                break;
            case { Secret: { } secret }:
                Write(directory, Select(await SecretAsync(ns, secret.SecretName, secret.Optional, ct).ConfigureAwait(false), secret.Items, secret.Optional, $"secret {secret.SecretName}"), secret.DefaultMode);
                break;
            case { DownwardAPI: { } downward }:
                Write(directory, Downward(downward.Items, fields), downward.DefaultMode);
                break;
            case { Projected: { } projected }:
                Write(directory, await ProjectAsync(projected, fields, ct).ConfigureAwait(false), projected.DefaultMode);
                break;
            case { EmptyDir: not null }:
            case { Unknown: null or { Count: 0 } }:
                break;
            default:
                throw new PodConfigException("FailedMount", $"volume {volume.Name}: this kind of volume is not available here");
        }

        return directory;
    }

    private async Task<string> ClaimDirectoryAsync(string ns, string name, CancellationToken ct)
    {
        var claim = await api.GetAsync<V1PersistentVolumeClaim>(ns, name, ct).ConfigureAwait(false)
            ?? throw new PodConfigException("FailedScheduling", $"persistentvolumeclaim \"{name}\" not found");
        if (claim.Status?.Phase != "Bound")
        {
            throw new PodConfigException("FailedMount", $"persistentvolumeclaim \"{name}\" is not bound yet");
        }

        var directory = paths.Claim(claim);
        Directory.CreateDirectory(directory);
        return directory;
    }

    private async Task<List<VolumeFile>> ProjectAsync(V1ProjectedVolumeSource projected, PodFields fields, CancellationToken ct)
    {
        var ns = fields.Pod.Metadata.Namespace!;
        var files = new List<VolumeFile>();
        foreach (var source in projected.Sources ?? [])
        {
            files.AddRange(source switch
            {
                { ConfigMap: { } map } => Select(await ConfigMapAsync(ns, map.Name, map.Optional, ct).ConfigureAwait(false), map.Items, map.Optional, $"configmap {map.Name}"),
                { Secret: { } secret } => Select(await SecretAsync(ns, secret.Name, secret.Optional, ct).ConfigureAwait(false), secret.Items, secret.Optional, $"secret {secret.Name}"),
                { DownwardAPI: { } downward } => Downward(downward.Items, fields),
                _ => throw new PodConfigException("FailedMount", "projected volume: service account tokens are not available here"),
            });
        }

        return files;
    }

    private async Task<Dictionary<string, byte[]>> ConfigMapAsync(string ns, string? name, bool? optional, CancellationToken ct)
    {
        var map = await api.GetAsync<V1ConfigMap>(ns, name ?? "", ct).ConfigureAwait(false);
        if (map is null && optional != true)
        {
            throw new PodConfigException("FailedMount", $"configmap \"{name}\" not found");
        }

        var values = (map?.Data ?? []).ToDictionary(e => e.Key, e => Encoding.UTF8.GetBytes(e.Value));
        foreach (var (key, value) in map?.BinaryData ?? [])
        {
            values[key] = value;
        }

        return values;
    }

    private async Task<Dictionary<string, byte[]>> SecretAsync(string ns, string? name, bool? optional, CancellationToken ct)
    {
        var secret = await api.GetAsync<V1Secret>(ns, name ?? "", ct).ConfigureAwait(false);
        return secret is null && optional != true ? throw new PodConfigException("FailedMount", $"secret \"{name}\" not found") : secret?.Data ?? [];
    }

    private static List<VolumeFile> Select(Dictionary<string, byte[]> values, List<V1KeyToPath>? items, bool? optional, string what)
    {
        if (items is null)
        {
            return [.. values.Select(e => new VolumeFile(e.Key, e.Value, null))];
        }

        return [.. items.Where(i => optional != true || values.ContainsKey(i.Key)).Select(item => values.TryGetValue(item.Key, out var content)
            ? new VolumeFile(Inside(item.Path), content, item.Mode)
            : throw new PodConfigException("FailedMount", $"{what} has no key {item.Key}"))];
    }

    private static List<VolumeFile> Downward(List<V1DownwardApiVolumeFile>? items, PodFields fields) =>
        [.. (items ?? []).Select(item => new VolumeFile(
            Inside(item.Path),
            Encoding.UTF8.GetBytes(item.FieldRef is { } field ? fields.Field(field.FieldPath) : fields.Resource(item.ResourceFieldRef ?? new(), null)),
            item.Mode))];

    private static void Write(string directory, List<VolumeFile> files, int? defaultMode)
    {
        foreach (var file in files)
        {
            var path = Path.Combine(directory, file.Path);
            if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(file.Content))
            {
                continue;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var fresh = path + ".new";
            File.WriteAllBytes(fresh, file.Content);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(fresh, (UnixFileMode)((file.Mode ?? defaultMode ?? 420) & 0x1FF));
            }

            File.Move(fresh, path, overwrite: true);
        }

        var wanted = files.Select(f => Path.Combine(directory, f.Path)).ToHashSet();
        foreach (var stale in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Where(f => !wanted.Contains(f)).ToList())
        {
            File.Delete(stale);
        }
    }

    private static string Inside(string relative) =>
        Path.IsPathRooted(relative) || relative.Split('/').Contains("..")
            ? throw new PodConfigException("FailedMount", $"path {relative} leaves its volume")
            : relative;
}
