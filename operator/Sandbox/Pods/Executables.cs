// Finds programs on PATH, and the local program an image stands for.

namespace Shoal.Sandbox.Pods;

/// <summary>Looks programs up.</summary>
public static class Executables
{
    /// <summary>Full path of a program on PATH; null when there is none.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(IsExecutable);

    /// <summary>
    /// The program of a container. Its name is the last path segment of <c>command[0]</c>, or without a command that of the
    /// image (tag and digest cut off). A program of that name in <paramref name="binDirectory"/> wins; else the command as
    /// given: an absolute path that exists here, or a name on PATH.
    /// </summary>
    /// <returns>Null when this machine has no such program.</returns>
    public static string? ForContainer(string? image, IReadOnlyList<string>? command, string? binDirectory)
    {
        var program = command is { Count: > 0 } ? command[0] : ImageName(image);
        if (string.IsNullOrEmpty(program))
        {
            return null;
        }

        var ours = binDirectory is null ? null : Path.Combine(binDirectory, Path.GetFileName(program));
        if (ours is not null && IsExecutable(ours))
        {
            return ours;
        }

        if (command is not { Count: > 0 })
        {
            return null;
        }

        return program.Contains('/', StringComparison.Ordinal) ? (IsExecutable(program) ? program : null) : Find(program);
    }

    /// <summary><c>registry:5000/shoal/shoal-node:1.0@sha256:..</c> is <c>shoal-node</c>.</summary>
    internal static string ImageName(string? image)
    {
        var name = (image ?? "").Split('@')[0];
        name = name[(name.LastIndexOf('/') + 1)..];
        return name.Split(':')[0];
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
}
