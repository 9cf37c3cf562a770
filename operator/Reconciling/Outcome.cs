// What a reconciler says when it is done with a key.

namespace Shoal.Operator.Reconciling;

/// <summary>Done, look again after a while, or failed and to be retried with backoff.</summary>
public readonly record struct Outcome
{
    private Outcome(TimeSpan? after, bool isRetry, string? reason) => (LookAgain, IsRetry, Reason) = (after, isRetry, reason);

    /// <summary>Nothing more to do until something changes.</summary>
    public static Outcome Done { get; } = new(null, false, null);

    /// <summary>Try again after the key's backoff.</summary>
    public static Outcome Retry { get; } = new(null, true, null);

    /// <summary>When to look again; null = only on a change.</summary>
    public TimeSpan? LookAgain { get; }

    /// <summary>Whether the pass failed.</summary>
    public bool IsRetry { get; }

    /// <summary>Why it failed, for the log.</summary>
    public string? Reason { get; }

    /// <summary>Look again after <paramref name="delay"/> even if nothing changes.</summary>
    public static Outcome After(TimeSpan delay) => new(delay, false, null);

    /// <summary>Try again after the key's backoff, and say why.</summary>
    public static Outcome RetryBecause(string reason) => new(null, true, reason);
}
