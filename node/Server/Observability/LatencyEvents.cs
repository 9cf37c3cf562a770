// LATENCY: what kept the engine busy for longer than latency-monitor-threshold, per kind of event, the last 160 seconds that had
// one. Kinds are Redis's: command, fast-command, expire-cycle, eviction-cycle.
namespace Shoal.Server.Observability;

/// <summary>The worst case of one second.</summary>
public readonly record struct LatencySample(long UnixSeconds, long Milliseconds);

/// <summary>One kind of event.</summary>
public sealed class LatencySeries
{
    private const int Kept = 160;

    private readonly Queue<LatencySample> _samples = new();

    /// <summary>The worst case since the last reset, in milliseconds.</summary>
    public long Worst { get; private set; }

    /// <summary>Oldest first.</summary>
    public IReadOnlyCollection<LatencySample> Samples => _samples;

    public LatencySample Last { get; private set; }

    public void Add(long unixSeconds, long milliseconds)
    {
        Worst = Math.Max(Worst, milliseconds);
        if (_samples.Count > 0 && Last.UnixSeconds == unixSeconds)
        {
            if (milliseconds > Last.Milliseconds) ReplaceLast(new LatencySample(unixSeconds, milliseconds));
            return;
        }
        if (_samples.Count == Kept) _samples.Dequeue();
        _samples.Enqueue(Last = new LatencySample(unixSeconds, milliseconds));
    }

    private void ReplaceLast(LatencySample sample)
    {
        for (int i = _samples.Count; i > 0; i--)
        {
            var oldest = _samples.Dequeue();
            _samples.Enqueue(i == 1 ? sample : oldest);
        }
        Last = sample;
    }
}

/// <summary>All kinds of events. Engine thread.</summary>
public sealed class LatencyEvents
{
    private readonly SortedDictionary<string, LatencySeries> _series = new(StringComparer.Ordinal);

    /// <summary>latency-monitor-threshold in milliseconds; 0 = off.</summary>
    public long Threshold { get; set; }

    public IReadOnlyDictionary<string, LatencySeries> All => _series;

    /// <summary>Notes an event when it took long enough.</summary>
    public void Offer(string name, long nowMs, long milliseconds)
    {
        if (Threshold == 0 || milliseconds < Threshold) return;
        if (!_series.TryGetValue(name, out var series)) _series[name] = series = new LatencySeries();
        series.Add(nowMs / 1000, milliseconds);
    }

    /// <summary>Forgets the named kinds (all when none is named); returns how many had something.</summary>
    public int Reset(IReadOnlyCollection<string> names)
    {
        if (names.Count > 0) return names.Count(n => _series.Remove(n));
        int count = _series.Count;
        _series.Clear();
        return count;
    }
}
