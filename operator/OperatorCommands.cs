// The command line of shoal-operator: run, crds, backup, restore-shard. Each command turns options into one object and calls
// one method; failures are one line on stderr, and in the termination log for `kubectl describe`.
using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Extensions.Logging;
using Shoal.Operator.Api;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Nodes;
using Shoal.Protocol.Client;

namespace Shoal.Operator;

internal static class OperatorCommands
{
    public static RootCommand Root()
    {
        var root = new RootCommand("Shoal operator: builds, scales, repairs and backs up CacheClusters");
        root.Subcommands.Add(Run());
        root.Subcommands.Add(Crds());
        root.Subcommands.Add(Backup());
        root.Subcommands.Add(RestoreShard());
        return root;
    }

    private static Command Run()
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "kubeconfig file; left out: KUBECONFIG, the pod's service account, ~/.kube/config" };
        var ns = new Option<string?>("--namespace") { Description = "Watch this namespace only" };
        var identity = new Option<string?>("--identity") { Description = "Who we are in the lease; default: POD_NAME, else machine and process" };
        var noElection = new Option<bool>("--no-leader-election") { Description = "Work without a lease; only when no other operator runs" };
        var healthPort = new Option<int>("--health-port") { Description = "Port of /livez, /readyz and /metrics; 0 = none", DefaultValueFactory = _ => 8080 };
        var healthAddress = new Option<string>("--health-address") { Description = "Address of the health port", DefaultValueFactory = _ => "0.0.0.0" };
        var verbose = new Option<bool>("--verbose") { Description = "Log debug lines too" };
        var command = new Command("run", "Run the operator") { kubeconfig, ns, identity, noElection, healthPort, healthAddress, verbose };
        command.SetAction((parsed, ct) => GuardAsync(async () =>
        {
            using var logs = Logs(parsed.GetValue(verbose));
            var config = KubernetesConfig.Detect(parsed.GetValue(kubeconfig));
            using var api = new KubernetesApi(config, TimeProvider.System, logs.CreateLogger("kubernetes"));
            var node = Environment.GetEnvironmentVariable("SHOAL_NODE_IMAGE");
            var self = Environment.GetEnvironmentVariable("SHOAL_OPERATOR_IMAGE");
            var options = new OperatorOptions
            {
                Namespace = parsed.GetValue(ns) is { Length: > 0 } one ? one : null,
                Identity = parsed.GetValue(identity) ?? Environment.GetEnvironmentVariable("POD_NAME")
                    ?? string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}"),
                LeaseNamespace = Environment.GetEnvironmentVariable("POD_NAMESPACE"),
                LeaderElection = !parsed.GetValue(noElection),
                HealthPort = parsed.GetValue(healthPort),
                HealthAddress = parsed.GetValue(healthAddress)!,
                Images = new DefaultImages(node is { Length: > 0 } ? node : "shoal-node:1.0.0", self is { Length: > 0 } ? self : "shoal-operator:1.0.0"),
            };
            await new OperatorHost(api, options, logs, TimeProvider.System).RunAsync(ct).ConfigureAwait(false);
        }));
        return command;
    }

    private static Command Crds()
    {
        var output = new Option<DirectoryInfo?>("--out") { Description = "Write one file per CRD into this directory instead of printing them" };
        var command = new Command("crds", "Print or write the CustomResourceDefinitions") { output };
        command.SetAction(parsed =>
        {
            var directory = parsed.GetValue(output);
            directory?.Create();
            foreach (var (fileName, yaml) in CrdWriter.WriteAll())
            {
                if (directory is null)
                {
                    Console.Out.Write("---\n" + yaml);
                }
                else
                {
                    File.WriteAllText(Path.Combine(directory.FullName, fileName), yaml);
                }
            }
        });
        return command;
    }

    private static Command Backup()
    {
        var store = StoreOptions();
        var id = new Option<string>("--backup-id") { Description = "Folder to write below the store", Required = true };
        var cluster = new Option<string>("--cluster") { Description = "Namespace and name, for the manifest", DefaultValueFactory = _ => "" };
        var target = new Option<string>("--target") { Description = "PreferReplica or Primary", DefaultValueFactory = _ => "PreferReplica" };
        var node = new Option<string[]>("--node") { Description = "host:port of a node to begin with; the others are found", Required = true };
        var command = new Command("backup", "Take one backup of a cluster (what a CacheBackup's Job runs)") { store.Url, store.Endpoint, store.Region, id, cluster, target, node };
        command.SetAction((parsed, ct) => GuardAsync(async () =>
        {
            var password = Environment.GetEnvironmentVariable("SHOAL_PASSWORD") is { Length: > 0 } given ? given : null;
            await using var opened = BackupStore.Open(parsed.GetValue(store.Url)!, parsed.GetValue(store.Endpoint), parsed.GetValue(store.Region));
            await using var nodes = new NodeAdmin(new RespClientOptions { Password = password });
            var order = new BackupOrder(
                parsed.GetValue(cluster)!, parsed.GetValue(id)!, [.. parsed.GetValue(node)!.Select(Address)], parsed.GetValue(target) != "Primary");
            var manifest = await new BackupWorker(opened, nodes, TimeProvider.System, Console.Out.WriteLine, password).RunAsync(order, ct).ConfigureAwait(false);
            Say($"backup {order.BackupId} complete: {manifest.Shards.Count} shards, {manifest.Shards.Sum(s => s.Bytes)} bytes");
        }));
        return command;
    }

    private static Command RestoreShard()
    {
        var store = StoreOptions();
        var id = new Option<string>("--backup-id") { Description = "Folder of the backup below the store", Required = true };
        var shard = new Option<int>("--shard") { Description = "Number of the shard", Required = true };
        var pod = new Option<string>("--pod") { Description = "Name of the pod; only the first member of a shard restores", DefaultValueFactory = _ => "local-0" };
        var directory = new Option<string>("--dir") { Description = "The node's data directory", Required = true };
        var layout = new Option<string>("--layout") { Description = "aof or rdb", DefaultValueFactory = _ => "aof" };
        var command = new Command("restore-shard", "Lay out one shard of a backup before a node's first start")
        {
            store.Url, store.Endpoint, store.Region, id, shard, pod, directory, layout,
        };
        command.SetAction((parsed, ct) => GuardAsync(async () =>
        {
            await using var opened = BackupStore.Open(parsed.GetValue(store.Url)!, parsed.GetValue(store.Endpoint), parsed.GetValue(store.Region));
            await new RestoreWorker(opened, Say).RunAsync(parsed.GetValue(id)!, parsed.GetValue(shard), parsed.GetValue(pod)!,
                parsed.GetValue(directory)!, parsed.GetValue(layout) != "rdb", ct).ConfigureAwait(false);
        }));
        return command;
    }

    private static (Option<string> Url, Option<string?> Endpoint, Option<string?> Region) StoreOptions() => (
        new Option<string>("--store") { Description = "file:///directory or s3://bucket/prefix (credentials from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)", Required = true },
        new Option<string?>("--endpoint") { Description = "URL of an S3 service that is not AWS" },
        new Option<string?>("--region") { Description = "S3 region" });

    private static NodeAddress Address(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? new NodeAddress(text[..colon], port)
            : throw new FormatException($"'{text}' is not host:port");
    }

    private static SerilogLoggerFactory Logs(bool verbose)
    {
        var configuration = new LoggerConfiguration()
            .WriteTo.Console(outputTemplate: "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffZ} {Level:u3} {SourceContext}: {Message:lj}{NewLine}{Exception}", formatProvider: CultureInfo.InvariantCulture);
        configuration = verbose ? configuration.MinimumLevel.Debug() : configuration.MinimumLevel.Information();
        return new SerilogLoggerFactory(configuration.CreateLogger(), dispose: true);
    }

    private static async Task<int> GuardAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return 0;
        }
        catch (Exception e) when (e is IOException or RespException or TimeoutException or FormatException or HttpRequestException or KubernetesException
            or KubernetesConfigException or UnauthorizedAccessException or System.Text.Json.JsonException or Amazon.Runtime.AmazonClientException)
        {
            await Console.Error.WriteLineAsync("shoal-operator: " + e.Message).ConfigureAwait(false);
            Say(e.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
    }

    // The last word, where Kubernetes looks for it.
    private static void Say(string text)
    {
        Console.Out.WriteLine(text);
        var path = Environment.GetEnvironmentVariable("TERMINATION_LOG") ?? "/dev/termination-log";
        try
        {
            if (File.Exists(path))
            {
                File.WriteAllText(path, text);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // not in a pod
        }
    }
}
