// The operator of a sandbox, as a process of its own: killing it is a thing people try, and a Deployment would restart it.
using System.Diagnostics;
using Shoal.Sandbox.Pods;

namespace Shoal.Cli.Sandbox;

/// <summary>Runs <c>shoal-operator run</c> and starts it again, with a growing pause, whenever it ends.</summary>
internal sealed class OperatorProcess : IAsyncDisposable
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CalmAfter = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource stop = new();
    private readonly Task supervising;

    private OperatorProcess(ProcessLauncher launcher, LaunchOptions options) => supervising = SuperviseAsync(launcher, options);

    /// <summary>Starts the operator against <paramref name="kubeconfig"/>; its output is appended to <paramref name="logFile"/>.</summary>
    /// <exception cref="FileNotFoundException">There is no such binary.</exception>
    public static OperatorProcess Start(ProcessLauncher launcher, string binary, string kubeconfig, string logFile)
    {
        if (!File.Exists(binary)) throw new FileNotFoundException($"{binary} is not there: run `make build` first", binary);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(logFile)!);
        return new OperatorProcess(launcher, new LaunchOptions
        {
            FileName = binary, Args = ["run", "--kubeconfig", kubeconfig, "--health-port", "0", "--no-leader-election"], OutputFile = logFile,
        });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await supervising;
        stop.Dispose();
    }

    private async Task SuperviseAsync(ProcessLauncher launcher, LaunchOptions options)
    {
        var pause = ShortestPause;
        while (!stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            var process = await launcher.StartAsync(options);
            await Task.WhenAny(process.Exited, Task.Delay(Timeout.Infinite, stop.Token));
            if (!process.HasExited) await process.TerminateAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
            pause = Stopwatch.GetElapsedTime(started) > CalmAfter ? ShortestPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
            await Task.Delay(pause, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
