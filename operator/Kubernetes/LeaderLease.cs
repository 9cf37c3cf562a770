// At most one operator works: the one that holds the Lease. Times are measured on our own clock only (two machines'
// clocks need not agree): a lease is free when its record has not changed for its whole duration while we watched, and
// ours is given up when it has not been renewed for RenewDeadline, counted from before the request was sent, which is
// earlier than anyone else may take it.

using Microsoft.Extensions.Logging;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

/// <summary>Times of leader election. RenewDeadline must be shorter than Duration, RetryEvery shorter than RenewDeadline.</summary>
public sealed record LeaseOptions
{
    /// <summary>How long others wait after the last renewal they saw.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long we go on working after our last successful renewal.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pause between attempts to take or renew.</summary>
    public TimeSpan RetryEvery { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>Leader election on a coordination.k8s.io/v1 Lease.</summary>
public sealed class LeaderLease
{
    private readonly IKubernetes _kubernetes;
    private readonly string _namespace;
    private readonly string _name;
    private readonly string _identity;
    private readonly LeaseOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private V1Lease? _seen;
    private long _seenAt;
    private volatile bool _leading;

    /// <param name="identity">Unique per process, for example the pod's name and a random part.</param>
    public LeaderLease(IKubernetes kubernetes, string ns, string name, string identity, LeaseOptions options, TimeProvider clock, ILogger log)
    {
        if (options.RenewDeadline >= options.Duration || options.RetryEvery >= options.RenewDeadline)
        {
            throw new ArgumentException("a lease needs RetryEvery < RenewDeadline < Duration", nameof(options));
        }

        (_kubernetes, _namespace, _name, _identity, _options, _clock, _log) = (kubernetes, ns, name, identity, options, clock, log);
    }

    /// <summary>Whether the lease is ours at this moment.</summary>
    public bool IsLeading => _leading;

    /// <summary>
    /// Waits for the lease, runs <paramref name="work"/> with a token that is cancelled before anyone else could take the
    /// lease, and after a loss waits for it again. Returns when <paramref name="ct"/> is cancelled or the work ends by
    /// itself; the lease is released then, so that a successor need not wait. The work's exceptions come through.
    /// </summary>
    public async Task RunAsync(Func<CancellationToken, Task> work, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var asked = _clock.GetTimestamp();
            if (!await TryTakeAsync(ct).ConfigureAwait(false))
            {
                await DelayAsync(_options.RetryEvery, ct).ConfigureAwait(false);
                continue;
            }

            if (await LeadAsync(asked, work, ct).ConfigureAwait(false))
            {
                await ReleaseAsync().ConfigureAwait(false);
                return;
            }
        }
    }

    /// <returns>True when the work ended or was asked to; false when the lease was lost.</returns>
    private async Task<bool> LeadAsync(long renewedAt, Func<CancellationToken, Task> work, CancellationToken ct)
    {
        Log.LeaseTaken(_log, _name, _identity);
        using var deadline = new CancellationTokenSource(Left(renewedAt), _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        _leading = true;
        var running = Task.Run(() => work(both.Token), CancellationToken.None);
        try
        {
            while (!running.IsCompleted && !both.IsCancellationRequested)
            {
                await Task.WhenAny(running, DelayAsync(_options.RetryEvery, both.Token)).ConfigureAwait(false);
                if (running.IsCompleted || both.IsCancellationRequested)
                {
                    break;
                }

                var asked = _clock.GetTimestamp();
                if (await TryRenewAsync(both.Token).ConfigureAwait(false) is not { } renewed)
                {
                    await deadline.CancelAsync().ConfigureAwait(false);
                }
                else if (renewed)
                {
                    deadline.CancelAfter(Left(asked));
                }
            }
        }
        finally
        {
            _leading = false;
            await both.CancelAsync().ConfigureAwait(false);
        }

        var lost = deadline.IsCancellationRequested && !ct.IsCancellationRequested;
        if (lost)
        {
            Log.LeaseLost(_log, _name, "not renewed in time or taken by another");
        }

        await WaitForWorkAsync(running).ConfigureAwait(false);
        return !lost;
    }

    private static async Task WaitForWorkAsync(Task running)
    {
        try
        {
            await running.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It was asked to stop.
        }
    }

    private TimeSpan Left(long since)
    {
        var left = _options.RenewDeadline - _clock.GetElapsedTime(since);
        return left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
    }

    private async Task<bool> TryTakeAsync(CancellationToken ct)
    {
        try
        {
            var lease = await ReadAsync(ct).ConfigureAwait(false);
            if (lease is null)
            {
                Remember(await _kubernetes.CreateAsync(Fill(new V1Lease(), 0), ct).ConfigureAwait(false));
                return true;
            }

            Remember(lease);
            var holder = lease.Spec?.HolderIdentity;
            if (!string.IsNullOrEmpty(holder) && holder != _identity && !IsExpired(lease))
            {
                return false;
            }

            var transitions = (lease.Spec?.LeaseTransitions ?? 0) + (holder == _identity ? 0 : 1);
            Remember(await _kubernetes.ReplaceAsync(Fill(KubernetesJson.Clone(lease), transitions), ct: ct).ConfigureAwait(false));
            return true;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return false;
        }
        catch (KubernetesException e) when (e.Status == 409)
        {
            return false;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException)
        {
            Log.LeaseError(_log, _name, e.Message);
            return false;
        }
    }

    /// <returns>True renewed, false not this time, null it belongs to another now.</returns>
    private async Task<bool?> TryRenewAsync(CancellationToken ct)
    {
        try
        {
            var mine = KubernetesJson.Clone(_seen!);
            mine.Spec!.RenewTime = _clock.GetUtcNow();
            Remember(await _kubernetes.ReplaceAsync(mine, ct: ct).ConfigureAwait(false));
            return true;
        }
        catch (KubernetesException e) when (e.Status is 404 or 409)
        {
            return await IsStillMineAsync(ct).ConfigureAwait(false) ? false : null;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException or OperationCanceledException)
        {
            Log.LeaseError(_log, _name, e.Message);
            return false;
        }
    }

    private async Task<bool> IsStillMineAsync(CancellationToken ct)
    {
        try
        {
            var lease = await ReadAsync(ct).ConfigureAwait(false);
            if (lease?.Spec?.HolderIdentity == _identity)
            {
                Remember(lease);
                return true;
            }

            return false;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException or OperationCanceledException)
        {
            Log.LeaseError(_log, _name, e.Message);
            return true;
        }
    }

    private async Task ReleaseAsync()
    {
        using var limit = new CancellationTokenSource(_options.RetryEvery, _clock);
        try
        {
            var lease = KubernetesJson.Clone(_seen!);
            lease.Spec!.HolderIdentity = "";
            lease.Spec.LeaseDurationSeconds = 1;
            await _kubernetes.ReplaceAsync(lease, ct: limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException or OperationCanceledException)
        {
            // It will expire by itself.
            Log.LeaseError(_log, _name, e.Message);
        }
    }

    private Task<V1Lease?> ReadAsync(CancellationToken ct) => _kubernetes.GetAsync<V1Lease>(_namespace, _name, ct);

    private void Remember(V1Lease lease)
    {
        if (_seen?.Metadata.ResourceVersion != lease.Metadata.ResourceVersion || _seen?.Metadata.Uid != lease.Metadata.Uid)
        {
            _seenAt = _clock.GetTimestamp();
        }

        _seen = lease;
    }

    private bool IsExpired(V1Lease lease) =>
        _clock.GetElapsedTime(_seenAt) > TimeSpan.FromSeconds(lease.Spec?.LeaseDurationSeconds ?? (int)_options.Duration.TotalSeconds);

    private V1Lease Fill(V1Lease lease, int transitions)
    {
        var now = _clock.GetUtcNow();
        var keeps = lease.Spec?.HolderIdentity == _identity;
        lease.Metadata.Namespace = _namespace;
        lease.Metadata.Name = _name;
        lease.Spec ??= new V1LeaseSpec();
        lease.Spec.HolderIdentity = _identity;
        lease.Spec.LeaseDurationSeconds = (int)Math.Ceiling(_options.Duration.TotalSeconds);
        lease.Spec.AcquireTime = keeps ? lease.Spec.AcquireTime : now;
        lease.Spec.RenewTime = now;
        lease.Spec.LeaseTransitions = transitions;
        return lease;
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken ct)
    {
        try
        {
            await Task.Delay(delay, _clock, ct).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token.
        }
    }
}
