// One control plane for all tests of a collection, a namespace for each test. Real when KUBEBUILDER_ASSETS is set.

using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Sandbox.Tests;

[CollectionDefinition(Name)]
public sealed class PlaneCollection : ICollectionFixture<PlaneFixture>
{
    public const string Name = "control plane";
}

public sealed class PlaneFixture : IAsyncLifetime
{
    public ControlPlane Plane { get; private set; } = null!;

    public IKubernetes Api => Plane.Api;

    public async Task InitializeAsync() => Plane = await ControlPlane.StartAsync(new ControlPlaneOptions { Nodes = ["node-a", "node-b"] });

    public async Task DisposeAsync() => await Plane.DisposeAsync();

    /// <summary>A namespace of its own for a test.</summary>
    public async Task<string> NamespaceAsync()
    {
        var name = "t" + Guid.NewGuid().ToString("n")[..10];
        await Api.CreateAsync(new V1Namespace { Metadata = new V1ObjectMeta { Name = name } });
        return name;
    }

    public string Log(string ns, string pod, string container = "main", bool previous = false)
    {
        var path = Path.Combine(Plane.Directory, "logs", $"{ns}_{pod}_{container}{(previous ? ".previous" : "")}.log");
        return File.Exists(path) ? File.ReadAllText(path) : "";
    }

    /// <summary>Waits until an object is as expected; fails with what it was instead.</summary>
    public async Task<T> UntilAsync<T>(string? ns, string name, Func<T, bool> holds)
        where T : class, IKubernetesObject
    {
        T? last = null;
        await UntilAsync(async () => (last = await Api.GetAsync<T>(ns, name)) is { } o && holds(o), () => last is null ? "it does not exist" : KubernetesJson.Write(last));
        return last!;
    }

    public Task GoneAsync<T>(string ns, string name)
        where T : class, IKubernetesObject =>
        UntilAsync(async () => await Api.GetAsync<T>(ns, name) is null, () => $"{name} is still there");

    public static async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(90); DateTime.UtcNow < deadline;)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail("gave up waiting: " + otherwise());
    }

    public Task<V1Pod> ReadyAsync(string ns, string pod) => UntilAsync<V1Pod>(ns, pod, IsReady);

    public static bool IsReady(V1Pod pod) => pod.Status?.Conditions?.Exists(c => c is { Type: "Ready", Status: "True" }) == true;

    public static V1Pod Shell(string ns, string name, string script, Action<V1Pod>? change = null)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Namespace = ns, Name = name },
            Spec = new V1PodSpec { TerminationGracePeriodSeconds = 5, Containers = [ShellContainer("main", script)] },
        };
        change?.Invoke(pod);
        return pod;
    }

    public static V1Container ShellContainer(string name, string script) => new() { Name = name, Image = "test/sh:1", Command = ["/bin/sh", "-c"], Args = [script] };
}
