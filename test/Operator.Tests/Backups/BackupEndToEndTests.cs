// Backups and restores with real nodes and real files: under load, to another shard count, damaged, by schedule, into S3.
using System.Diagnostics;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Clusters;
using Shoal.Protocol.Client;
using Shoal.TestKit;
using Seed = Shoal.TestKit.NodeAddress;

namespace Shoal.Operator.Tests.Backups;

[Collection("cluster bench")]
[Trait("Suite", "Kube")]
public sealed class BackupEndToEndTests(ClusterBench bench)
{
    [Fact]
    public async Task A_backup_under_load_restores_every_key_acknowledged_before_it_began_also_to_more_shards()
    {
        await bench.HealthyAsync("source");
        await using var writer = ClusterWriter.Start(new Seed(await bench.SeedAsync("source"), 6379), writers: 4);
        await writer.WaitForAsync(1000, TimeSpan.FromSeconds(60));
        var before = writer.Snapshot();
        var backup = await BackUpAsync("source", "b-load", new() { Provider = "Directory", Path = bench.BackupDirectory });
        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        Assert.Equal(3, backup.Status!.Shards!.Count);
        Assert.All(backup.Status.Shards, s => Assert.True(s.Bytes > 0 && s.Sha256!.Length == 64));
        await bench.DeleteAsync("source");

        // ClusterWriter wrote sequence numbers: what is restored may be newer than the snapshot, never older or absent.
        await bench.HealthyAsync("again", s =>
        {
            (s.Shards, s.ReplicasPerShard) = (4, 0);
            s.Bootstrap = new() { Restore = new() { BackupRef = new() { Name = "b-load" } } };
        });
        await using var client = new ClusterClient([new Seed(await bench.SeedAsync("again"), 6379)]);
        Assert.Empty(await ClusterWriter.FindLostAsync(client, before));
        await bench.DeleteAsync("again");
    }

    [Fact]
    public async Task A_damaged_backup_leaves_a_cluster_that_never_serves_and_says_why()
    {
        await bench.HealthyAsync("origin", s => (s.Shards, s.ReplicasPerShard) = (1, 0));
        var backup = await BackUpAsync("origin", "b-torn", new() { Provider = "Directory", Path = bench.BackupDirectory });
        var file = Path.Combine(bench.BackupDirectory, backup.Status!.BackupID!, "shard-0.rdb");
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[^3] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await bench.CreateAsync("torn", s =>
        {
            (s.Shards, s.ReplicasPerShard) = (1, 0);
            s.Bootstrap = new() { Restore = new() { BackupRef = new() { Name = "b-torn" } } };
        });
        var torn = await bench.UntilAsync("torn", "the damage is reported", c => c.Status?.PhaseReason?.Contains("restore", StringComparison.Ordinal) == true
            && c.Status.Conditions!.Exists(x => x is { Type: Conditions.Bootstrapped, Status: "False" }));
        Assert.NotEqual(0, torn.Status!.Shards);
        Assert.Equal(0, torn.Status.SlotsAssigned ?? 0);
        await bench.DeleteAsync("torn");

        await bench.CreateAsync("absent", s =>
        {
            (s.Shards, s.ReplicasPerShard) = (1, 0);
            s.Bootstrap = new() { Restore = new() { ObjectStore = new() { Provider = "Directory", Path = bench.BackupDirectory }, BackupID = "no/such" } };
        });
        var absent = await bench.UntilAsync("absent", "the restore is refused", c => c.Status?.Phase == Phases.Failed);
        Assert.Contains("manifest is missing", absent.Status!.PhaseReason, StringComparison.Ordinal);
        Assert.Empty(await bench.PodsAsync("absent"));
        await ClusterBench.AgainAsync(() => bench.Api.DeleteAsync<CacheCluster>(ClusterBench.Namespace, "absent"));
        await bench.DeleteAsync("origin");
    }

