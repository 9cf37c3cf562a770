// Starts local processes the way containers run: output to a file, an own session (so that a signal reaches the whole
// group), and death together with us even when we are killed -9. That last part is PR_SET_PDEATHSIG, which the kernel
// fires when the *thread* that forked ends, so all forks happen on one thread that lives as long as the launcher.
//
//   sh -c 'exec >>LOG 2>&1; exec "$@"'  ->  setsid  ->  setpriv --pdeathsig KILL [--reuid ...]  ->  program
//
// Each arrow is an exec: the process id we know is the program's. setsid and setpriv are util-linux; where one is
// missing the chain goes without it, and left-overs are found by their pid files at the next start.

using System.Collections.Concurrent;
using System.Diagnostics;

namespace Shoal.Sandbox.Pods;

/// <summary>What to start and how.</summary>
public sealed record LaunchOptions
{
    /// <summary>Path of the program, or a name found on PATH.</summary>
    public required string FileName { get; init; }

    public IReadOnlyList<string> Args { get; init; } = [];

    /// <summary>The whole environment of the process; nothing is inherited. Null inherits ours.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    public string? WorkingDirectory { get; init; }

    /// <summary>Standard output and error are appended here; null discards them.</summary>
    public string? OutputFile { get; init; }

    /// <summary>User and group to become (needs root and setpriv); null stays who we are.</summary>
    public int? UserId { get; init; }

    /// <summary>Written with process id and start time, removed at exit; lets a later start find left-overs.</summary>
    public string? PidFile { get; init; }
}

/// <summary>Starts processes from one long-lived thread. Dispose after the processes: its end kills those still alive.</summary>
public sealed class ProcessLauncher : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private readonly string? _setsid = Executables.Find("setsid");
    private readonly string? _setpriv = Executables.Find("setpriv");

    public ProcessLauncher()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "process-launcher" };
        _thread.Start();
    }

    /// <summary>Whether processes can run as another user: we are root and setpriv is installed.</summary>
    public bool CanChangeUser => _setpriv is not null && Environment.IsPrivilegedProcess;

    /// <summary>Starts a process.</summary>
    /// <exception cref="IOException">It cannot be started; the message says why.</exception>
    public Task<LocalProcess> StartAsync(LaunchOptions options)
    {
        var started = new TaskCompletionSource<LocalProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(Start(options));
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException or IOException)
            {
                started.SetException(new IOException($"{options.FileName} cannot be started: {e.Message}", e));
            }
        });
        return started.Task;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        foreach (var action in _work.GetConsumingEnumerable())
        {
            action();
        }
    }

    private LocalProcess Start(LaunchOptions options)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            UseShellExecute = false,
            WorkingDirectory = options.WorkingDirectory ?? "",
        };
        foreach (var argument in Chain(options))
        {
            start.ArgumentList.Add(argument);
        }

        if (options.Environment is { } environment)
        {
            start.Environment.Clear();
            foreach (var (name, value) in environment)
            {
                start.Environment[name] = value;
            }
        }

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        return LocalProcess.Start(process, options.PidFile, ownGroup: _setsid is not null);
    }

    private IEnumerable<string> Chain(LaunchOptions options)
    {
        yield return "-c";
        yield return "exec </dev/null >>\"$0\" 2>&1; exec \"$@\"";
        yield return options.OutputFile ?? "/dev/null";
        if (_setsid is not null)
        {
            yield return _setsid;
        }

        if (_setpriv is not null)
        {
            yield return _setpriv;
            if (options.UserId is { } user)
            {
                yield return $"--reuid={user}";
                yield return $"--regid={user}";
                yield return "--clear-groups";
            }

            yield return "--pdeathsig=KILL";
            yield return "--";
        }

        yield return options.FileName;
        foreach (var argument in options.Args)
        {
            yield return argument;
        }
    }
}
