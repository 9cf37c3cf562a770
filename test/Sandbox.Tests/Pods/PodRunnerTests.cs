// What a pod sees and what becomes of it: environment, volumes, init containers, exit codes, restarts, deletion.

using System.Diagnostics;
using System.Text;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Sandbox.Tests.Pods;

[Collection(PlaneCollection.Name)]
[Trait("Suite", "Kube")]
public sealed class PodRunnerTests(PlaneFixture plane)
{
    private IKubernetes Api => plane.Api;

    [Fact]
    public async Task A_pod_sees_its_environment_and_its_volumes()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "conf" }, Data = new() { ["a.conf"] = "port 6379\n", ["mode"] = "cluster" } });
        await Api.CreateAsync(new V1Secret { Metadata = new() { Namespace = ns, Name = "pass" }, Data = new() { ["word"] = Encoding.UTF8.GetBytes("s3cret") } });
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "echo ip=$POD_IP mode=$MODE word=$WORD twice=$TWICE args=$1 mem=$MEM; cat $1; cat /sec/word; echo from $POD_NAME > $2/x; cat /scratch/x; exec sleep 1000", pod =>
        {
            var c = pod.Spec!.Containers[0];
            c.Args!.AddRange(["--", "/etc/shoal/a.conf", "/scratch"]);
            c.Env =
            [
                new() { Name = "POD_IP", ValueFrom = new() { FieldRef = new() { FieldPath = "status.podIP" } } },
                new() { Name = "POD_NAME", ValueFrom = new() { FieldRef = new() { FieldPath = "metadata.name" } } },
                new() { Name = "MODE", ValueFrom = new() { ConfigMapKeyRef = new() { Name = "conf", Key = "mode" } } },
                new() { Name = "WORD", ValueFrom = new() { SecretKeyRef = new() { Name = "pass", Key = "word" } } },
                new() { Name = "MEM", ValueFrom = new() { ResourceFieldRef = new() { Resource = "limits.memory", Divisor = "1Mi" } } },
                new() { Name = "TWICE", Value = "$(MODE)-$(MODE)-$$(MODE)" },
            ];
            c.Resources = new() { Limits = new() { ["memory"] = "64Mi" } };
            c.VolumeMounts = [new() { Name = "conf", MountPath = "/etc/shoal" }, new() { Name = "sec", MountPath = "/sec" }, new() { Name = "tmp", MountPath = "/scratch" }];
            pod.Spec.Volumes =
            [
                new() { Name = "conf", ConfigMap = new() { Name = "conf" } },
                new() { Name = "sec", Secret = new() { SecretName = "pass" } },
                new() { Name = "tmp", EmptyDir = new() },
            ];
        }));

        var pod = await plane.ReadyAsync(ns, "p");
        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "p").Contains("from p", StringComparison.Ordinal)), () => plane.Log(ns, "p"));

        var log = plane.Log(ns, "p");
        Assert.StartsWith("127.", pod.Status!.PodIP, StringComparison.Ordinal);
        Assert.Contains($"ip={pod.Status.PodIP} mode=cluster word=s3cret twice=cluster-cluster-$(MODE)", log, StringComparison.Ordinal);
        Assert.Contains("mem=64", log, StringComparison.Ordinal);
        Assert.Contains("port 6379\ns3cret", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_ConfigMap_is_said_and_the_pod_starts_when_it_comes()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "exec sleep 1000", pod =>
            pod.Spec!.Containers[0].EnvFrom = [new() { ConfigMapRef = new() { Name = "later" } }]));
        await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.ContainerStatuses?[0].State?.Waiting?.Reason == "CreateContainerConfigError");

        await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "later" }, Data = new() { ["x"] = "y" } });

        await plane.ReadyAsync(ns, "p");
    }

    [Fact]
    public async Task A_changed_ConfigMap_reaches_the_running_pod()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "conf" }, Data = new() { ["v"] = "one\n" } });
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "while cat /conf/v; do sleep 0.1; done", pod =>
        {
            pod.Spec!.Volumes = [new() { Name = "conf", ConfigMap = new() { Name = "conf" } }];
            pod.Spec.Containers[0].VolumeMounts = [new() { Name = "conf", MountPath = "/conf" }];
        }));
        await plane.ReadyAsync(ns, "p");

        await Api.PatchAsync<V1ConfigMap>(ns, "conf", Patch.Merge("""{"data":{"v":"two\n"}}"""));

        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "p").Contains("two", StringComparison.Ordinal)), () => plane.Log(ns, "p"));
    }

    [Fact]
    public async Task Init_containers_run_in_order_before_the_main_one()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "cat /s/order; exec sleep 1000", pod =>
        {
            pod.Spec!.Volumes = [new() { Name = "s", EmptyDir = new() }];
            pod.Spec.InitContainers = [PlaneFixture.ShellContainer("one", "sleep 0.3; echo 1 >> /s/order"), PlaneFixture.ShellContainer("two", "echo 2 >> /s/order")];
            pod.Spec.InitContainers.ForEach(c => c.VolumeMounts = [new() { Name = "s", MountPath = "/s" }]);
            pod.Spec.Containers[0].VolumeMounts = [new() { Name = "s", MountPath = "/s" }];
        }));

        var pod = await plane.ReadyAsync(ns, "p");

        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "p") == "1\n2\n"), () => plane.Log(ns, "p"));
        Assert.All(pod.Status!.InitContainerStatuses!, s => Assert.Equal("Completed", s.State!.Terminated!.Reason));
    }

    [Theory]
    [InlineData("exit 0", "Succeeded", 0)]
    [InlineData("echo boom >&2; exit 3", "Failed", 3)]
    public async Task A_pod_that_never_restarts_ends_with_its_exit_code(string script, string phase, int code)
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", script, pod =>
        {
            pod.Spec!.RestartPolicy = "Never";
            pod.Spec.Containers[0].TerminationMessagePolicy = "FallbackToLogsOnError";
        }));

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.Phase is "Succeeded" or "Failed");

        var ended = pod.Status!.ContainerStatuses![0].State!.Terminated!;
        Assert.Equal((phase, code), (pod.Status.Phase, ended.ExitCode));
        Assert.Equal(code == 0 ? null : "boom\n", ended.Message);
    }

    [Fact]
    public async Task The_termination_message_is_what_the_container_wrote()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "printf 'checksum mismatch' > $TERMINATION_LOG; exit 1", pod => pod.Spec!.RestartPolicy = "Never"));

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.Phase == "Failed");

        Assert.Equal("checksum mismatch", pod.Status!.ContainerStatuses![0].State!.Terminated!.Message);
    }

    [Fact]
    public async Task A_killed_process_is_noticed_at_once_and_started_again()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "echo $$$$; exec sleep 1000"));
        await plane.ReadyAsync(ns, "p");
        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "p").EndsWith('\n')), () => "no log");
        using var process = Process.GetProcessById(int.Parse(plane.Log(ns, "p"), System.Globalization.CultureInfo.InvariantCulture));

        process.Kill();

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => PlaneFixture.IsReady(p) && p.Status!.ContainerStatuses![0].RestartCount == 1);
        Assert.Equal(137, pod.Status!.ContainerStatuses![0].LastState!.Terminated!.ExitCode);
        Assert.NotEmpty(plane.Log(ns, "p", previous: true));
    }

    [Fact]
    public async Task A_container_that_keeps_dying_backs_off()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "exit 7"));

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.ContainerStatuses?[0].State?.Waiting?.Reason == "CrashLoopBackOff");

        Assert.Equal(7, pod.Status!.ContainerStatuses![0].LastState!.Terminated!.ExitCode);
        Assert.Equal("Running", pod.Status.Phase);
    }

    [Fact]
    public async Task An_image_without_a_program_is_reported()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "", pod => (pod.Spec!.Containers[0].Command, pod.Spec.Containers[0].Image) = (null, "registry/nothing-here:9")));

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.ContainerStatuses?[0].State?.Waiting?.Reason == "ErrImagePull");

        Assert.Contains("nothing-here", pod.Status!.ContainerStatuses![0].State!.Waiting!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deletion_runs_the_hook_then_asks_then_ends()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "trap 'echo term; exit 0' TERM; while :; do sleep 0.05; done", pod =>
            pod.Spec!.Containers[0].Lifecycle = new() { PreStop = new() { Exec = new() { Command = ["/bin/sh", "-c", "touch $HOME/hooked"] } } }));
        var pod = await plane.ReadyAsync(ns, "p");
        var hooked = Path.Combine(plane.Plane.Directory, "pods", pod.Metadata.Uid!, "containers", "main", "hooked");
        var seen = false;

        await Api.DeleteAsync<V1Pod>(ns, "p");
        await PlaneFixture.UntilAsync(
            async () =>
            {
                seen |= File.Exists(hooked);
                return await Api.GetAsync<V1Pod>(ns, "p") is null;
            },
            () => "still there");

        Assert.True(seen || plane.Log(ns, "p").Contains("term", StringComparison.Ordinal));
        Assert.Contains("term", plane.Log(ns, "p"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_ignores_the_request_is_killed_after_the_grace_period()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "trap '' TERM; echo $$$$; while :; do sleep 0.05; done"));
        await plane.ReadyAsync(ns, "p");
        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "p").EndsWith('\n')), () => "no log");
        var id = plane.Log(ns, "p").Trim();

        await Api.DeleteAsync<V1Pod>(ns, "p", new DeleteOptions { GracePeriodSeconds = 1 });

        await plane.GoneAsync<V1Pod>(ns, "p");
        await PlaneFixture.UntilAsync(() => Task.FromResult(!Directory.Exists($"/proc/{id}")), () => $"process {id} is alive");
    }

    [Fact]
    public async Task A_forced_deletion_kills_at_once_and_the_name_can_be_used_again()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "trap '' TERM; while :; do sleep 0.05; done", p => p.Spec!.TerminationGracePeriodSeconds = 3600));
        await plane.ReadyAsync(ns, "p");

        await Api.DeleteAsync<V1Pod>(ns, "p", new DeleteOptions { GracePeriodSeconds = 0 });
        await plane.GoneAsync<V1Pod>(ns, "p");
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "exec sleep 1000"));

        await plane.ReadyAsync(ns, "p");
    }

    [Fact]
    public async Task Readiness_follows_its_probe()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "exec sleep 1000", pod =>
            pod.Spec!.Containers[0].ReadinessProbe = new() { PeriodSeconds = 1, FailureThreshold = 1, Exec = new() { Command = ["/bin/sh", "-c", "test -e $HOME/ready"] } }));
        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.Phase == "Running");
        Assert.False(PlaneFixture.IsReady(pod));
        var file = Path.Combine(plane.Plane.Directory, "pods", pod.Metadata.Uid!, "containers", "main", "ready");

        await File.WriteAllTextAsync(file, "");
        await plane.ReadyAsync(ns, "p");
        File.Delete(file);

        await plane.UntilAsync<V1Pod>(ns, "p", p => !PlaneFixture.IsReady(p));
    }

    [Fact]
    public async Task A_failing_liveness_probe_restarts_the_container()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "rm -f $HOME/sick; sleep 0.5; test -e $HOME/once || { touch $HOME/once $HOME/sick; }; exec sleep 1000", pod =>
            pod.Spec!.Containers[0].LivenessProbe = new() { PeriodSeconds = 1, FailureThreshold = 1, Exec = new() { Command = ["/bin/sh", "-c", "! test -e $HOME/sick"] } }));

        await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.ContainerStatuses?[0].RestartCount == 1);
    }

    [Fact]
    public async Task Claims_keep_their_data_from_pod_to_pod()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(new V1PersistentVolumeClaim
        {
            Metadata = new() { Namespace = ns, Name = "data" },
            Spec = new() { AccessModes = ["ReadWriteOnce"], Resources = new() { Requests = new() { ["storage"] = "1Gi" } } },
        });
        void Mount(V1Pod pod)
        {
            pod.Spec!.Volumes = [new() { Name = "d", PersistentVolumeClaim = new() { ClaimName = "data" } }];
            pod.Spec.Containers[0].VolumeMounts = [new() { Name = "d", MountPath = "/data" }];
        }

        await Api.CreateAsync(PlaneFixture.Shell(ns, "a", "echo kept > /data/f; exec sleep 1000", Mount));
        await plane.ReadyAsync(ns, "a");
        await Api.DeleteAsync<V1Pod>(ns, "a");
        await plane.GoneAsync<V1Pod>(ns, "a");
        await Api.CreateAsync(PlaneFixture.Shell(ns, "b", "cat /data/f; exec sleep 1000", Mount));

        await plane.ReadyAsync(ns, "b");
        await PlaneFixture.UntilAsync(() => Task.FromResult(plane.Log(ns, "b") == "kept\n"), () => plane.Log(ns, "b"));
    }

    [Fact]
    public async Task A_resize_is_granted_in_place()
    {
        if (!await Api.ServesAsync<V1Pod>("resize"))
        {
            return;
        }

        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(PlaneFixture.Shell(ns, "p", "exec sleep 1000", p => p.Spec!.Containers[0].Resources = new() { Limits = new() { ["memory"] = "64Mi" } }));
        await plane.ReadyAsync(ns, "p");

        await Api.PatchAsync<V1Pod>(ns, "p", Patch.Strategic("""{"spec":{"containers":[{"name":"main","resources":{"limits":{"memory":"128Mi"}}}]}}"""), "resize");

        var pod = await plane.UntilAsync<V1Pod>(ns, "p", p => p.Status?.ContainerStatuses?[0].Resources?.Limits?["memory"] == "128Mi");
        Assert.Equal(0, pod.Status!.ContainerStatuses![0].RestartCount);
    }

    [Fact]
    public async Task Pods_spread_over_nodes_and_one_that_fits_nowhere_stays_pending()
    {
        var ns = await plane.NamespaceAsync();
        void Apart(V1Pod pod)
        {
            pod.Metadata.Labels = new() { ["app"] = "x" };
            pod.Spec!.Affinity = new()
            {
                PodAntiAffinity = new()
                {
                    RequiredDuringSchedulingIgnoredDuringExecution = [new() { TopologyKey = "kubernetes.io/hostname", LabelSelector = new() { MatchLabels = new() { ["app"] = "x" } } }],
                },
            };
        }

        await Api.CreateAsync(PlaneFixture.Shell(ns, "a", "exec sleep 1000", Apart));
        await Api.CreateAsync(PlaneFixture.Shell(ns, "b", "exec sleep 1000", Apart));
        await Api.CreateAsync(PlaneFixture.Shell(ns, "c", "exec sleep 1000", Apart));

        var third = await plane.UntilAsync<V1Pod>(ns, "c", p => p.Status?.Conditions?.Exists(c => c is { Type: "PodScheduled", Status: "False" }) == true
            || !string.IsNullOrEmpty(p.Spec!.NodeName));
        var all = (await Api.ListAsync<V1Pod>(ns)).Items;
        Assert.Single(all, p => string.IsNullOrEmpty(p.Spec!.NodeName));
        Assert.Equal(2, all.Select(p => p.Spec!.NodeName).Where(n => !string.IsNullOrEmpty(n)).Distinct().Count());
        Assert.NotNull(third);
    }
}
