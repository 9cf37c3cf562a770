// `make run` as a user has it: the published `shoal sandbox run` in a process of its own on a directory of its own.
using System.Diagnostics;
using Shoal.TestKit;

namespace Shoal.Integration.EndToEnd;

/// <summary>A running sandbox with the sample cluster; shared by the tests of a class.</summary>
public sealed class SandboxRun : IAsyncLifetime
{
    private readonly TempFolder folder = new("shoal-e2e-");
    private readonly List<string> output = [];
    private readonly TaskCompletionSource healthy = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? process;

    /// <summary>The kubeconfig of the sandbox.</summary>
    public string Kubeconfig => Path.Combine(folder.Path, "kubeconfig");

    /// <summary>Where the sandbox keeps everything.</summary>
    public string Directory => folder.Path;

    /// <summary>The commands it printed for the user to try.</summary>
    public IReadOnlyList<string> Hints
    {
        get { lock (output) return [.. output.Where(l => l.StartsWith("  ", StringComparison.Ordinal)).Select(l => l.Trim())]; }
    }

    /// <summary>Everything it printed.</summary>
    public string Output
    {
        get { lock (output) return string.Join('\n', output); }
    }

    /// <summary>Client address of one node, from the printed redis-cli command.</summary>
    public NodeAddress Node
    {
        get
        {
            var words = Hints.First(h => h.StartsWith("redis-cli -c", StringComparison.Ordinal)).Split(' ');
            return new NodeAddress(words[3], int.Parse(words[5]));
        }
    }

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        var root = NodeProcess.RepositoryRoot();
        var shoal = Path.Combine(root, "artifacts", "bin", "shoal");
        var start = new ProcessStartInfo(shoal) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var a in new[] { "sandbox", "run", "--dir", folder.Path, "--sample", Path.Combine(root, "config", "samples", "cluster.yaml") })
            start.ArgumentList.Add(a);
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.Exited += (_, _) => healthy.TrySetException(new InvalidOperationException("the sandbox ended: " + Output));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await healthy.Task.WaitAsync(TimeSpan.FromMinutes(4));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException("not Healthy in 4 minutes:\n" + Output + "\n" + await OperatorLogAsync());
        }
    }

    /// <summary>Ctrl-C, then how it ended.</summary>
    public async Task<int> InterruptAsync()
    {
        if (process is null) return 0;
        if (!process.HasExited) await Shell.RunAsync("kill", IgnoresInterrupt(process.Id) ? "-TERM" : "-INT", process.Id.ToString());
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    /// <summary>Runs kubectl against the sandbox and returns what it printed; throws when it fails.</summary>
    public async Task<string> KubectlAsync(params string[] arguments)
    {
        var result = await Shell.RunAsync("kubectl", ["--kubeconfig", Kubeconfig, .. arguments]);
        return result.Code == 0 ? result.Output.TrimEnd() : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)}: {result.Output}");
    }

    /// <summary>Waits until the sample cluster is Healthy with this many shards at its current generation.</summary>
    public async Task WaitHealthyAsync(int shards, TimeSpan timeout)
    {
        var limit = Stopwatch.StartNew();
        var last = "";
        while (limit.Elapsed < timeout)
        {
            last = await KubectlAsync("get", "cachecluster", "cart", "-o",
                "jsonpath={.status.phase} {.status.shards} {.metadata.generation}={.status.observedGeneration} {.status.phaseReason}");
            var words = last.Split(' ');
            if (words is ["Healthy", var s, var generations, ..] && s == shards.ToString()
                && generations.Split('=') is [var wanted, var seen] && wanted == seen) return;
            await Task.Delay(250);
        }

        throw new TimeoutException($"not Healthy with {shards} shards in {timeout}: {last}\n{await OperatorLogAsync()}");
    }

    /// <summary>Process ids of the operator, or of any program, that belong to this sandbox.</summary>
    public IReadOnlyList<int> Processes(string program = "") =>
        [.. System.IO.Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!))
            .Where(id => id != process?.Id && CommandLine(id) is { } line && line.Contains(folder.Path) && line.Contains(program))];

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await InterruptAsync();
        process?.Dispose();
        folder.Dispose();
    }

    // Started from a script's background, a process inherits "ignore SIGINT" and Ctrl-C would not reach it: SIGTERM takes the same path.
    private static bool IgnoresInterrupt(int id)
    {
        var mask = File.ReadLines($"/proc/{id}/status").First(l => l.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        return (Convert.ToUInt64(mask, 16) & (1UL << 1)) != 0;
    }

    private static string? CommandLine(int id)
    {
        try { return File.ReadAllText($"/proc/{id}/cmdline").Replace('\0', ' '); }
        catch (IOException) { return null; }
        catch (UnauthorizedAccessException) { return null; }
    }

    private async Task<string> OperatorLogAsync()
    {
        var log = Path.Combine(folder.Path, "logs", "operator.log");
        return File.Exists(log) ? string.Join('\n', (await File.ReadAllLinesAsync(log)).TakeLast(40)) : "(no operator log)";
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (output) output.Add(line);
        if (line.Contains("Ctrl-C stops everything", StringComparison.Ordinal)) healthy.TrySetResult();
    }
}
