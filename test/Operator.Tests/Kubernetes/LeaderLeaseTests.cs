// One leader at a time; a leader that cannot renew stops before anyone else may start.

using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Tests.Fixtures;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class LeaderLeaseTests
{
    private static readonly LeaseOptions Quick = new() { Duration = TimeSpan.FromSeconds(6), RenewDeadline = TimeSpan.FromSeconds(4), RetryEvery = TimeSpan.FromMilliseconds(200) };

    [Fact]
    public async Task Only_one_leads_and_a_released_lease_is_taken_at_once()
    {
        await using var plane = await ControlPlane.StartAsync(new ControlPlaneOptions { RunPods = false, Kind = ControlPlaneKind.Sandbox });
        using var stopA = new CancellationTokenSource();
        using var stopB = new CancellationTokenSource();
        var (leading, most) = (0, 0);
        async Task WorkAsync(CancellationToken ct)
        {
            most = Math.Max(most, Interlocked.Increment(ref leading));
            try
            {
                await Task.Delay(Timeout.Infinite, ct);
            }
            finally
            {
                Interlocked.Decrement(ref leading);
            }
        }

        var a = Lease(plane.Api, "a");
        var b = Lease(plane.Api, "b");
        var runA = a.RunAsync(WorkAsync, stopA.Token);
        await UntilAsync(() => a.IsLeading);
        var runB = b.RunAsync(WorkAsync, stopB.Token);
        await Task.Delay(Quick.Duration + TimeSpan.FromSeconds(1));
        Assert.True(a.IsLeading && !b.IsLeading);

        await stopA.CancelAsync();
        await runA;
        await UntilAsync(() => b.IsLeading);
        await stopB.CancelAsync();
        await runB;

        Assert.Equal(1, most);
        var lease = await plane.Api.GetAsync<V1Lease>("default", "shoal");
        Assert.Equal(("", 1), (lease!.Spec!.HolderIdentity, lease.Spec.LeaseTransitions));
    }

    [Fact]
    public async Task A_leader_cut_off_stops_working_before_the_lease_could_be_taken()
    {
        var cut = false;
        V1Lease? stored = null;
        var version = 0;
        await using var server = new FakeApiServer(r =>
        {
            if (Volatile.Read(ref cut))
            {
                return new FakeReply(500, "") { Stream = KubernetesApiTests.Forever() };
            }

            if (r.Method is "POST" or "PUT")
            {
                stored = KubernetesJson.Read<V1Lease>(r.Body);
                stored.Metadata.ResourceVersion = (++version).ToString(System.Globalization.CultureInfo.InvariantCulture);
            }

            return stored is null ? new FakeReply((int)HttpStatusCode.NotFound, "{}") : new FakeReply(200, KubernetesJson.Write(stored));
        });
        using var api = server.Client();
        using var stop = new CancellationTokenSource();
        var lease = Lease(api, "a");
        var cancelledAfter = new TaskCompletionSource<TimeSpan>();
        var since = 0L;
        var run = lease.RunAsync(
            async ct =>
            {
                try
                {
                    await Task.Delay(Timeout.Infinite, ct);
                }
                finally
                {
                    cancelledAfter.TrySetResult(Stopwatch.GetElapsedTime(Volatile.Read(ref since)));
                }
            },
            stop.Token);
        await UntilAsync(() => lease.IsLeading && version >= 2);

        Volatile.Write(ref since, Stopwatch.GetTimestamp());
        Volatile.Write(ref cut, true);

        var took = await cancelledAfter.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(took < Quick.Duration, $"stopped only after {took}");
        await stop.CancelAsync();
        await run;
        Assert.False(lease.IsLeading);
    }

    [Fact]
    public async Task A_lease_taken_by_another_ends_the_work()
    {
        await using var plane = await ControlPlane.StartAsync(new ControlPlaneOptions { RunPods = false, Kind = ControlPlaneKind.Sandbox });
        using var stop = new CancellationTokenSource();
        var ended = new TaskCompletionSource();
        var lease = Lease(plane.Api, "a");
        var run = lease.RunAsync(
            async ct =>
            {
                try
                {
                    await Task.Delay(Timeout.Infinite, ct);
                }
                finally
                {
                    ended.TrySetResult();
                }
            },
            stop.Token);
        await UntilAsync(() => lease.IsLeading);

        await plane.Api.PatchAsync<V1Lease>("default", "shoal", Patch.Merge("""{"spec":{"holderIdentity":"thief","leaseDurationSeconds":60}}"""));

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(lease.IsLeading);
        await stop.CancelAsync();
        await run;
    }

    private static LeaderLease Lease(IKubernetes api, string identity) =>
        new(api, "default", "shoal", identity, Quick, TimeProvider.System, NullLogger.Instance);

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(60); !holds();)
        {
            Assert.True(DateTime.UtcNow < deadline, "gave up waiting");
            await Task.Delay(20);
        }
    }
}
