// `shoal sandbox ...`: the embedded control plane, alone (`up`) or with an operator and a sample cluster (`run`).
using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;

namespace Shoal.Cli.Sandbox;

internal static class SandboxCommands
{
    private static readonly Option<DirectoryInfo> Directory = new("--dir")
    {
        Description = "Where the sandbox keeps its state, volumes and logs; a later start continues from them",
        DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(Environment.CurrentDirectory, ".sandbox")),
    };

    private static readonly Option<int> Port = new("--port")
    {
        Description = "Port of the API server on 127.0.0.1; 0 picks a free one",
        DefaultValueFactory = _ => 0,
    };

    private static readonly Option<FileInfo?> Sample = new("--sample")
    {
        Description = "Manifest to apply once the operator runs; its first CacheCluster is waited for",
    };

    private static readonly Option<bool> Exit = new("--exit")
    {
        Description = "Stop everything and return as soon as the sample is Healthy",
    };

    public static Command Build() => new("sandbox", "A Kubernetes-compatible API on this machine whose pods are local processes. For development only.")
    {
        Up(), Run(),
    };

    private static Command Up()
    {
        var up = new Command("up", "Start the sandbox and print its kubeconfig; Ctrl-C stops it and every pod") { Directory, Port };
        up.SetAction((parsed, ct) => GuardAsync(async () =>
        {
            await using var session = await SandboxSession.StartAsync(parsed.GetValue(Directory)!.FullName, parsed.GetValue(Port), ct);
            Console.WriteLine($"sandbox ready, for development only: kubectl --kubeconfig {session.Kubeconfig} get nodes");
            Console.WriteLine(session.Kubeconfig);
            await UntilCancelledAsync(ct);
        }));
        return up;
    }

    private static Command Run()
    {
        var run = new Command("run", "Start the sandbox and the operator, apply a sample and show its progress; Ctrl-C stops everything")
        {
            Directory, Port, Sample, Exit,
        };
        run.SetAction((parsed, ct) => GuardAsync(async () =>
        {
            var console = AnsiConsole.Console;
            if (Console.IsOutputRedirected) console.Profile.Width = 4096; // a log breaks no lines
            var clock = Stopwatch.StartNew();
            await using var session = await SandboxSession.StartAsync(parsed.GetValue(Directory)!.FullName, parsed.GetValue(Port), ct);
            console.WriteLine($"sandbox (development only) on {session.Directory}");
            var log = Path.Combine(session.Directory, "logs", "operator.log");
            await using var op = OperatorProcess.Start(session.Launcher, Path.Combine(SandboxSession.BinDirectory, "shoal-operator"), session.Kubeconfig, log);
            console.WriteLine($"operator log: {log}");
            if (parsed.GetValue(Sample) is { } sample) await ShowSampleAsync(session, sample.FullName, console, clock, parsed.GetValue(Exit), ct);
            else await UntilCancelledAsync(ct);
            console.WriteLine("stopping");
        }));
        return run;
    }

    private static async Task ShowSampleAsync(
        SandboxSession session, string file, IAnsiConsole console, Stopwatch clock, bool exit, CancellationToken ct)
    {
        var applied = await session.ApplyFileAsync(file, ct);
        var cluster = applied.FirstOrDefault(o => o.Kind == "CacheCluster")
            ?? throw new InvalidDataException($"{file}: there is no CacheCluster in it");
        var progress = new ClusterProgress(session.Api, cluster.Metadata.Namespace ?? "default", cluster.Metadata.Name!, console);
        var healthy = await progress.WaitHealthyAsync(TimeSpan.FromMinutes(3), ct);
        console.WriteLine($"{cluster.Metadata.Name} is Healthy after {clock.Elapsed.TotalSeconds:0.0} s. Try:");
        foreach (var line in Hints.For(healthy, session.Kubeconfig)) Console.WriteLine("  " + line);
        if (exit) return;
        console.WriteLine("Ctrl-C stops everything; what the cluster does shows here.");
        try { await progress.FollowChangesAsync(ct); }
        catch (OperationCanceledException) { /* Ctrl-C: fall through to the orderly stop */ }
    }

    private static Task UntilCancelledAsync(CancellationToken ct) =>
        Task.Delay(Timeout.Infinite, ct).ContinueWith(_ => { }, TaskScheduler.Default);

    // Expected failures are one clear line and exit code 1; Ctrl-C is an orderly end.
    private static async Task<int> GuardAsync(Func<Task> action)
    {
        try
        {
            await action();
            return 0;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TimeoutException or Operator.Kubernetes.KubernetesException)
        {
            await Console.Error.WriteLineAsync("shoal: " + e.Message);
            return 1;
        }
    }
}
