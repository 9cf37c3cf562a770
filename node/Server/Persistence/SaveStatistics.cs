// What INFO says about snapshots and rewrites; written by the saver.
namespace Shoal.Server.Persistence;

/// <summary>Counters and last results. Times in Unix seconds, durations in seconds, -1 = never.</summary>
public sealed class SaveStatistics
{
    public long LastSave { get; set; }

    public bool LastSaveOk { get; set; } = true;

    public long LastSaveSeconds { get; set; } = -1;

    public long LastTry { get; set; }

    public long Saves { get; set; }

    public bool LastRewriteOk { get; set; } = true;

    public long LastRewriteSeconds { get; set; } = -1;

    public long Rewrites { get; set; }

    public long RewriteFailures { get; set; }

    public long LoadedKeys { get; set; }

    public long LoadedExpired { get; set; }

    public long LoadStarted { get; set; }

    public long LoadTotal { get; set; }

    public long LoadedBytes { get; set; }
}
