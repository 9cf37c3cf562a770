// Starts one container, watches for its end, runs commands inside it, and stops it. The worker's loop calls it; only the
// waiting for a stop and the probes run beside that loop.

using System.Collections.Concurrent;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class ContainerStarter(PodServices services, PodWorker worker) : IAsyncDisposable
{
    private const int MessageLimit = 4096;
    private static readonly TimeSpan ConfigRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ImageRetry = TimeSpan.FromSeconds(5);
    private readonly ConcurrentBag<Task> _hooks = [];

    /// <summary>Starts a container; when it cannot be started its waiting state says why and when it is tried again.</summary>
    public async Task StartAsync(ContainerRun run, V1Pod pod, PodSetup setup, CancellationToken ct)
    {
        var now = services.Clock.GetUtcNow();
        var spec = run.Spec;
        try
        {
            var home = services.Paths.Container(pod.Metadata.Uid!, spec.Name);
            var terminationLog = Path.Combine(home, "termination-log");
            Directory.CreateDirectory(home);
            File.Delete(terminationLog);
            var mounts = PodVolumes.MountsOf(spec, setup.Directories, terminationLog);
            var environment = await new ContainerEnvironment(services.Api, setup.Fields).BuildAsync(spec, mounts, home, ct).ConfigureAwait(false);
            environment["TERMINATION_LOG"] = terminationLog;
            (run.Environment, run.Mounts) = (environment, mounts);

            var program = Program(run, pod);
            if (program is null)
            {
                var image = $"image \"{spec.Image}\" stands for no program on this machine (looked for \"{Wanted(spec)}\" in {services.Options.BinDirectory ?? "PATH"})";
                services.Events.Warning(pod, "Failed", $"Failed to pull image: {image}");
                run.CannotStart("ErrImagePull", image, now + ImageRetry);
                return;
            }

            await LaunchAsync(run, pod, program, home).ConfigureAwait(false);
            await StartHooksAsync(run, pod, setup.Fields.PodIP).ConfigureAwait(false);
        }
        catch (PodConfigException e)
        {
            services.Events.Warning(pod, "Failed", $"Error: {e.Message}");
            run.CannotStart(e.Reason, e.Message, now + ConfigRetry);
        }
        catch (IOException e)
        {
            services.Events.Warning(pod, "Failed", $"Error: {e.Message}");
            run.CannotStart("RunContainerError", e.Message, now + ImageRetry);
        }
    }

    /// <summary>Takes note of a process that has ended.</summary>
    public async Task ObserveExitAsync(ContainerRun run)
    {
        if (run.Process is not { HasExited: true } process)
        {
            return;
        }

        var code = await process.Exited.ConfigureAwait(false);
        if (run.Probes is { } probes)
        {
            run.Probes = null;
            await probes.DisposeAsync().ConfigureAwait(false);
        }

        run.Stopping = null;
        run.Exited(code, TerminationMessage(run, worker.Pod, code), services.Clock.GetUtcNow(), services.Options.CrashBackoff, services.Options.MaxCrashBackoff);
        if (run.NotBefore > services.Clock.GetUtcNow() && code != 0)
        {
            services.Events.Warning(worker.Pod, "BackOff", $"Back-off restarting failed container {run.Spec.Name}");
        }
    }

    /// <summary>Runs a command with the container's environment.</summary>
    /// <returns>Its exit code; null when it did not end in time (it is killed then).</returns>
    public async Task<int?> ExecAsync(ContainerRun run, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct)
    {
        var mounts = run.Mounts!;
        var program = Executables.ForContainer(null, command, services.Options.BinDirectory);
        if (program is null)
        {
            return 127;
        }

        var process = await services.Launcher.StartAsync(new LaunchOptions
        {
            FileName = program,
            Args = [.. command.Skip(1).Select(mounts.Replace)],
            Environment = run.Environment,
            WorkingDirectory = services.Paths.Container(worker.Uid, run.Spec.Name),
            UserId = User(),
        }).ConfigureAwait(false);
        try
        {
            return await process.Exited.WaitAsync(timeout, services.Clock, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await process.TerminateAsync(TimeSpan.Zero, services.Clock).ConfigureAwait(false);
            ct.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>Begins to stop a container; the worker sees its end later and restarts it by its policy.</summary>
    public void Stop(ContainerRun run, string why, TimeSpan grace)
    {
        if (run.Process is { HasExited: false } process && run.Stopping is null)
        {
            services.Events.Normal(worker.Pod, "Killing", why);
            run.Stopping = process.TerminateAsync(grace, services.Clock);
        }
    }

    public void StopAll(IEnumerable<ContainerRun> runs, TimeSpan grace)
    {
        foreach (var run in runs)
        {
            Stop(run, $"Stopping container {run.Spec.Name}", grace);
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_hooks).ConfigureAwait(false);

    private static string Wanted(V1Container spec) => spec.Command is { Count: > 0 } command ? command[0] : Executables.ImageName(spec.Image);

    private string? Program(ContainerRun run, V1Pod pod)
    {
        var program = Executables.ForContainer(run.Spec.Image, run.Spec.Command, services.Options.BinDirectory);
        if (program is not null && run.RestartCount == 0 && run.Ended is null)
        {
            services.Events.Normal(pod, "Pulled", $"Container image \"{run.Spec.Image}\" stands for {program}");
        }

        return program;
    }

    private async Task LaunchAsync(ContainerRun run, V1Pod pod, string program, string home)
    {
        var spec = run.Spec;
        var (environment, mounts) = (run.Environment!, run.Mounts!);
        string Resolve(string text) => mounts.Replace(ContainerEnvironment.Expand(text, environment));
        RotateLog(pod, spec.Name);
        var process = await services.Launcher.StartAsync(new LaunchOptions
        {
            FileName = program,
            Args = [.. (spec.Command ?? []).Skip(1).Concat(spec.Args ?? []).Select(Resolve)],
            Environment = environment,
            WorkingDirectory = spec.WorkingDir is { Length: > 0 } dir && Directory.Exists(mounts.Replace(dir)) ? mounts.Replace(dir) : home,
            OutputFile = services.Paths.Log(pod, spec.Name),
            PidFile = services.Paths.PidFile(pod.Metadata.Uid!, spec.Name),
            UserId = User(),
        }).ConfigureAwait(false);
        run.Started(process, services.Clock.GetUtcNow());
        services.Events.Normal(pod, "Started", $"Started container {spec.Name}");
        _hooks.Add(process.Exited.ContinueWith(_ => worker.Wake(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default));
    }

    private async Task StartHooksAsync(ContainerRun run, V1Pod pod, string podIP)
    {
        if (run.Spec.Lifecycle?.PostStart?.Exec?.Command is { Count: > 0 } command
            && await ExecAsync(run, command, TimeSpan.FromSeconds(30), CancellationToken.None).ConfigureAwait(false) is not 0)
        {
            services.Events.Warning(pod, "FailedPostStartHook", $"postStart of container {run.Spec.Name} failed");
            Stop(run, "FailedPostStartHook", TimeSpan.FromSeconds(pod.Spec!.TerminationGracePeriodSeconds ?? 30));
            return;
        }

        if (run.Spec is { StartupProbe: null, ReadinessProbe: null, LivenessProbe: null } || (run.IsInit && !run.IsSidecar))
        {
            return;
        }

        var process = run.Process;
        run.Probes = new ContainerProbes(
            new ProbeTarget(
                run,
                podIP,
                (command, timeout, ct) => ExecAsync(run, command, timeout, ct),
                worker.Wake,
                (reason, message) => services.Events.Warning(worker.Pod, reason, message),
                why =>
                {
                    if (run.Process == process)
                    {
                        Stop(run, why, TimeSpan.FromSeconds(worker.Pod.Spec!.TerminationGracePeriodSeconds ?? 30));
                    }
                }),
            services.ProbeHttp,
            services.Clock);
    }

    private int? User() => services.Launcher.CanChangeUser ? services.Options.RunAsUser : null;

    private void RotateLog(V1Pod pod, string container)
    {
        Directory.CreateDirectory(services.Paths.Logs);
        var log = services.Paths.Log(pod, container);
        if (File.Exists(log))
        {
            File.Move(log, services.Paths.PreviousLog(pod, container), overwrite: true);
        }

        File.WriteAllBytes(log, []);
        if (User() is { } user)
        {
            Ownership.Give([services.Paths.Container(pod.Metadata.Uid!, container)], user);
        }
    }

    private string? TerminationMessage(ContainerRun run, V1Pod pod, int code)
    {
        try
        {
            if (run.Environment?.GetValueOrDefault("TERMINATION_LOG") is { } file && File.Exists(file))
            {
                var text = Tail(file, fromEnd: false);
                if (text.Length > 0)
                {
                    return text;
                }
            }

            return run.Spec.TerminationMessagePolicy == "FallbackToLogsOnError" && code != 0
                ? Tail(services.Paths.Log(pod, run.Spec.Name), fromEnd: true) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Tail(string file, bool fromEnd)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = (int)Math.Min(stream.Length, fromEnd ? MessageLimit / 2 : MessageLimit);
        stream.Position = fromEnd ? stream.Length - length : 0;
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }
}
