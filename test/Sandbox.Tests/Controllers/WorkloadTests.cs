// StatefulSets, jobs, endpoints and ownership. The same tests pass with kube-controller-manager doing the work, which is
// how we know that ours behaves like it.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Sandbox.Tests.Controllers;

[Collection(PlaneCollection.Name)]
[Trait("Suite", "Kube")]
public sealed class WorkloadTests(PlaneFixture plane)
{
    private IKubernetes Api => plane.Api;

    [Fact]
    public async Task A_parallel_set_makes_all_pods_with_claims_and_scales_both_ways()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 3, set => set.Spec!.VolumeClaimTemplates =
        [
            new() { Metadata = new() { Name = "data" }, Spec = new() { AccessModes = ["ReadWriteOnce"], Resources = new() { Requests = new() { ["storage"] = "1Gi" } } } },
        ]));

        var set = await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 3);
        var pod = await Api.GetAsync<V1Pod>(ns, "s-2");
        Assert.Equal("s-2", pod!.Metadata.Labels!["statefulset.kubernetes.io/pod-name"]);
        Assert.Equal(("s-2", "svc"), (pod.Spec!.Hostname, pod.Spec.Subdomain));
        Assert.Equal(set.Status!.UpdateRevision, pod.Metadata.Labels["controller-revision-hash"]);
        Assert.Equal("Bound", (await Api.GetAsync<V1PersistentVolumeClaim>(ns, "data-s-2"))!.Status!.Phase);

        await Api.PatchAsync<V1StatefulSet>(ns, "s", Patch.Merge("""{"spec":{"replicas":1}}"""));
        await plane.GoneAsync<V1Pod>(ns, "s-2");
        await plane.GoneAsync<V1Pod>(ns, "s-1");
        Assert.NotNull(await Api.GetAsync<V1PersistentVolumeClaim>(ns, "data-s-2"));

        await Api.PatchAsync<V1StatefulSet>(ns, "s", Patch.Merge("""{"spec":{"replicas":2}}"""));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status is { ReadyReplicas: 2, Replicas: 2 });
    }

    [Fact]
    public async Task An_ordered_set_waits_for_each_pod()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 2, set =>
        {
            set.Spec!.PodManagementPolicy = "OrderedReady";
            set.Spec.Template!.Spec!.Containers[0].ReadinessProbe = new() { PeriodSeconds = 1, Exec = new() { Command = ["/bin/sh", "-c", "test -e $HOME/ready"] } };
        }));
        var first = await plane.UntilAsync<V1Pod>(ns, "s-0", p => p.Status?.Phase == "Running");
        await Task.Delay(500);
        Assert.Null(await Api.GetAsync<V1Pod>(ns, "s-1"));

        await File.WriteAllTextAsync(Path.Combine(plane.Plane.Directory, "pods", first.Metadata.Uid!, "containers", "main", "ready"), "");

        await plane.UntilAsync<V1Pod>(ns, "s-1", _ => true);
    }

    [Fact]
    public async Task OnDelete_leaves_pods_alone_until_they_are_deleted()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 2));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 2);
        var before = (await Api.GetAsync<V1Pod>(ns, "s-0"))!;

        await SetEnvAsync(ns, "two");
        var set = await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status!.UpdateRevision != s.Status.CurrentRevision && s.Status.ObservedGeneration == s.Metadata.Generation);
        await Task.Delay(500);
        Assert.Equal(before.Metadata.Uid, (await Api.GetAsync<V1Pod>(ns, "s-0"))!.Metadata.Uid);

        await Api.DeleteAsync<V1Pod>(ns, "s-0");
        var after = await plane.UntilAsync<V1Pod>(ns, "s-0", p => p.Metadata.Uid != before.Metadata.Uid && PlaneFixture.IsReady(p));
        Assert.Equal(set.Status!.UpdateRevision, after.Metadata.Labels!["controller-revision-hash"]);
        Assert.Equal("two", after.Spec!.Containers[0].Env![0].Value);
    }

    [Fact]
    public async Task A_rolling_update_stops_at_the_partition()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 3, set => set.Spec!.UpdateStrategy = new() { Type = "RollingUpdate", RollingUpdate = new() { Partition = 1 } }));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 3);
        var first = (await Api.GetAsync<V1Pod>(ns, "s-0"))!.Metadata.Uid;

        await SetEnvAsync(ns, "two");

        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status is { UpdatedReplicas: 2, ReadyReplicas: 3 } && s.Status.ObservedGeneration == s.Metadata.Generation);
        Assert.Equal(first, (await Api.GetAsync<V1Pod>(ns, "s-0"))!.Metadata.Uid);
        Assert.Equal("two", (await Api.GetAsync<V1Pod>(ns, "s-1"))!.Spec!.Containers[0].Env![0].Value);

        await Api.PatchAsync<V1StatefulSet>(ns, "s", Patch.Merge("""{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"""));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status is { UpdatedReplicas: 3, ReadyReplicas: 3 } && s.Status.CurrentRevision == s.Status.UpdateRevision);
    }

    [Fact]
    public async Task An_orphaning_delete_keeps_the_pods_and_a_new_set_adopts_them()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 2));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 2);
        var before = (await Api.ListAsync<V1Pod>(ns)).Items.Select(p => p.Metadata.Uid).Order().ToList();

        await Api.DeleteAsync<V1StatefulSet>(ns, "s", new DeleteOptions { Propagation = "Orphan" });
        await plane.GoneAsync<V1StatefulSet>(ns, "s");
        await PlaneFixture.UntilAsync(
            async () => (await Api.ListAsync<V1Pod>(ns)).Items.TrueForAll(p => p.Metadata.OwnerReferences is not { Count: > 0 }), () => "pods still name their old owner");
        await Api.CreateAsync(Set(ns, 2));

        var set = await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 2);
        var after = (await Api.ListAsync<V1Pod>(ns)).Items;
        Assert.Equal(before, after.Select(p => p.Metadata.Uid).Order());
        Assert.All(after, p => Assert.Equal(set.Metadata.Uid, p.Metadata.OwnerReferences!.Single().Uid));
    }

    [Theory]
    [InlineData("Background")]
    [InlineData("Foreground")]
    public async Task Deleting_a_set_takes_its_pods_along(string propagation)
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Set(ns, 2));
        await plane.UntilAsync<V1StatefulSet>(ns, "s", s => s.Status?.ReadyReplicas == 2);

        await Api.DeleteAsync<V1StatefulSet>(ns, "s", new DeleteOptions { Propagation = propagation });

        await plane.GoneAsync<V1StatefulSet>(ns, "s");
        await plane.GoneAsync<V1Pod>(ns, "s-0");
        await plane.GoneAsync<V1Pod>(ns, "s-1");
    }

    [Fact]
    public async Task An_object_with_another_owner_left_survives()
    {
        var ns = await plane.NamespaceAsync();
        var a = await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "a" } });
        var b = await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "b" } });
        static V1OwnerReference Plain(V1ConfigMap owner) => new() { ApiVersion = "v1", Kind = "ConfigMap", Name = owner.Metadata.Name, Uid = owner.Metadata.Uid };
        await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "both", OwnerReferences = [Plain(a), Plain(b)] } });
        await Api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = ns, Name = "only", OwnerReferences = [Plain(a)] } });

        await Api.DeleteAsync<V1ConfigMap>(ns, "a");

        await plane.GoneAsync<V1ConfigMap>(ns, "only");
        await plane.UntilAsync<V1ConfigMap>(ns, "both", c => c.Metadata.OwnerReferences is [{ Name: "b" }]);
    }

    [Fact]
    public async Task A_job_completes()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Job(ns, "exit 0", spec => (spec.Completions, spec.Parallelism) = (3, 2)));

        var job = await plane.UntilAsync<V1Job>(ns, "j", j => j.Status?.Conditions?.Exists(c => c is { Type: "Complete", Status: "True" }) == true);

        Assert.Equal(3, job.Status!.Succeeded);
        Assert.NotNull(job.Status.CompletionTime);
        Assert.Equal(3, (await Api.ListAsync<V1Pod>(ns, "job-name=j")).Items.Count);
    }

    [Fact]
    public async Task A_job_gives_up_after_its_backoff_limit()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Job(ns, "exit 1", spec => spec.BackoffLimit = 0));

        var job = await plane.UntilAsync<V1Job>(ns, "j", j => j.Status?.Conditions?.Exists(c => c is { Type: "Failed", Status: "True" }) == true);

        Assert.Equal("BackoffLimitExceeded", job.Status!.Conditions!.Find(c => c.Type == "Failed")!.Reason);
    }

    [Fact]
    public async Task A_job_past_its_deadline_fails_and_its_pod_goes()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(Job(ns, "exec sleep 1000", spec => spec.ActiveDeadlineSeconds = 1));

        await plane.UntilAsync<V1Job>(ns, "j", j => j.Status?.Conditions?.Exists(c => c is { Type: "Failed", Reason: "DeadlineExceeded" }) == true);

        await PlaneFixture.UntilAsync(async () => (await Api.ListAsync<V1Pod>(ns)).Items.Count == 0, () => "the pod is still there");
    }

    [Fact]
    public async Task Endpoints_hold_ready_and_unready_addresses()
    {
        if (plane.Plane.Kind == ControlPlaneKind.Real)
        {
            // A real API server refuses loopback addresses in Endpoints, and our pods have no others.
            return;
        }

        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(new V1Service
        {
            Metadata = new() { Namespace = ns, Name = "svc" },
            Spec = new() { ClusterIP = "None", Selector = new() { ["app"] = "s" }, Ports = [new() { Name = "redis", Port = 6379 }] },
        });
        await Api.CreateAsync(Set(ns, 1));
        await Api.CreateAsync(PlaneFixture.Shell(ns, "unready", "exec sleep 1000", p =>
        {
            p.Metadata.Labels = new() { ["app"] = "s" };
            p.Spec!.Containers[0].ReadinessProbe = new() { Exec = new() { Command = ["/bin/false"] } };
        }));

        var endpoints = await plane.UntilAsync<V1Endpoints>(ns, "svc", e => e.Subsets is [{ Addresses.Count: 1, NotReadyAddresses.Count: 1 }]);

        var subset = endpoints.Subsets![0];
        Assert.Equal(("s-0", "s-0"), (subset.Addresses![0].Hostname, subset.Addresses[0].TargetRef!.Name));
        Assert.Equal(6379, subset.Ports![0].Port);
        await Api.DeleteAsync<V1StatefulSet>(ns, "s");
        await plane.UntilAsync<V1Endpoints>(ns, "svc", e => e.Subsets is null or [] or [{ Addresses: null }]);
    }

    [Fact]
    public async Task A_claim_grows()
    {
        var ns = await plane.NamespaceAsync();
        await Api.CreateAsync(new V1PersistentVolumeClaim
        {
            Metadata = new() { Namespace = ns, Name = "c" },
            Spec = new() { AccessModes = ["ReadWriteOnce"], Resources = new() { Requests = new() { ["storage"] = "1Gi" } } },
        });
        await plane.UntilAsync<V1PersistentVolumeClaim>(ns, "c", c => c.Status is { Phase: "Bound" } && c.Status.Capacity!["storage"] == "1Gi");

        await Api.PatchAsync<V1PersistentVolumeClaim>(ns, "c", Patch.Merge("""{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"""));

        await plane.UntilAsync<V1PersistentVolumeClaim>(ns, "c", c => c.Status!.Capacity!["storage"] == "2Gi");
    }

    private static V1StatefulSet Set(string ns, int replicas, Action<V1StatefulSet>? change = null)
    {
        var container = PlaneFixture.ShellContainer("main", "exec sleep 1000");
        container.Env = [new() { Name = "VERSION", Value = "one" }];
        var set = new V1StatefulSet
        {
            Metadata = new() { Namespace = ns, Name = "s" },
            Spec = new()
            {
                Replicas = replicas,
                ServiceName = "svc",
                PodManagementPolicy = "Parallel",
                UpdateStrategy = new() { Type = "OnDelete" },
                Selector = new() { MatchLabels = new() { ["app"] = "s" } },
                Template = new() { Metadata = new() { Labels = new() { ["app"] = "s" } }, Spec = new() { TerminationGracePeriodSeconds = 2, Containers = [container] } },
            },
        };
        change?.Invoke(set);
        return set;
    }

    private Task<V1StatefulSet> SetEnvAsync(string ns, string value) => Api.PatchAsync<V1StatefulSet>(
        ns, "s", Patch.Operations($$"""[{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"{{value}}"}]"""));

    private static V1Job Job(string ns, string script, Action<V1JobSpec> change)
    {
        var job = new V1Job
        {
            Metadata = new() { Namespace = ns, Name = "j" },
            Spec = new() { Template = new() { Spec = new() { RestartPolicy = "Never", TerminationGracePeriodSeconds = 1, Containers = [PlaneFixture.ShellContainer("main", script)] } } },
        };
        change(job.Spec);
        return job;
    }
}
