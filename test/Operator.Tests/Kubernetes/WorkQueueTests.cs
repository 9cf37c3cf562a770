// The promises of the queue: each key once, never two workers on one key, delays and backoff by the clock.

using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class WorkQueueTests
{
    private static readonly NamespacedName A = new("ns", "a");
    private static readonly NamespacedName B = new("ns", "b");

    [Fact]
    public async Task A_key_is_queued_once()
    {
        using var queue = new WorkQueue(new ManualClock());
        queue.Add(A);
        queue.Add(A);
        queue.Add(B);

        Assert.Equal(2, queue.Count);
        Assert.Equal((A, B), ((await queue.TakeAsync())!.Value, (await queue.TakeAsync())!.Value));
    }

    [Fact]
    public async Task A_key_added_while_worked_on_comes_back_only_when_done()
    {
        using var queue = new WorkQueue(new ManualClock());
        queue.Add(A);
        await queue.TakeAsync();
        queue.Add(A);
        var next = queue.TakeAsync().AsTask();
        Assert.False(next.IsCompleted);

        queue.Done(A);

        Assert.Equal(A, await next.WaitAsync(TimeSpan.FromSeconds(30)));
        queue.Done(A);
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task A_delayed_key_comes_when_its_time_has_come_and_the_earliest_counts()
    {
        var clock = new ManualClock();
        using var queue = new WorkQueue(clock);
        queue.AddAfter(A, TimeSpan.FromSeconds(10));
        queue.AddAfter(A, TimeSpan.FromSeconds(5));
        queue.AddAfter(A, TimeSpan.FromSeconds(20));
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(0, queue.Count);

        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(A, await queue.TakeAsync());
        queue.Done(A);
        clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void Failures_back_off_twice_as_long_each_time_up_to_the_limit_and_forget_starts_over()
    {
        using var queue = new WorkQueue(new ManualClock(), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8));

        var delays = Enumerable.Range(0, 6).Select(_ => queue.AddAfterFailure(A).TotalSeconds).ToList();

        double[] expected = [1, 2, 4, 8, 8, 8];
        Assert.All(delays.Zip(expected), d => Assert.InRange(d.First, d.Second, d.Second * 1.1));
        queue.Forget(A);
        Assert.InRange(queue.AddAfterFailure(A).TotalSeconds, 1, 1.1);
    }

    [Fact]
    public async Task Closing_ends_the_waits()
    {
        using var queue = new WorkQueue(TimeProvider.System);
        var waiting = queue.TakeAsync().AsTask();

        queue.Close();

        Assert.Null(await waiting);
        queue.Add(A);
        Assert.Null(await queue.TakeAsync());
    }

    [Fact]
    public async Task A_cancelled_wait_loses_no_key()
    {
        using var queue = new WorkQueue(new ManualClock());
        using var cancel = new CancellationTokenSource();
        var waiting = queue.TakeAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        queue.Add(A);

        Assert.Equal(A, await queue.TakeAsync());
    }

    [Fact]
    public async Task Many_workers_never_share_a_key()
    {
        using var queue = new WorkQueue(TimeProvider.System);
        var busy = new int[5];
        var done = 0;
        var workers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (await queue.TakeAsync() is { } key)
            {
                var slot = key.Name[0] - 'a';
                Assert.Equal(1, Interlocked.Increment(ref busy[slot]));
                await Task.Yield();
                Interlocked.Decrement(ref busy[slot]);
                Interlocked.Increment(ref done);
                queue.Done(key);
            }
        })).ToList();
        for (var i = 0; i < 2000; i++)
        {
            queue.Add(new NamespacedName("ns", ((char)('a' + (i % 5))).ToString()));
            if (i % 50 == 0)
            {
                await Task.Yield();
            }
        }

        while (queue.Count > 0)
        {
            await Task.Delay(1);
        }

        queue.Close();
        await Task.WhenAll(workers);
        Assert.True(done >= 5);
    }
}
