// Informer to reconciler: every change arrives, owned objects arrive under their owner, failures come back with backoff.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Reconciling;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Operator.Tests.Reconciling;

public sealed class ControllerTests
{
    [Fact]
    public async Task Owned_objects_and_failures_bring_the_owner_back()
    {
        await using var plane = await ControlPlane.StartAsync(new ControlPlaneOptions { RunPods = false, Kind = ControlPlaneKind.Sandbox });
        var api = plane.Api;
        var informers = new Informers(api, new InformerOptions { Namespace = "default" }, TimeProvider.System, NullLogger.Instance);
        var passes = new ConcurrentQueue<string>();
        var fail = 2;
        using var controller = new Controller(
            "test",
            new Reconciler(key =>
            {
                passes.Enqueue(key.Name);
                return key.Name == "failing" && fail-- > 0 ? throw new InvalidOperationException("not yet") : Outcome.Done;
            }),
            new ControllerOptions { Workers = 2, MinBackoff = TimeSpan.FromMilliseconds(10) },
            TimeProvider.System,
            NullLogger.Instance);
        controller.Watches(informers.For<V1ConfigMap>()).Owns(informers.For<V1Secret>(), ResourceType.Of<V1ConfigMap>());
        using var stop = new CancellationTokenSource();
        var running = Task.WhenAll(informers.RunAsync(stop.Token), controller.RunAsync(stop.Token));

        var owner = await api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = "default", Name = "owner" } });
        await UntilAsync(() => passes.Contains("owner"));
        passes.Clear();
        await api.CreateAsync(new V1Secret { Metadata = new() { Namespace = "default", Name = "owned", OwnerReferences = [V1OwnerReference.To(owner)] } });
        await UntilAsync(() => passes.Contains("owner"));
        await api.CreateAsync(new V1ConfigMap { Metadata = new() { Namespace = "default", Name = "failing" } });
        await UntilAsync(() => passes.Count(p => p == "failing") == 3);

        Assert.DoesNotContain("owned", passes);
        Assert.True(informers.IsAlive(TimeSpan.FromMinutes(1)));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_look_again_comes_without_a_change()
    {
        var passes = 0;
        using var controller = new Controller(
            "test", new Reconciler(_ => Interlocked.Increment(ref passes) < 3 ? Outcome.After(TimeSpan.FromMilliseconds(10)) : Outcome.Done),
            ControllerOptions.Default, TimeProvider.System, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var running = controller.RunAsync(stop.Token);

        controller.Queue.Add(new NamespacedName("ns", "a"));

        await UntilAsync(() => Volatile.Read(ref passes) == 3);
        await stop.CancelAsync();
        await running;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(60); !holds();)
        {
            Assert.True(DateTime.UtcNow < deadline, "gave up waiting");
            await Task.Delay(10);
        }
    }

    private sealed class Reconciler(Func<NamespacedName, Outcome> pass) : IReconciler
    {
        public Task<Outcome> ReconcileAsync(NamespacedName key, CancellationToken ct) => Task.FromResult(pass(key));
    }
}
