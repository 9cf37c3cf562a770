// Small parts of a pod worker: what setup leaves behind, file ownership, cleaning up, and the text names of pods.

using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

/// <summary>What a pod has once it may start containers.</summary>
internal sealed record PodSetup(PodFields Fields, IReadOnlyDictionary<string, string> Directories);

internal static class PodServicesText
{
    public static string Name(V1Pod pod) => $"{pod.Metadata.Namespace}/{pod.Metadata.Name}";
}

internal static class PodCleaning
{
    /// <summary>Removes a pod's directory; a file that cannot be removed stays and is tried again at the next start.</summary>
    public static void Remove(string directory, ILogger log)
    {
        try
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.CleanUpFailed(log, directory, e.Message);
        }
    }
}

internal static class Ownership
{
    /// <summary>Makes directories and everything in them the user's, as fsGroup does for mounted volumes.</summary>
    public static void Give(IEnumerable<string> directories, int user)
    {
        foreach (var directory in directories.Where(Directory.Exists))
        {
            _ = ChangeOwner(directory, user, user);
            foreach (var entry in Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories))
            {
                _ = ChangeOwner(entry, user, user);
            }
        }
    }

    // lchown: a link inside a volume must not lead us out of it.
    [DllImport("libc", EntryPoint = "lchown", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwner([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int user, int group);
}
