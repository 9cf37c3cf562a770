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
    public async Task An_operator_killed_ten_times_on_the_way_to_five_shards_and_back_loses_nothing_and_moves_no_slot_twice()
    {
        await sandbox.WaitHealthyAsync(3, Long);
        await using var writer = ClusterWriter.Start(sandbox.Node, "killed");
        await writer.WaitForAsync(500, Long);
        var known = (await sandbox.FinishedMovesAsync()).Keys.ToHashSet();
        var random = new Random(20261121);
        foreach (var (shards, direction) in new[] { (5, "ScalingOut"), (3, "ScalingIn") })
        {
            var before = await sandbox.StatusAsync();
            using var watching = new CancellationTokenSource();
            var progress = sandbox.WatchProgressAsync(watching.Token);
            await sandbox.KubectlAsync("scale", "cachecluster/cart", $"--replicas={shards}");
            for (var kill = 0; kill < 5; kill++) await sandbox.KillOperatorAsync(TimeSpan.FromMilliseconds(random.Next(200, 3000)), Long);
            await sandbox.WaitHealthyAsync(shards, Long);
            await watching.CancelAsync();
            var seen = await progress;
            Assert.Contains(seen, s => s.Phase == direction);
            Assert.True(seen.Select(s => s.Done).Distinct().Count() > 2, "status showed no progress: " + string.Join("; ", seen));

            var after = await sandbox.StatusAsync();
            Assert.Equal(16384, after.SlotCounts.Sum());
            Assert.InRange(after.SlotCounts.Max() - after.SlotCounts.Min(), 0, 1);
            var moves = (await sandbox.FinishedMovesAsync()).Where(m => known.Add(m.Key)).Sum(m => m.Value);
            // Out: what five even shards hold beyond the first three. In: what the two that leave held.
            Assert.Equal(shards == 5 ? after.SlotCounts.Skip(3).Sum() : before.SlotCounts.Skip(3).Sum(), moves);
        }

        var report = await writer.StopAsync();
        Assert.Empty(report.Lost);
        Assert.Empty(report.Errors);
    }

    [FactNeeds("kubectl")]
    public async Task A_killed_primary_is_replaced_and_comes_back_as_a_replica_of_the_same_id()
    {
        await sandbox.WaitHealthyAsync(3, Long);
        // No key may be new when the primary dies: replication is asynchronous, so the last moments of its writes may be gone,
        // but never more than the last value of a key, once every key has reached the replica.
        await using var writer = ClusterWriter.Start(sandbox.Node, "primary", keysPerWriter: 40);
        await writer.WaitForEveryKeyAsync(Long);
        var victim = (await sandbox.StatusAsync()).PrimaryOf(0);
        await ReplicatedAsync(victim.Address);
        var id = Assert.Single(sandbox.Processes("shoal-node"), p => CommandMentions(p, $"--bind {victim.Address.Host} "));
        await Shell.RunAsync("kill", "-9", id.ToString());

        await sandbox.WaitAsync("the replica has taken over", async () => (await sandbox.StatusAsync()).PrimaryId(0) is { Length: > 0 } now && now != victim.Id, Long);
        await sandbox.WaitAsync("the old primary is a linked replica of the same id", async () =>
            (await sandbox.StatusAsync()).Nodes.Any(n => n.Pod == victim.Pod && n.Id == victim.Id && n.Role == "Replica" && n.Link == "up"), Long);
        await sandbox.WaitHealthyAsync(3, Long);
        await writer.WaitForAsync(2000, Long);
        var report = await writer.StopAsync();
        Assert.DoesNotContain(report.Lost, l => l.EndsWith("nothing", StringComparison.Ordinal));
    }

    // Waits until the replicas of this primary hold everything it held when asked.
    private async Task ReplicatedAsync(NodeAddress primary)
    {
        await using var node = await RespClient.ConnectAsync(primary.Host, primary.Port);
        var goal = Offset((await InfoAsync()).First(l => l.StartsWith("master_repl_offset:", StringComparison.Ordinal)).Split(':')[1]);
        await sandbox.WaitAsync($"{primary} has a replica at offset {goal}", async () => (await InfoAsync())
            .Where(l => l.StartsWith("slave", StringComparison.Ordinal) && l.Contains("offset=")).Any(l => Offset(l.Split("offset=")[1].Split(',')[0]) >= goal), Long);

        static long Offset(string text) => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

        async Task<string[]> InfoAsync() => (await node.ExecuteAsync("INFO", "replication")).Text.Split('\n', StringSplitOptions.TrimEntries);
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
