// A process we started: its end is observed at once, signals go to its whole group, and its pid file names it for a later
// run of ours (process id and kernel start time, because ids are reused).

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Shoal.Sandbox.Pods;

/// <summary>A running or ended local process.</summary>
public sealed class LocalProcess
{
    public const int SigTerm = 15;
    public const int SigKill = 9;

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Process _process;
    private readonly string? _pidFile;
    private readonly bool _ownGroup;

    private LocalProcess(Process process, string? pidFile, bool ownGroup) => (_process, _pidFile, _ownGroup) = (process, pidFile, ownGroup);

    public int Id { get; private set; }

    /// <summary>Completes with the exit code when the process ends; 128 + signal when a signal ended it.</summary>
    public Task<int> Exited => _exited.Task;

    public bool HasExited => _exited.Task.IsCompleted;

    internal static LocalProcess Start(Process process, string? pidFile, bool ownGroup)
    {
        var local = new LocalProcess(process, pidFile, ownGroup);
        process.Exited += (_, _) => local.OnExited();
        process.Start();
        local.Id = process.Id;
        if (pidFile is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(pidFile)!);
            File.WriteAllText(pidFile, $"{process.Id} {StartTime(process.Id)}\n");
        }

        return local;
    }

    /// <summary>Sends a signal to the process and the group it leads. Nothing happens once it has ended.</summary>
    public void Signal(int signal)
    {
        if (!HasExited && (!_ownGroup || Kill(-Id, signal) != 0))
        {
            // Before it has become a group leader there is no group to signal.
            _ = Kill(Id, signal);
        }
    }

    /// <summary>SIGTERM, then SIGKILL when it has not ended within <paramref name="grace"/>. Returns when it has ended.</summary>
    public async Task<int> TerminateAsync(TimeSpan grace, TimeProvider clock)
    {
        if (grace > TimeSpan.Zero)
        {
            Signal(SigTerm);
            await Task.WhenAny(Exited, Task.Delay(grace, clock)).ConfigureAwait(false);
        }

        Signal(SigKill);
        var code = await Exited.ConfigureAwait(false);

        // Children of the program that outlived it are in its group still.
        _ = _ownGroup ? Kill(-Id, SigKill) : 0;
        return code;
    }

    /// <summary>Kills the process a pid file names, if it is still that process. The file is removed.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool KillLeftOver(string pidFile)
    {
        var killed = false;
        try
        {
            var parts = File.ReadAllText(pidFile).Split(' ', StringSplitOptions.TrimEntries);
            if (parts.Length == 2 && int.TryParse(parts[0], CultureInfo.InvariantCulture, out var id) && id > 1
                && parts[1].Length > 0 && StartTime(id) == parts[1])
            {
                killed = Kill(-id, SigKill) == 0 || Kill(id, SigKill) == 0;
            }

            File.Delete(pidFile);
        }
        catch (IOException)
        {
            // Gone meanwhile: nothing is left over.
        }

        return killed;
    }

    /// <summary>Field 22 of /proc/PID/stat: start time in clock ticks since boot. Empty when there is no such process.</summary>
    internal static string StartTime(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var afterName = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return afterName[0] == "Z" ? "" : afterName[19];
        }
        catch (IOException)
        {
            return "";
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int id, int signal);

    private void OnExited()
    {
        var code = _process.ExitCode;
        if (_pidFile is not null)
        {
            File.Delete(_pidFile);
        }

        _process.Dispose();
        _exited.TrySetResult(code);
    }
}
