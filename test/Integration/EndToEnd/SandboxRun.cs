// `make run` as a user has it: the published `shoal sandbox run` in a process of its own on a directory of its own.
using System.Diagnostics;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;
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
            await healthy.Task.WaitAsync(TimeSpan.FromMinutes(6));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException("not Healthy in 6 minutes:\n" + Output + "\n" + await OperatorLogAsync());
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
    public Task WaitHealthyAsync(int shards, TimeSpan timeout) => WaitAsync($"Healthy with {shards} shards", async () =>
        await StatusAsync() is { Phase: "Healthy", IsCurrent: true } status && status.SlotCounts.Count == shards, timeout);

    /// <summary>The status of the sample cluster now.</summary>
    public async Task<ClusterStatus> StatusAsync() =>
        ClusterStatus.Read(await KubectlAsync("get", "cachecluster", "cart", "-o", "json"));

    /// <summary>Polls until the condition holds; the error tells the status and the end of the operator's log.</summary>
    public async Task WaitAsync(string what, Func<Task<bool>> holds, TimeSpan timeout)
    {
        var limit = Stopwatch.StartNew();
        while (!await holds())
        {
            if (limit.Elapsed > timeout)
                throw new TimeoutException($"not in {timeout}: {what}\n{await StatusAsync()}\n{await OperatorLogAsync()}");
            await Task.Delay(400);
        }
    }

    /// <summary>What status says of the operation under way, once for every change, until cancelled.</summary>
    public async Task<IReadOnlyList<(string Phase, int Done, int Total)>> WatchProgressAsync(CancellationToken ct)
    {
        var seen = new List<(string, int, int)>();
        while (!ct.IsCancellationRequested)
        {
            var now = await StatusAsync();
            if (seen.Count == 0 || seen[^1] != (now.Phase, now.Done, now.Total)) seen.Add((now.Phase, now.Done, now.Total));
            await Task.Delay(400, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return seen;
    }

    /// <summary>Slots of each finished move by its task id, as the nodes that received them remember them.</summary>
    public async Task<IReadOnlyDictionary<string, int>> FinishedMovesAsync()
    {
        var moves = new Dictionary<string, int>();
        foreach (var node in (await StatusAsync()).Nodes)
        {
            await using var client = await RespClient.ConnectAsync(node.Address.Host, node.Address.Port);
            foreach (var task in (await client.ExecuteAsync("CLUSTER", "GETSLOTMIGRATIONS")).Items)
            {
                if (task.Field("operation")!.Text == "IMPORT" && task.Field("state")!.Text == "success")
                    moves[task.Field("task")!.Text] = task.Field("slot_ranges")!.Text.Split(' ').Select(SlotRange.Parse).Sum(r => r.Count);
            }
        }

        return moves;
    }

    /// <summary>kill -9 of the operator some time after it is found running.</summary>
    public async Task KillOperatorAsync(TimeSpan after, TimeSpan timeout)
    {
        await WaitAsync("the operator runs", () => Task.FromResult(Operators().Count > 0), timeout);
        await Task.Delay(after);
        foreach (var id in Operators()) await Shell.RunAsync("kill", "-9", id.ToString());

        IReadOnlyList<int> Operators() => Processes("shoal-operator run");
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
