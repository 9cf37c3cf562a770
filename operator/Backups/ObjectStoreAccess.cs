// How a pod reaches an object store: the same arguments, environment and volumes for the backup Job and the restore container.
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Backups;

internal static class ObjectStoreAccess
{
    private const string VolumeName = "backups";

    /// <summary>URL of the store's root, as the workers take it: <c>file:///dir/prefix</c> or <c>s3://bucket/prefix</c>.</summary>
    public static string Url(ObjectStoreSpec store)
    {
        var root = store.Provider == "Directory" ? "file://" + store.Path!.TrimEnd('/') : "s3://" + store.Bucket;
        return store.Prefix is { Length: > 0 } prefix ? $"{root}/{prefix.Trim('/')}" : root;
    }

    public static List<string> Arguments(ObjectStoreSpec store)
    {
        List<string> arguments = ["--store", Url(store)];
        if (store.Endpoint is { Length: > 0 } endpoint)
        {
            arguments.AddRange(["--endpoint", endpoint]);
        }

        if (store.Region is { Length: > 0 } region)
        {
            arguments.AddRange(["--region", region]);
        }

        return arguments;
    }

    public static List<V1EnvVar> Environment(ObjectStoreSpec store) => store.CredentialsSecretRef is not { } secret
        ? []
        : [.. new[] { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" }.Select(key => new V1EnvVar
        {
            Name = key,
            ValueFrom = new() { SecretKeyRef = new() { Name = secret.Name, Key = key } },
        })];

    public static List<V1Volume> Volumes(ObjectStoreSpec store) => store is { Provider: "Directory", ClaimName: { Length: > 0 } claim }
        ? [new() { Name = VolumeName, PersistentVolumeClaim = new() { ClaimName = claim } }]
        : [];

    public static List<V1VolumeMount> Mounts(ObjectStoreSpec store) => store is { Provider: "Directory", ClaimName.Length: > 0 }
        ? [new() { Name = VolumeName, MountPath = store.Path! }]
        : [];
}
