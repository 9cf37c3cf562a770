// The operator's few numbers, in Prometheus's text format.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Shoal.Operator.Observability;

/// <summary>Counters of one operator process. Thread-safe.</summary>
public sealed class OperatorMetrics
{
    private readonly ConcurrentDictionary<string, Counts> passes = new();

    /// <summary>The lease is ours.</summary>
    public bool IsLeading { get; set; }

    /// <summary>When the API server last talked to the informer it has neglected longest; null while not leading.</summary>
    public Func<DateTimeOffset?> LastContact { get; set; } = () => null;

    /// <summary>Counts one pass of a controller.</summary>
    public void Pass(string controller, TimeSpan took, bool failed)
    {
        var counts = passes.GetOrAdd(controller, _ => new Counts());
        Interlocked.Increment(ref counts.Total);
        Interlocked.Add(ref counts.Microseconds, (long)took.TotalMicroseconds);
        if (failed)
        {
            Interlocked.Increment(ref counts.Failed);
        }
    }

    /// <summary>The text of /metrics.</summary>
    public string Text()
    {
        var text = new StringBuilder("# HELP shoal_operator_leading Whether this process holds the lease.\n# TYPE shoal_operator_leading gauge\n");
        text.Append("shoal_operator_leading ").Append(IsLeading ? 1 : 0).Append('\n');
        Append("shoal_operator_passes_total", "Reconcile passes.", c => c.Total);
        Append("shoal_operator_passes_failed_total", "Reconcile passes that failed.", c => c.Failed);
        Append("shoal_operator_pass_microseconds_total", "Time spent in reconcile passes.", c => c.Microseconds);
        return text.ToString();

        void Append(string name, string help, Func<Counts, long> value)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} counter\n");
            foreach (var (controller, counts) in passes.OrderBy(p => p.Key, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{{controller=\"{controller}\"}} {value(counts)}\n");
            }
        }
    }

    private sealed class Counts
    {
        public long Total;
        public long Failed;
        public long Microseconds;
    }
}
