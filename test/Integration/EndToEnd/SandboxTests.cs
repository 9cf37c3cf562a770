// The road of issue 2 as its user walks it: the printed commands, real clients, scaling under load, faults.
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.EndToEnd;

public sealed class SandboxTests(SandboxRun sandbox) : IClassFixture<SandboxRun>
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(4);

    [FactNeeds("redis-cli", "kubectl")]
    public async Task The_printed_commands_work_as_printed()
    {
        foreach (var hint in sandbox.Hints.Where(h => !h.Contains(" scale ") && !h.Contains(" delete ") && !h.Contains(" patch ")))
        {
            var line = hint.StartsWith("redis-cli -c", StringComparison.Ordinal) ? hint + " SET hint works" : hint;
            var result = await Shell.RunAsync("sh", "-c", line);
            Assert.True(result.Code == 0, $"{line}: {result.Output}");
            if (line.Contains("--cluster check")) Assert.Contains("[OK] All 16384 slots covered.", result.Output);
        }
    }

    [FactNeeds("kubectl")]
    public async Task Kubectl_shows_the_columns_people_look_at()
    {
        var table = await sandbox.KubectlAsync("get", "cacheclusters");
        foreach (var column in new[] { "NAME", "MODE", "SHARDS", "READY", "STATUS", "VERSION", "AGE" }) Assert.Contains(column, table);
        Assert.Contains("6/6", table);
        Assert.Contains("Healthy", table);
    }

    [FactNeeds("kubectl")]
    public async Task Applications_of_every_client_library_keep_running_while_the_cluster_grows_and_shrinks()
    {
        var applications = new List<Application>();
        await using var writer = ClusterWriter.Start(sandbox.Node, "e2e");
        try
        {
            foreach (var name in Application.Available()) applications.Add(await Application.StartAsync(name, sandbox.Node));
            await sandbox.KubectlAsync("scale", "cachecluster/cart", "--replicas=5");
            await sandbox.WaitHealthyAsync(5, Long);
            await sandbox.KubectlAsync("scale", "cachecluster/cart", "--replicas=3");
            await sandbox.WaitHealthyAsync(3, Long);
            foreach (var application in applications)
            {
                var report = await application.StopAsync();
                Assert.True(report.Missing.Count == 0, $"{application.Name} lost: {string.Join("; ", report.Missing)}");
                Assert.True(report.Errors.Count == 0, $"{application.Name}: {string.Join("; ", report.Errors)}");
                Assert.True(report.Acked > 0, application.Name);
            }

            var written = await writer.StopAsync();
            Assert.Empty(written.Lost);
            Assert.Empty(written.Errors);
        }
        finally
        {
            foreach (var application in applications) await application.DisposeAsync();
        }
    }

    [FactNeeds("kubectl")]
    public async Task An_operator_killed_ten_times_on_the_way_loses_nothing()
    {
        await using var writer = ClusterWriter.Start(sandbox.Node, "killed");
        var random = new Random(20261121);
        await sandbox.KubectlAsync("scale", "cachecluster/cart", "--replicas=4");
        for (var kill = 0; kill < 10; kill++)
        {
            await writer.WaitForAsync(random.Next(200, 4000), TimeSpan.FromMinutes(1));
            foreach (var id in sandbox.Processes("shoal-operator run")) await Shell.RunAsync("kill", "-9", id.ToString());
            if (kill == 4) await sandbox.KubectlAsync("scale", "cachecluster/cart", "--replicas=3");
        }

        await sandbox.WaitHealthyAsync(3, Long);
        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        Assert.Empty(report.Errors);
    }

    [FactNeeds("kubectl")]
    public async Task A_killed_primary_is_replaced_and_comes_back_as_a_replica()
    {
        await using var writer = ClusterWriter.Start(sandbox.Node, "primary");
        await writer.WaitForAsync(500, TimeSpan.FromMinutes(1));
        await sandbox.WaitHealthyAsync(3, Long);
        var address = await PrimaryAddressAsync();
        var victim = Assert.Single(sandbox.Processes("shoal-node"), id => CommandMentions(id, $"--bind {address} "));
        await Shell.RunAsync("kill", "-9", victim.ToString());
        await writer.WaitForAsync(2000, TimeSpan.FromMinutes(2));
        await sandbox.WaitHealthyAsync(3, Long);
        var report = await writer.StopAsync();
        // Asynchronous replication may lose the last moments of the dead primary's writes; the set that survives is reported,
        // and a key is never lost whole.
        Assert.DoesNotContain(report.Lost, l => l.EndsWith("nothing", StringComparison.Ordinal));
    }

    // Any primary that owns slots, as the cluster itself sees it.
    private async Task<string> PrimaryAddressAsync()
    {
        await using var node = await RespClient.ConnectAsync(sandbox.Node.Host, sandbox.Node.Port);
        var nodes = (await node.ExecuteAsync("CLUSTER", "NODES")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' '));
        return nodes.First(w => w[2].Contains("master") && !w[2].Contains("fail") && w.Length > 8)[1].Split(':')[0];
    }

    private static bool CommandMentions(int id, string words)
    {
        try { return File.ReadAllText($"/proc/{id}/cmdline").Replace('\0', ' ').Contains(words, StringComparison.Ordinal); }
        catch (IOException) { return false; }
    }
}

public sealed class SandboxStopTests
{
    [Fact]
    public async Task Ctrl_C_leaves_no_process_behind()
    {
        var sandbox = new SandboxRun();
        try
        {
            await sandbox.InitializeAsync();
            Assert.NotEmpty(sandbox.Processes("shoal-node"));
            Assert.Equal(0, await sandbox.InterruptAsync());
            Assert.Empty(sandbox.Processes());
        }
        finally
        {
            await sandbox.DisposeAsync();
        }
    }
}