    [Fact]
    public async Task A_schedule_makes_backups_keeps_the_last_ones_and_deletes_files_of_the_others()
    {
        await bench.HealthyAsync("nightly", s => (s.Shards, s.ReplicasPerShard) = (1, 0));
        var folder = Path.Combine(bench.BackupDirectory, "nightly");
        await ClusterBench.AgainAsync(() => bench.Api.CreateAsync(new CacheBackupSchedule
        {
            Metadata = new() { Name = "often", Namespace = ClusterBench.Namespace },
            Spec = new()
            {
                Schedule = "*/3 * * * * *", Immediate = true, Retention = new() { KeepLast = 2 },
                Template = new() { ClusterRef = new() { Name = "nightly" }, ObjectStore = new() { Provider = "Directory", Path = folder }, DeletionPolicy = "Delete" },
            },
        }));
        var names = new HashSet<string>();
        await ClusterBench.EventuallyAsync("four backups were made", async () =>
        {
            foreach (var b in (await MineAsync()).Where(b => b.Status?.Phase == "Completed"))
            {
                names.Add(b.Metadata.Name!);
            }

            return names.Count >= 4;
        }, 240, () => bench.OperatorLog);
        await ClusterBench.AgainAsync(() => bench.Api.PatchAsync<CacheBackupSchedule>(ClusterBench.Namespace, "often", Patch.Merge(new { spec = new { suspend = true } })));
        await ClusterBench.EventuallyAsync("two are left, and their files alone", async () =>
            (await MineAsync()).Count(b => b.Status?.Phase == "Completed") == 2 && (await MineAsync()).Count == 2
            && Directory.GetFiles(folder, "manifest.json", SearchOption.AllDirectories).Length == 2);
        var count = (await MineAsync()).Count;
        await Task.Delay(TimeSpan.FromSeconds(7));
        Assert.Equal(count, (await MineAsync()).Count);
        await ClusterBench.AgainAsync(() => bench.Api.DeleteAsync<CacheBackupSchedule>(ClusterBench.Namespace, "often"));
        await bench.DeleteAsync("nightly");

        async Task<List<CacheBackup>> MineAsync() =>
            (await ClusterBench.AgainAsync(() => bench.Api.ListAsync<CacheBackup>(ClusterBench.Namespace, "cache.shoal.dev/schedule=often"))).Items;
    }

    [FactNeeds("s3rver")]
    public async Task A_backup_in_S3_restores()
    {
        var port = FreePort.Take();
        using var folder = new TempFolder("shoal-s3-");
        using var server = Process.Start(new ProcessStartInfo("s3rver",
            ["-d", folder.Path, "-a", "127.0.0.1", "-p", $"{port}", "--configure-bucket", "backups"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            await ClusterBench.AgainAsync(() => bench.Api.CreateAsync(new V1Secret
            {
                Metadata = new() { Name = "s3", Namespace = ClusterBench.Namespace },
                StringData = new() { ["AWS_ACCESS_KEY_ID"] = "S3RVER", ["AWS_SECRET_ACCESS_KEY"] = "S3RVER" },
            }));
            await bench.HealthyAsync("bucket", s => s.Shards = 1);
            await using (var client = new ClusterClient([new Seed(await bench.SeedAsync("bucket"), 6379)]))
            {
                (await client.CallAsync("k", "SET", "k", "v")).ThrowIfError();
            }

            await BackUpAsync("bucket", "b-s3", new()
            {
                Provider = "S3", Bucket = "backups", Prefix = "team/a", Endpoint = $"http://127.0.0.1:{port}", CredentialsSecretRef = new() { Name = "s3" },
            });
            await bench.DeleteAsync("bucket");
            await bench.HealthyAsync("unbucket", s =>
            {
                (s.Shards, s.ReplicasPerShard) = (1, 0);
                s.Bootstrap = new() { Restore = new() { BackupRef = new() { Name = "b-s3" } } };
            });
            await using var restored = new ClusterClient([new Seed(await bench.SeedAsync("unbucket"), 6379)]);
            Assert.Equal("v", (await restored.CallAsync("k", "GET", "k")).Text);
            await bench.DeleteAsync("unbucket");
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }
    }

    private async Task<CacheBackup> BackUpAsync(string cluster, string name, ObjectStoreSpec store)
    {
        await ClusterBench.AgainAsync(() => bench.Api.CreateAsync(new CacheBackup
        {
            Metadata = new() { Name = name, Namespace = ClusterBench.Namespace },
            Spec = new() { ClusterRef = new() { Name = cluster }, ObjectStore = store },
        }));
        CacheBackup? last = null;
        await ClusterBench.EventuallyAsync($"backup {name} ends", async () =>
            (last = await bench.Api.GetAsync<CacheBackup>(ClusterBench.Namespace, name))?.Status?.Phase is "Completed" or "Failed", 240, () => bench.OperatorLog);
        Assert.True(last!.Status!.Phase == "Completed", last.Status.Error);
        return last;
    }
}
