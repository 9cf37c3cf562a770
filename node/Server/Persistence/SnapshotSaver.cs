// Who writes snapshots and when: SAVE, BGSAVE, save points, rewrites of the append-only file. One at a time, as in Redis; a
// cut is made at the end of a turn, where no transaction is half done, and walked a slice per turn.
using Microsoft.Extensions.Logging;
using Shoal.Server.Hosting;
using Shoal.Server.Persistence.AppendOnly;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Persistence;

/// <summary>What the saver is busy with, or waits to begin.</summary>
public enum SaveKind
{
    None,
    Snapshot,
    Rewrite,
}

/// <summary>Runs snapshots and rewrites in the background. Engine thread.</summary>
public sealed class SnapshotSaver(NodeServices node, PersistenceSettings settings, AppendOnlyFile aof, ILogger log)
{
    private const long SliceMicroseconds = 300;
    private const long RetrySeconds = 5;
    private static readonly TimeSpan DiskPause = TimeSpan.FromMilliseconds(2);
    private SnapshotWriter? _writer;
    private SaveKind _scheduled;
    private long _dirtyAtCut;
    private long _started;

    public SaveStatistics Statistics { get; } = new() { LastSave = node.NowMs / 1000 };

    /// <summary>What runs now (begun, or to begin at the end of this turn).</summary>
    public SaveKind Running { get; private set; }

    /// <summary>Begins when the running one ends.</summary>
    public SaveKind Scheduled => _scheduled;

    /// <summary>What the head of a snapshot is to say; replaced by replication.</summary>
    public Func<bool, SnapshotOrigin> Origin { get; set; } = aofBase => new SnapshotOrigin(aofBase, null, 0, 0);

    /// <summary>Seconds the running one has taken, -1 when none of <paramref name="kind"/> runs.</summary>
    public long RunningSeconds(SaveKind kind) => Running == kind ? node.NowMs / 1000 - _started : -1;

    /// <summary>Entries written of entries at the cut.</summary>
    public (long Done, long Total) Progress => _writer is { } w ? (w.Entries, w.Expected) : (0, 0);

    /// <summary>Begins at the end of this turn.</summary>
    public void Begin(SaveKind kind)
    {
        Running = kind;
        _started = node.NowMs / 1000;
        if (kind == SaveKind.Snapshot) Statistics.LastTry = _started;
    }

    /// <summary>Begins as soon as nothing else runs.</summary>
    public void Schedule(SaveKind kind) => _scheduled = kind;

    /// <summary>Turn task: cuts, walks.</summary>
    public void EndTurn()
    {
        if (Running == SaveKind.None)
        {
            if (_scheduled == SaveKind.None) return;
            Begin(_scheduled);
            _scheduled = SaveKind.None;
        }
        if (_writer is null) Cut();
        else if (!_writer.IsDone)
        {
            _writer.Step(SliceMicroseconds);
            if (aof.RewriteFailed && Running == SaveKind.Rewrite) GiveRewriteUp(_writer);
        }
        if (_writer is not { IsDone: false } writer) return;
        if (writer.IsWaiting) node.Engine.After(DiskPause, static () => { });
        else node.Engine.Hurry();
    }

    /// <summary>Once a second: save points and growth of the append-only file.</summary>
    public void EachSecond()
    {
        if (Running != SaveKind.None || node.Serving.IsLoading) return;
        long now = node.NowMs / 1000;
        if (settings.AppendOnly.Value && aof.State == AofState.Off && now - _started > RetrySeconds)
        {
            Begin(SaveKind.Rewrite); // asked for and could not be had: the disk may be better now
            return;
        }
        bool mayTry = Statistics.LastSaveOk || now - Statistics.LastTry > RetrySeconds;
        foreach (var point in settings.SavePoints)
        {
            if (!mayTry || node.Serving.Dirty < Math.Max(point.Changes, 1) || now - Statistics.LastSave <= point.Seconds) continue;
            log.LogInformation("{Changes} changes in {Seconds} seconds. Saving...", point.Changes, point.Seconds);
            Begin(SaveKind.Snapshot);
            return;
        }
        if (aof.State != AofState.On || settings.RewritePercentage.Value == 0 || aof.CurrentBytes <= settings.RewriteMinSize.Value) return;
        long growth = aof.CurrentBytes * 100 / Math.Max(aof.BaseBytes, 1) - 100;
        if (growth < settings.RewritePercentage.Value) return;
        log.LogInformation("Starting automatic rewriting of AOF on {Growth}% growth", growth);
        Begin(SaveKind.Rewrite);
    }

