// The load of the fault tests: it never stops for a fault, remembers what was acknowledged, and reads it all back.
using System.Collections.Concurrent;
using System.Diagnostics;
using Shoal.Protocol.Client;

namespace Shoal.TestKit;

/// <summary>What a <see cref="ClusterWriter"/> saw.</summary>
/// <param name="Acknowledged">Writes answered with OK.</param>
/// <param name="Redirects">MOVED and ASK replies followed.</param>
/// <param name="Errors">Error replies other than redirects, by text without numbers, with their counts.</param>
/// <param name="Disconnects">Calls that ended without a reply.</param>
/// <param name="Lost">Keys whose acknowledged value was gone or older when read back, described.</param>
public sealed record WriterReport(
    long Acknowledged, long Redirects, IReadOnlyDictionary<string, int> Errors, long Disconnects, IReadOnlyList<string> Lost);

/// <summary>
/// Writes <c>SET prefix:n sequence</c> through a cluster client from several tasks, each owning its own keys so that the
/// last acknowledged value of a key is known exactly. A write whose fate is unknown (no reply) is tried again with the same value.
/// </summary>
public sealed class ClusterWriter : IAsyncDisposable
{
    private static readonly TimeSpan ReadPatience = TimeSpan.FromMinutes(2);
    private readonly ClusterClient client;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<string, int> errors = new();
    private readonly ConcurrentDictionary<string, long> acknowledged = new();
    private readonly Task[] tasks;
    private readonly string prefix;
    private readonly int keysPerWriter;
    private long count;
    private long disconnects;

    private ClusterWriter(ClusterClient client, string prefix, int writers, int keysPerWriter)
    {
        this.client = client;
        this.prefix = prefix;
        this.keysPerWriter = keysPerWriter;
        tasks = [.. Enumerable.Range(0, writers).Select(w => Task.Run(() => WriteAsync(w)))];
    }

    /// <summary>Writes answered with OK so far.</summary>
    public long Acknowledged => Interlocked.Read(ref count);

    /// <summary>Starts writing through the cluster that <paramref name="seed"/> belongs to.</summary>
    public static ClusterWriter Start(NodeAddress seed, string prefix = "w", int writers = 16, int keysPerWriter = 500) =>
        new(new ClusterClient([seed], new RespClientOptions { CallTimeout = TimeSpan.FromSeconds(20) }), prefix, writers, keysPerWriter);

    /// <summary>Waits until <paramref name="more"/> further writes were acknowledged.</summary>
    /// <exception cref="TimeoutException">They were not; the message says what the writer saw instead.</exception>
    public Task WaitForAsync(long more, TimeSpan timeout)
    {
        var goal = Acknowledged + more;
        return UntilAsync(() => Acknowledged >= goal, $"{more} further writes", timeout);
    }

    /// <summary>Waits until each key was acknowledged at least once: from here on no key can be new.</summary>
    public Task WaitForEveryKeyAsync(TimeSpan timeout) => UntilAsync(() => acknowledged.Count == tasks.Length * keysPerWriter, "a write to every key", timeout);

    /// <summary>A copy of what is acknowledged now: key and sequence number.</summary>
    public IReadOnlyDictionary<string, long> Snapshot() => new Dictionary<string, long>(acknowledged);

    /// <summary>Stops writing and reads every acknowledged key back.</summary>
    public async Task<WriterReport> StopAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(tasks);
        var lost = await FindLostAsync(client, acknowledged);
        return new WriterReport(Acknowledged, client.Redirects, new Dictionary<string, int>(errors), Interlocked.Read(ref disconnects), lost);
    }

    /// <summary>Which of <paramref name="expected"/> are missing or older than expected when read through <paramref name="client"/>.</summary>
    public static async Task<IReadOnlyList<string>> FindLostAsync(ClusterClient client, IEnumerable<KeyValuePair<string, long>> expected)
    {
        var lost = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(expected, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (pair, _) =>
        {
            var found = await ReadAsync(client, pair.Key);
            if (found is null || found < pair.Value) lost.Add($"{pair.Key}: acknowledged {pair.Value}, found {found?.ToString() ?? "nothing"}");
        });
        return [.. lost.Order()];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(tasks);
        await client.DisposeAsync();
        stop.Dispose();
    }

    private static async Task<long?> ReadAsync(ClusterClient client, string key)
    {
        for (var clock = Stopwatch.StartNew(); ;)
        {
            try
            {
                var reply = await client.CallAsync(key, "GET", key);
                if (!reply.IsError) return reply.IsNull ? null : reply.AsInteger();
                if (clock.Elapsed > ReadPatience) throw new RespException($"GET {key}: {reply.Text}");
            }
            catch (Exception e) when (e is IOException or TimeoutException && clock.Elapsed < ReadPatience)
            {
            }

            await Task.Delay(100);
        }
    }

    private async Task UntilAsync(Func<bool> holds, string what, TimeSpan timeout)
    {
        var clock = Stopwatch.StartNew();
        while (!holds())
        {
            if (clock.Elapsed > timeout)
                throw new TimeoutException($"no {what} in {timeout}: {Acknowledged} acknowledged, {disconnects} disconnects, {string.Join("; ", errors)}");
            await Task.Delay(20);
        }
    }

    private async Task WriteAsync(int writer)
    {
        for (var sequence = 1L; !stop.IsCancellationRequested; sequence++)
        {
            var key = $"{prefix}:{writer}:{sequence % keysPerWriter}";
            while (!await TryWriteAsync(key, sequence))
            {
                if (stop.IsCancellationRequested) return;
                await Task.Delay(20);
            }

            acknowledged[key] = sequence;
            Interlocked.Increment(ref count);
        }
    }

    private async Task<bool> TryWriteAsync(string key, long sequence)
    {
        try
        {
            var reply = await client.CallAsync(key, "SET", key, sequence.ToString());
            if (reply.IsOk) return true;
            errors.AddOrUpdate(reply.Text, 1, (_, n) => n + 1);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Interlocked.Increment(ref disconnects);
        }

        return false;
    }
}
