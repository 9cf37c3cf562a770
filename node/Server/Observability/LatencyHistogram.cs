// How long the calls of one command took, in buckets that grow with the value: two significant digits from 1 ns to 1 s, laid out
// as HdrHistogram lays them out, so that percentiles and the bounds of LATENCY HISTOGRAM read as Redis's.
using System.Numerics;

namespace Shoal.Server.Observability;

/// <summary>Counts of durations in nanoseconds. Engine thread.</summary>
public sealed class LatencyHistogram
{
    private const int DigitBits = 7, Linear = 1 << (DigitBits + 1), PerPower = 1 << DigitBits;
    private const long Longest = 1_000_000_000;

    private readonly uint[] _counts = new uint[IndexOf(Longest) + 1];

    public long Total { get; private set; }

    /// <summary>Counts <paramref name="calls"/> calls of that duration; longer than a second counts as one second.</summary>
    public void Add(long nanoseconds, int calls)
    {
        _counts[IndexOf(Math.Clamp(nanoseconds, 1, Longest))] += (uint)calls;
        Total += calls;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Total = 0;
    }

    /// <summary>Microseconds within which <paramref name="percent"/> of the calls ended.</summary>
    public double Percentile(double percent)
    {
        long wanted = Math.Max(1, (long)(percent / 100 * Total + 0.5)), seen = 0;
        for (int i = 0; i < _counts.Length; i++)
            if ((seen += _counts[i]) >= wanted) return HighestOf(i) / 1000.0;
        return 0;
    }

    /// <summary>Upper bounds (microseconds, doubling) with the number of calls up to there; bounds that add none are left out.</summary>
    public IEnumerable<(long Microseconds, long Calls)> Doubling()
    {
        long seen = 0, told = 0;
        int next = 0;
        for (long bound = 1024; told < Total; bound *= 2)
        {
            long highest = HighestOf(Math.Min(IndexOf(bound), _counts.Length - 1));
            while (next < _counts.Length && HighestOf(next) <= highest) seen += _counts[next++];
            if (seen > told) yield return (highest / 1000, seen);
            told = seen;
        }
    }

    private static int IndexOf(long value)
    {
        if (value < Linear) return (int)value;
        int shift = BitOperations.Log2((ulong)value) - DigitBits;
        return Linear + (shift - 1) * PerPower + (int)((value >> shift) - PerPower);
    }

    /// <summary>Largest value that shares the bucket.</summary>
    private static long HighestOf(int index)
    {
        if (index < Linear) return index;
        int shift = (index - Linear) / PerPower + 1;
        long low = (long)((index - Linear) % PerPower + PerPower) << shift;
        return low + (1L << shift) - 1;
    }
}
