// Processes end when and how they should: with us, by signal, or as left-overs of a run that was killed.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;
using Shoal.Sandbox.Pods;

namespace Shoal.Sandbox.Tests.Pods;

public sealed class ProcessTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shoal-proc-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_exit_code_comes_at_once_and_a_signal_is_128_and_its_number()
    {
        using var launcher = new ProcessLauncher();
        var ended = await launcher.StartAsync(Shell("exit 42"));
        var killed = await launcher.StartAsync(Shell("exec sleep 1000"));

        Assert.Equal(42, await ended.Exited.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(137, await killed.TerminateAsync(TimeSpan.Zero, TimeProvider.System));
        Assert.True(killed.HasExited);
    }

    [Fact]
    public async Task Termination_asks_first_and_takes_children_along()
    {
        using var launcher = new ProcessLauncher();
        var output = Path.Combine(_directory, "out");
        var process = await launcher.StartAsync(Shell("trap 'echo asked; exit 5' TERM; sleep 1000 & echo child $!; wait", output));
        await UntilAsync(() => File.Exists(output) && File.ReadAllText(output).Contains('\n', StringComparison.Ordinal));

        Assert.Equal(5, await process.TerminateAsync(TimeSpan.FromSeconds(20), TimeProvider.System));

        var lines = File.ReadAllLines(output);
        Assert.Contains("asked", lines);
        await UntilAsync(() => !IsAlive(lines[0].Split(' ')[1]));
    }

    [Fact]
    public async Task The_environment_is_only_what_was_given()
    {
        using var launcher = new ProcessLauncher();
        var output = Path.Combine(_directory, "out");
        var process = await launcher.StartAsync(Shell("echo [$A][$HOME]", output) with { Environment = new Dictionary<string, string> { ["A"] = "x", ["PATH"] = "/usr/bin:/bin" } });

        await process.Exited;

        Assert.Equal("[x][]\n", File.ReadAllText(output));
    }

    [Fact]
    public async Task The_launchers_end_is_its_processes_end()
    {
        if (Executables.Find("setpriv") is null)
        {
            return;
        }

        var launcher = new ProcessLauncher();
        var process = await launcher.StartAsync(Shell("exec sleep 1000"));
        await UntilAsync(() => File.ReadAllText($"/proc/{process.Id}/cmdline").StartsWith("sleep", StringComparison.Ordinal));

        launcher.Dispose();

        Assert.Equal(137, await process.Exited.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_left_over_is_killed_only_if_it_is_still_the_same_process()
    {
        using var launcher = new ProcessLauncher();
        var pidFile = Path.Combine(_directory, "pids", "x.pid");
        var process = await launcher.StartAsync(Shell("exec sleep 1000") with { PidFile = pidFile });
        var text = await File.ReadAllTextAsync(pidFile);
        var other = Path.Combine(_directory, "other.pid");
        await File.WriteAllTextAsync(other, $"{process.Id} 1\n");

        Assert.False(LocalProcess.KillLeftOver(other));
        Assert.False(process.HasExited);
        await File.WriteAllTextAsync(other, text);
        Assert.True(LocalProcess.KillLeftOver(other));
        Assert.Equal(137, await process.Exited.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.False(File.Exists(pidFile));
    }

    [Fact]
    public async Task Running_as_another_user_works_as_root()
    {
        using var launcher = new ProcessLauncher();
        if (!launcher.CanChangeUser)
        {
            return;
        }

        var output = Path.Combine(_directory, "out");
        var process = await launcher.StartAsync(Shell("id -u; id -g; id -G", output) with { UserId = 65534 });

        Assert.Equal(0, await process.Exited);
        Assert.Equal("65534\n65534\n65534\n", File.ReadAllText(output));
    }

    [Fact]
    public async Task Pods_end_with_the_control_plane_and_go_on_after_a_restart_on_their_old_data_and_address()
    {
        await using var plane = await ControlPlane.StartAsync(new ControlPlaneOptions { RunPods = false, Kind = ControlPlaneKind.Sandbox });
        var options = new LocalControlPlaneOptions { Directory = Path.Combine(_directory, "local") };
        var first = await LocalControlPlane.StartAsync(plane.Api, options);
        await plane.Api.CreateAsync(PlaneFixture.Shell("default", "p", "echo $$$$ >> /d/pids; exec sleep 1000", p =>
        {
            p.Spec!.Volumes = [new() { Name = "d", EmptyDir = new() }];
            p.Spec.InitContainers = [PlaneFixture.ShellContainer("init", "echo init >> /d/pids")];
            p.Spec.InitContainers[0].VolumeMounts = p.Spec.Containers[0].VolumeMounts = [new() { Name = "d", MountPath = "/d" }];
        }));
        var before = await ReadyAsync(plane.Api, 0);
        var file = Path.Combine(options.Directory, "pods", before.Metadata.Uid!, "volumes", "d", "pids");
        await UntilAsync(() => File.ReadAllLines(file).Length == 2);

        await first.DisposeAsync();

        Assert.False(IsAlive(File.ReadAllLines(file)[1]));
        await using var second = await LocalControlPlane.StartAsync(plane.Api, options);
        var after = await ReadyAsync(plane.Api, 1);
        await UntilAsync(() => File.ReadAllLines(file).Length == 3);
        Assert.Equal(before.Status!.PodIP, after.Status!.PodIP);
        Assert.Equal("init", File.ReadAllLines(file)[0]);
        Assert.True(IsAlive(File.ReadAllLines(file)[2]));
    }

    private static async Task<V1Pod> ReadyAsync(IKubernetes api, int restarts)
    {
        V1Pod? pod = null;
        for (var deadline = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < deadline; await Task.Delay(50))
        {
            pod = await api.GetAsync<V1Pod>("default", "p");
            if (pod is not null && PlaneFixture.IsReady(pod) && pod.Status!.ContainerStatuses![0].RestartCount == restarts)
            {
                return pod;
            }
        }

        throw new TimeoutException(pod is null ? "no pod" : KubernetesJson.Write(pod));
    }

    private static bool IsAlive(string id) =>
        Directory.Exists($"/proc/{id}") && !File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal);

    private LaunchOptions Shell(string script, string? output = null) => new() { FileName = "/bin/sh", Args = ["-c", script], OutputFile = output, WorkingDirectory = _directory };

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(60); !holds();)
        {
            Assert.True(DateTime.UtcNow < deadline, "gave up waiting");
            await Task.Delay(20);
        }
    }
}
