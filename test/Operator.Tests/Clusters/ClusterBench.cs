// What the end-to-end tests stand on: a control plane with our CRDs, the operator in this process (so that it can be stopped
// and started at will), real shoal-node processes, and short ways to change, wait and ask.
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Tests.Fixtures;
using Shoal.Operator.Topology;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Clusters;

/// <summary>One control plane and one operator for all end-to-end tests; they run one after the other.</summary>
public sealed class ClusterBench : IAsyncLifetime
{
    public const string Namespace = "default";
    private static readonly ResourceType Definitions = new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false);
    private readonly StringWriter log = new();
    private ILoggerFactory logs = NullLoggerFactory.Instance;
    private CancellationTokenSource? stop;
    private Task operating = Task.CompletedTask;

    public ControlPlane Plane { get; private set; } = null!;

    public KubernetesApi Api => Plane.Api;

    /// <summary>Where backups of these tests go.</summary>
    public string BackupDirectory => Path.Combine(Plane.Directory, "backups");

    public string OperatorLog
    {
        get { lock (log) return log.ToString(); }
    }

    public async Task InitializeAsync()
    {
        logs = new LineLoggerFactory(line => { lock (log) log.WriteLine(line); });
        Plane = await ControlPlane.StartAsync(new ControlPlaneOptions { BinDirectory = Binaries() });
        foreach (var definition in CrdWriter.Definitions())
        {
            // Created, not applied: servers before 1.25 drop the CEL rules of a create but refuse those of an apply.
            try
            {
                await AgainAsync(() => Api.CreateAsync(Definitions, KubernetesJson.Read<UntypedObject>(KubernetesJson.Write(definition))));
            }
            catch (KubernetesException e) when (e.IsAlreadyExists)
            {
            }
        }

        await EventuallyAsync("the CRDs are served", async () =>
        {
            try
            {
                await Api.ListAsync<CacheCluster>(Namespace);
                await Api.ListAsync<CacheBackup>(Namespace);
                await Api.ListAsync<CacheBackupSchedule>(Namespace);
                return true;
            }
            catch (KubernetesException)
            {
                return false;
            }
        });
        StartOperator();
    }

    public async Task DisposeAsync()
    {
        await StopOperatorAsync();
        if (Environment.GetEnvironmentVariable("SHOAL_TEST_LOG") is { Length: > 0 } path)
        {
            await File.WriteAllTextAsync(path, OperatorLog);
        }

        await Plane.DisposeAsync();
    }

    public void StartOperator()
    {
        stop = new CancellationTokenSource();
        var token = stop.Token;
        var options = new OperatorOptions { Identity = "tests", LeaderElection = false, HealthPort = 0, Namespace = Namespace };
        operating = Task.Run(() => new OperatorHost(Api, options, logs, TimeProvider.System).RunAsync(token));
    }

    /// <summary>Stops the operator wherever it is; calls in flight are cancelled.</summary>
    public async Task StopOperatorAsync()
    {
        if (stop is not null)
        {
            await stop.CancelAsync();
            await operating;
            stop = null;
        }
    }

    public async Task<CacheCluster> CreateAsync(string name, Action<CacheClusterSpec>? change = null)
    {
        var cluster = new CacheCluster
        {
            Metadata = new() { Name = name, Namespace = Namespace },
            Spec = new() { Shards = 3, ReplicasPerShard = 1, Memory = new() { MaxMemory = "64Mi" }, Storage = new() { Size = "1Gi", ReclaimPolicy = "Delete" } },
        };
        change?.Invoke(cluster.Spec);
        return await AgainAsync(() => Api.CreateAsync(cluster));
    }

    /// <summary>Creates a cluster and waits until it is healthy.</summary>
    public async Task<CacheCluster> HealthyAsync(string name, Action<CacheClusterSpec>? change = null)
    {
        await CreateAsync(name, change);
        return await UntilHealthyAsync(name);
    }

    public async Task DeleteAsync(string name)
    {
        await AgainAsync(() => Api.DeleteAsync<CacheCluster>(Namespace, name));
        await EventuallyAsync($"the pods of {name} are gone", async () => (await PodsAsync(name)).Count == 0);
    }

    public async Task<CacheCluster> UntilHealthyAsync(string name, int seconds = 240)
    {
        CacheCluster? last = null;
        await EventuallyAsync($"{name} is healthy", async () =>
        {
            last = await Api.GetAsync<CacheCluster>(Namespace, name);
            return last?.Status?.Phase == Phases.Healthy && last.Status.ObservedGeneration == last.Metadata.Generation;
        }, seconds, () => $"{last?.Status?.Phase}: {last?.Status?.PhaseReason}\n{Tail(OperatorLog, 40)}");
        return last!;
    }

    public async Task<CacheCluster> UntilAsync(string name, string what, Func<CacheCluster, bool> holds, int seconds = 240)
    {
        CacheCluster? last = null;
        await EventuallyAsync(what, async () => (last = await Api.GetAsync<CacheCluster>(Namespace, name)) is not null && holds(last), seconds,
            () => $"{last?.Status?.Phase}: {last?.Status?.PhaseReason}\n{Tail(OperatorLog, 40)}");
        return last!;
    }

    public Task PatchAsync(string name, object spec) =>
        AgainAsync(() => Api.PatchAsync<CacheCluster>(Namespace, name, Patch.Merge(new Dictionary<string, object> { ["spec"] = spec })));

    /// <summary>As <c>kubectl scale</c> does it.</summary>
    public Task ScaleAsync(string name, int shards) =>
        AgainAsync(() => Api.PatchAsync<CacheCluster>(Namespace, name, Patch.Merge(new { spec = new { replicas = shards } }), "scale"));

    public async Task<List<V1Pod>> PodsAsync(string name) => (await AgainAsync(() => Api.ListAsync<V1Pod>(Namespace, Names.Selector(name)))).Items;

    public async Task<string> SeedAsync(string name) =>
        (await PodsAsync(name)).First(p => p.Status?.PodIP is not null && p.Metadata.DeletionTimestamp is null).Status!.PodIP!;

    public async Task<TopologyView> ViewAsync(string name)
    {
        await using var nodes = new NodeAdmin();
        var reports = new List<NodesAnswer>();
        foreach (var pod in await PodsAsync(name))
        {
            reports.Add((await nodes.ReportAsync(new NodeAddress(pod.Status!.PodIP!, Names.ClientPort), [], default)).Answer);
        }

        return TopologyView.Merge(reports);
    }

    /// <summary>How many slots have another owner in the second view.</summary>
    public static int Moved(TopologyView before, TopologyView after) =>
        Enumerable.Range(0, HashSlot.Count).Count(s => before.OwnerOf(s) != after.OwnerOf(s));

    /// <summary>kill -9 of the process of a node.</summary>
    public static async Task KillAsync(string ip, string? password = null)
    {
        await using var client = await RespClient.ConnectAsync(ip, Names.ClientPort, new RespClientOptions { Password = password });
        var line = (await client.ExecuteAsync("INFO", "server")).Text.Split('\n').First(l => l.StartsWith("process_id:", StringComparison.Ordinal));
        using var process = Process.GetProcessById(int.Parse(line.Trim().Split(':')[1], CultureInfo.InvariantCulture));
        process.Kill();
    }

    public static async Task EventuallyAsync(string what, Func<Task<bool>> holds, int seconds = 120, Func<string>? otherwise = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await HoldsAsync())
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(seconds))
            {
                throw new Xunit.Sdk.XunitException($"not within {seconds} s: {what}\n{otherwise?.Invoke()}");
            }

            await Task.Delay(100);
        }

        async Task<bool> HoldsAsync()
        {
            try
            {
                return await holds();
            }
            catch (Exception e) when (IsPassing(e))
            {
                return false;
            }
        }
    }

    /// <summary>Calls the API server again while it is away: the real one of the tests is restarted when it falls over.</summary>
    public static async Task<T> AgainAsync<T>(Func<Task<T>> call)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (IsPassing(e) && clock.Elapsed < TimeSpan.FromSeconds(60))
            {
                await Task.Delay(300);
            }
        }
    }

    private static bool IsPassing(Exception e) =>
        e is HttpRequestException or IOException or TimeoutException or RespException or KubernetesException { Status: >= 500 or 429 or 401 or 403 } or TaskCanceledException;

    private static string Tail(string text, int lines) => string.Join('\n', text.Split('\n').TakeLast(lines));

    // SHOAL_BIN, artifacts/bin, or links to what this build made.
    private static string Binaries()
    {
        if (Environment.GetEnvironmentVariable("SHOAL_BIN") is { Length: > 0 } given && File.Exists(Path.Combine(given, "shoal-node")))
        {
            return given;
        }

        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Shoal.slnx")))
        {
            root = root.Parent ?? throw new DirectoryNotFoundException("no Shoal.slnx above the tests");
        }

        var links = Directory.CreateTempSubdirectory("shoal-bin-").FullName;
        foreach (var (name, project) in new[] { ("shoal-node", "node/Server"), ("shoal-operator", "operator") })
        {
            var built = new[] { "Release", "Debug" }.Select(c => Path.Combine(root.FullName, project, "bin", c, "net10.0", name))
                .Append(Path.Combine(root.FullName, "artifacts", "bin", name)).Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc)
                ?? throw new FileNotFoundException($"{name} is not built: run `make build`");
            File.CreateSymbolicLink(Path.Combine(links, name), built);
        }

        return links;
    }

    private sealed class LineLoggerFactory(Action<string> write) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new LineLogger(categoryName, write);

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class LineLogger(string category, Action<string> write) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format)
        {
            if (IsEnabled(level))
            {
                write($"{DateTime.UtcNow:HH:mm:ss.fff} {category}: {format(state, exception)} {exception}");
            }
        }
    }
}

[CollectionDefinition("cluster bench", DisableParallelization = true)]
public sealed class ClusterBenchCollection : ICollectionFixture<ClusterBench>;