    /// <summary>SAVE: writes the snapshot while everything waits. Returns null or the reason it failed.</summary>
    public string? SaveNow()
    {
        long started = node.NowMs / 1000;
        string? error = Write(TempPath("save"), settings.SnapshotPath, aofBase: false);
        Saved(error, started, node.Serving.Dirty);
        return error;
    }

    /// <summary>Writes the first base of a new append-only file while everything waits.</summary>
    public string? WriteBaseNow() => Write(aof.TempBasePath, null, aofBase: true);

    private string? Write(string temporary, string? name, bool aofBase)
    {
        using var ended = new ManualResetEventSlim();
        string? error = null;
        var file = new SnapshotFile(temporary, name, settings.Checksum.Value, action =>
        {
            action();
            ended.Set();
        }, (e, _) => error = e);
        var writer = new SnapshotWriter(node.Databases, node.Functions, file, settings.Compression.Value);
        writer.Begin(Origin(aofBase), node.Time, EvictionPolicy);
        var wait = new SpinWait();
        while (!writer.Step(1_000_000)) wait.SpinOnce();
        ended.Wait();
        return error;
    }

    /// <summary>Gives a running snapshot or rewrite up (a full sync replaces the data, the node ends).</summary>
    public void Cancel()
    {
        if (_writer is { IsDone: false } || (_writer is null && Running != SaveKind.None))
        {
            _writer?.Cancel();
            if (Running == SaveKind.Rewrite) aof.AbandonRewrite();
            _writer = null;
            Running = SaveKind.None;
        }
        _scheduled = SaveKind.None;
    }

    private void GiveRewriteUp(SnapshotWriter writer)
    {
        writer.Cancel();
        aof.AbandonRewrite();
        Rewritten(writer, "the new increment could not be created", _started);
    }

    private string EvictionPolicy => node.Config.Find("maxmemory-policy")?.Text ?? "noeviction";

    private string TempPath(string use) => Path.Combine(settings.Directory, $"temp-{use}-{Environment.ProcessId}.rdb");

    private void Cut()
    {
        var kind = Running;
        long started = _started;
        _dirtyAtCut = node.Serving.Dirty;
        SnapshotFile file;
        SnapshotWriter? writer = null;
        if (kind == SaveKind.Rewrite)
        {
            if (TryBeginRewrite() is { } refused)
            {
                Rewritten(null, refused, started);
                return;
            }
            file = new SnapshotFile(aof.TempBasePath, null, true, node.Engine.Post, (error, _) => Written(writer, error, started));
        }
        else
        {
            long dirty = _dirtyAtCut;
            file = new SnapshotFile(TempPath("bgsave"), settings.SnapshotPath, settings.Checksum.Value, node.Engine.Post, (error, _) =>
            {
                if (_writer != writer) return;
                Ended();
                Saved(error, started, dirty);
            });
        }
        _writer = writer = new SnapshotWriter(node.Databases, node.Functions, file, settings.Compression.Value);
        writer.Begin(Origin(kind == SaveKind.Rewrite), node.Time, EvictionPolicy);
    }

    private string? TryBeginRewrite()
    {
        try
        {
            aof.BeginRewrite();
            return null;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private void Written(SnapshotWriter? writer, string? error, long started)
    {
        if (_writer != writer) return;
        if (error is null) aof.FinishRewrite(snapshot: true, failed => Rewritten(writer, failed, started));
        else
        {
            aof.AbandonRewrite();
            Rewritten(writer, error, started);
        }
    }

    private void Rewritten(SnapshotWriter? writer, string? error, long started)
    {
        if (_writer != writer) return;
        Ended();
        if (!settings.AppendOnly.Value) aof.Close(); // BGREWRITEAOF with appendonly no leaves a file, and stays off
        Statistics.LastRewriteOk = error is null;
        Statistics.LastRewriteSeconds = node.NowMs / 1000 - started;
        if (error is null)
        {
            Statistics.Rewrites++;
            Statistics.RewriteFailures = 0;
            log.LogInformation("Background AOF rewrite finished successfully");
            return;
        }
        Statistics.RewriteFailures++;
        log.LogError("Background AOF rewrite failed: {Error}", error);
    }

    private void Saved(string? error, long started, long dirtyAtCut)
    {
        long now = node.Time.GetUtcNow().ToUnixTimeSeconds();
        Statistics.LastSaveOk = error is null;
        Statistics.LastSaveSeconds = now - started;
        if (error is null)
        {
            Statistics.LastSave = now;
            Statistics.Saves++;
            node.Serving.Dirty -= dirtyAtCut;
            log.LogInformation("DB saved on disk");
            return;
        }
        log.LogError("Failed saving the DB: {Error}", error);
    }

    private void Ended()
    {
        _writer = null;
        Running = SaveKind.None;
    }
}
