// A real node (or a real Redis) as a process of its own, for tests of what only a process shows: kill -9, SIGTERM,
// restart on the same data, start-up errors.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Shoal.Protocol.Client;

namespace Shoal.TestKit;

/// <summary>A server process on loopback with its own data directory. Killed and cleaned up on dispose.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    private readonly List<string> _log = [];
    private readonly TempFolder? _ownFolder;
    private readonly string _file;
    private readonly string[] _arguments;
    private Process? _process;

    private NodeProcess(string file, string[] arguments, int port, string folder, TempFolder? ownFolder)
    {
        _file = file;
        _arguments = arguments;
        Port = port;
        Folder = folder;
        _ownFolder = ownFolder;
    }

    /// <summary>Client port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The data directory.</summary>
    public string Folder { get; }

    /// <summary>"127.0.0.1:port".</summary>
    public string Address => $"127.0.0.1:{Port}";

    public int ProcessId => _process!.Id;

    public bool HasExited => _process is null || _process.HasExited;

    public int ExitCode => _process!.ExitCode;

    /// <summary>Everything it has printed.</summary>
    public string Log
    {
        get
        {
            lock (_log) return string.Join('\n', _log);
        }
    }

    /// <summary>Starts our node and waits until it answers PING. <paramref name="settings"/> are command-line directives:
    /// <c>"--appendonly", "yes"</c>; one that is a file that exists is the config file. <paramref name="folder"/> keeps data over restarts.</summary>
    public static Task<NodeProcess> StartAsync(params string[] settings) => StartInAsync(null, settings);

    /// <inheritdoc cref="StartAsync(string[])"/>
    public static async Task<NodeProcess> StartInAsync(string? folder, params string[] settings)
    {
        var node = Prepare(folder, settings);
        await node.StartAgainAsync().ConfigureAwait(false);
        return node;
    }

    /// <summary>Our node, not started: for start-up errors and for ports that must be known before.</summary>
    public static NodeProcess Prepare(string? folder, params string[] settings) => Prepare(folder, FreePort.Take(), settings);

    /// <inheritdoc cref="Prepare(string?, string[])"/>
    public static NodeProcess Prepare(string? folder, int port, params string[] settings)
    {
        var own = folder is null ? new TempFolder("shoal-node-") : null;
        folder ??= own!.Path;
        var (file, first) = Binary();
        string[] files = [.. settings.Where(File.Exists)]; // a config file comes before all directives
        string[] arguments = [.. first, .. files, "--port", $"{port}", "--bind", "127.0.0.1", "--dir", folder, .. settings.Where(x => !files.Contains(x))];
        return new NodeProcess(file, arguments, port, folder, own);
    }

    /// <summary>A real server of the Redis family (redis-server, valkey-server...) that must be on PATH.</summary>
    public static async Task<NodeProcess> StartReferenceAsync(string tool, params string[] settings)
    {
        var own = new TempFolder("shoal-reference-");
        int port = FreePort.Take();
        string path = Tools.Find(tool) ?? throw new InvalidOperationException($"{tool} is not on PATH");
        var node = new NodeProcess(path, ["--port", $"{port}", "--bind", "127.0.0.1", "--dir", own.Path, "--save", "", .. settings], port, own.Path, own);
        await node.StartAgainAsync().ConfigureAwait(false);
        return node;
    }

    /// <summary>Starts (again) on the same port and data and waits for PONG (or LOADING, with <paramref name="whileLoading"/>).</summary>
    public async Task StartAgainAsync(bool whileLoading = false)
    {
        Launch();
        var limit = Stopwatch.StartNew();
        while (limit.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (_process!.HasExited) throw new InvalidOperationException($"the node ended with {_process.ExitCode} at start:\n{Log}");
            if (await AnswersAsync(whileLoading).ConfigureAwait(false)) return;
            await Task.Delay(20).ConfigureAwait(false);
        }
        throw new TimeoutException($"no PONG from {Address} within 60 s:\n{Log}");
    }

    /// <summary>Starts without waiting.</summary>
    public void Launch()
    {
        var start = new ProcessStartInfo(_file)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = Folder,
        };
        foreach (string argument in _arguments) start.ArgumentList.Add(argument);
        start.Environment["DOTNET_TieredCompilation"] = "1";
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>A client connection to it.</summary>
    public Task<RespClient> ConnectAsync(RespClientOptions? options = null) => RespClient.ConnectAsync("127.0.0.1", Port, options);

    /// <summary>kill -9 and wait until it is gone.</summary>
    public async Task KillAsync()
    {
        if (_process is null || _process.HasExited) return;
        _process.Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
    }

    /// <summary>SIGTERM and wait for the end; returns the exit code.</summary>
    public async Task<int> TerminateAsync(TimeSpan? within = null)
    {
        if (_process is null) return 0;
        if (!_process.HasExited) _ = Signal(_process.Id, 15);
        return await WaitForExitAsync(within).ConfigureAwait(false);
    }

    /// <summary>Waits for the end; returns the exit code.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan? within = null)
    {
        using var limit = new CancellationTokenSource(within ?? TimeSpan.FromSeconds(60));
        await _process!.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        return _process.ExitCode;
    }

    /// <summary>SIGSTOP (19) and SIGCONT (18), for a node that hangs.</summary>
    public void Send(int signal) => _ = Signal(_process!.Id, signal);

    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        _process?.Dispose();
        _ownFolder?.Dispose();
    }

    private async Task<bool> AnswersAsync(bool whileLoading)
    {
        try
        {
            using var client = await ConnectAsync().ConfigureAwait(false);
            var reply = await client.CallAsync("PING").ConfigureAwait(false);
            return !reply.IsError || reply.Text.StartsWith("NOAUTH", StringComparison.Ordinal)
                || (whileLoading && reply.Text.StartsWith("LOADING", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or RespException or TimeoutException)
        {
            return false;
        }
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_log) _log.Add(line);
    }

    /// <summary>SHOAL_NODE, else the newer of artifacts/bin/shoal-node and the built shoal-node.dll of this checkout.</summary>
    private static (string File, string[] First) Binary()
    {
        if (Environment.GetEnvironmentVariable("SHOAL_NODE") is { Length: > 0 } given) return (given, []);
        string root = RepositoryRoot();
        string artifact = Path.Combine(root, "artifacts", "bin", "shoal-node");
        string? built = NewestBuild(Path.Combine(root, "node", "Server", "bin"));
        string published = Path.Combine(root, "artifacts", "node", "shoal-node.dll");
        if (File.Exists(published) && (built is null || File.GetLastWriteTimeUtc(published) >= File.GetLastWriteTimeUtc(built)))
            return (artifact, []);
        if (built is null) throw new InvalidOperationException("no shoal-node: build node/Server or run make build");
        return ("dotnet", [built]);
    }

    private static string? NewestBuild(string bin) =>
        !Directory.Exists(bin)
            ? null
            : Directory.EnumerateFiles(bin, "shoal-node.dll", SearchOption.AllDirectories)
                .Where(f => File.Exists(Path.ChangeExtension(f, ".runtimeconfig.json")))
                .MaxBy(File.GetLastWriteTimeUtc);

    /// <summary>The checkout this test was built from.</summary>
    public static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Shoal.slnx"))) return folder.FullName;
        throw new InvalidOperationException("not inside the repository");
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);
}
