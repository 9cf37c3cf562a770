// What the node knows about disks: recovery at start, the append-only file, snapshots. Composes them and speaks for them to
// the gates, INFO and replication.
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Observability;
using Shoal.Server.Persistence.AppendOnly;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Persistence;

/// <summary>Persistence of one node. Engine thread.</summary>
public sealed class Durability
{
    private readonly NodeServices _node;
    private readonly ILogger _log;

    public Durability(NodeServices node, PersistenceSettings settings)
    {
        _node = node;
        _log = node.Loggers.CreateLogger("Persistence");
        Settings = settings;
        Aof = new AppendOnlyFile(new AofOptions(
            settings.Directory, settings.AppendDirName.Value, settings.AppendFileName.Value, settings.Policy, () => settings.Timestamps.Value,
            node.Journal, node.Time, node.Engine.Post, _log, DieOf));
        Saver = new SnapshotSaver(node, settings, Aof, _log);
        settings.AppendOnlyChanged = ChangeAppendOnly;
        settings.PolicyChanged = () => Aof.Policy = settings.Policy;
    }

    public PersistenceSettings Settings { get; }

    public AppendOnlyFile Aof { get; }

    public SnapshotSaver Saver { get; }

    /// <summary>A data set was loaded from disk (it may be empty only when the files said so).</summary>
    public RecoveredState? Recovered { get; private set; }

    /// <summary>Line that ends the append-only file of a clean shutdown; set by replication.</summary>
    public Func<string?> LastLine { get; set; } = () => null;

    /// <summary>Last chance of a turn to append: what comes later waits for the next turn's hand-off.</summary>
    public Action? BeforeHandOff { get; set; }

    /// <summary>Expired keys of a snapshot are dropped while loading (false on replicas: the primary says when they go).</summary>
    public Func<bool> DropsExpired { get; set; } = () => true;

    /// <summary>Why clients' writes are refused, or null.</summary>
    public string? WriteRefusal
    {
        get
        {
            if (Aof.Trouble is { } trouble) return $"MISCONF Errors writing to the AOF file: {trouble}";
            bool failed = !Saver.Statistics.LastSaveOk && Settings.StopWritesOnError.Value && Settings.Save.Value.Count > 0;
            return failed ? ErrorReplies.MisconfSnapshot : null;
        }
    }

    /// <summary>Loads what is on disk and opens the append-only file. Throws <see cref="InvalidDataException"/> or <see cref="IOException"/>: the node
    /// must not start.</summary>
    public void Recover()
    {
        SweepTemporaries();
        _node.Serving.IsLoading = true;
        Load();
        _node.Serving.IsLoading = false;
    }

    private void Load()
    {
        var recovery = new Recovery(_node, Settings, Saver.Statistics, _log);
        if (!Settings.AppendOnly.Value)
        {
            Recovered = recovery.LoadSnapshot(DropsExpired());
            return;
        }
        Aof.Files.Load();
        if (!Aof.IsNew) Recovered = recovery.LoadAppendOnly(Aof.Files);
        else
        {
            if (File.Exists(Settings.SnapshotPath))
                _log.LogWarning("{Path} exists, but appendonly is yes and there is no append-only file: starting empty, as Redis does. " +
                    "To keep that data start with appendonly no, then CONFIG SET appendonly yes", Settings.SnapshotPath);
            if (Saver.WriteBaseNow() is { } error) throw new IOException($"Cannot create the append-only file: {error}");
        }
        Aof.Open();
    }

    /// <summary>DEBUG RELOAD: reads the snapshot file again, in one go. Throws as <see cref="Recover"/>.</summary>
    public void Reload(bool flush, bool merge)
    {
        if (flush)
        {
            _node.Databases.Clear();
            _node.Functions.Clear();
        }
        new Recovery(_node, Settings, Saver.Statistics, _log) { Breathes = false, Replaces = merge }.LoadSnapshot(DropsExpired());
    }

    /// <summary>DEBUG LOADAOF: what was written so far is read again, in one go.</summary>
    public void ReloadAppendOnly()
    {
        bool isOn = Aof.State == AofState.On;
        Saver.Cancel();
        Aof.Close();
        _node.Databases.Clear();
        _node.Functions.Clear();
        Aof.Files.Load();
        new Recovery(_node, Settings, Saver.Statistics, _log) { Breathes = false }.LoadAppendOnly(Aof.Files);
        if (isOn) Aof.Open();
    }

    /// <summary>Replaces the data by a snapshot received from the primary. The append-only file starts anew behind it.</summary>
    public SnapshotContents LoadReceived(string path)
    {
        Saver.Cancel();
        Aof.Close();
        _node.Databases.Clear();
        _node.Functions.Clear();
        try
        {
            return new Recovery(_node, Settings, Saver.Statistics, _log).LoadReceived(path);
        }
        catch (InvalidDataException)
        {
            _node.Databases.Clear();
            _node.Functions.Clear();
            throw;
        }
    }

    /// <summary>After a full sync, when the journal stands at its new offset: the append-only file starts with a new base.</summary>
    public void RestartAppendOnly()
    {
        if (Settings.AppendOnly.Value && Aof.State == AofState.Off) Saver.Begin(SaveKind.Rewrite);
    }

    /// <summary>Turn task, behind everything that writes.</summary>
    public void EndTurn()
    {
        Saver.EndTurn();
        BeforeHandOff?.Invoke();
        Aof.EndTurn(_node.NowMs);
    }

    /// <summary>The last step of the node: what was acknowledged is on disk; a snapshot when asked or configured.</summary>
    public string? Close(SaveMode save)
    {
        Saver.Cancel();
        bool snapshot = save == SaveMode.Save || (save == SaveMode.AsConfigured && Settings.Save.Value.Count > 0);
        if (snapshot && !_node.Serving.IsLoading && Saver.SaveNow() is { } error) return $"Error trying to save the DB: {error}";
        Aof.Close(LastLine());
        return null;
    }

    public void Report(InfoLines lines)
    {
        var s = Saver.Statistics;
        lines.Add("loading", _node.Serving.IsLoading).Add("async_loading", 0L)
            .Add("current_cow_peak", 0L).Add("current_cow_size", 0L).Add("current_cow_size_age", 0L).Add("current_fork_perc", Percent())
            .Add("current_save_keys_processed", Saver.Progress.Done).Add("current_save_keys_total", Saver.Progress.Total)
            .Add("rdb_changes_since_last_save", _node.Serving.Dirty)
            .Add("rdb_bgsave_in_progress", Saver.Running == SaveKind.Snapshot)
            .Add("rdb_last_save_time", s.LastSave)
            .Add("rdb_last_bgsave_status", s.LastSaveOk ? "ok" : "err")
            .Add("rdb_last_bgsave_time_sec", s.LastSaveSeconds)
            .Add("rdb_current_bgsave_time_sec", Saver.RunningSeconds(SaveKind.Snapshot))
            .Add("rdb_saves", s.Saves).Add("rdb_last_cow_size", 0L)
            .Add("rdb_last_load_keys_expired", s.LoadedExpired).Add("rdb_last_load_keys_loaded", s.LoadedKeys)
            .Add("aof_enabled", Aof.State != AofState.Off)
            .Add("aof_rewrite_in_progress", Saver.Running == SaveKind.Rewrite)
            .Add("aof_rewrite_scheduled", Saver.Scheduled == SaveKind.Rewrite)
            .Add("aof_last_rewrite_time_sec", s.LastRewriteSeconds)
            .Add("aof_current_rewrite_time_sec", Saver.RunningSeconds(SaveKind.Rewrite))
            .Add("aof_last_bgrewrite_status", s.LastRewriteOk ? "ok" : "err")
            .Add("aof_rewrites", s.Rewrites).Add("aof_rewrites_consecutive_failures", s.RewriteFailures)
            .Add("aof_last_write_status", Aof.Trouble is null ? "ok" : "err").Add("aof_last_cow_size", 0L)
            .Add("module_fork_in_progress", 0L).Add("module_fork_last_cow_size", 0L);
        if (Aof.State != AofState.Off)
        {
            lines.Add("aof_current_size", Aof.CurrentBytes).Add("aof_base_size", Aof.BaseBytes)
                .Add("aof_pending_rewrite", Saver.Scheduled == SaveKind.Rewrite).Add("aof_buffer_length", Aof.PendingBytes)
                .Add("aof_pending_bio_fsync", 0L).Add("aof_delayed_fsync", Aof.DelayedSyncs);
        }
        if (_node.Serving.IsLoading) ReportLoading(lines, s);
    }

    private double Percent() => Saver.Progress is { Total: > 0 } p ? Math.Min(100.0 * p.Done / p.Total, 100) : 0;

    private void ReportLoading(InfoLines lines, SaveStatistics s)
    {
        double share = s.LoadTotal > 0 ? Math.Min((double)s.LoadedBytes / s.LoadTotal, 1) : 0;
        long elapsed = Math.Max(_node.Time.GetUtcNow().ToUnixTimeSeconds() - s.LoadStarted, 1);
        lines.Add("loading_start_time", s.LoadStarted).Add("loading_total_bytes", s.LoadTotal)
            .Add("loading_rdb_used_mem", 0L).Add("loading_loaded_bytes", s.LoadedBytes).Add("loading_loaded_perc", share * 100)
            .Add("loading_eta_seconds", share > 0 ? (long)(elapsed / share) - elapsed : 1);
    }

    private string? ChangeAppendOnly(bool on)
    {
        if (_node.Serving.IsLoading) return null;
        if (!on)
        {
            if (Saver.Running == SaveKind.Rewrite) Saver.Cancel();
            Aof.Close();
        }
        else if (Aof.State == AofState.Off)
        {
            if (Saver.Running == SaveKind.None) Saver.Begin(SaveKind.Rewrite);
            else Saver.Schedule(SaveKind.Rewrite);
        }
        return null;
    }

    private void SweepTemporaries()
    {
        foreach (string left in Directory.EnumerateFiles(Settings.Directory, "temp-*.rdb"))
        {
            _log.LogInformation("Removing {Path}, left by a snapshot that did not end", left);
            File.Delete(left);
        }
    }

    private void DieOf(string reason)
    {
        _log.LogCritical("{Reason}. Exiting: acknowledged writes could be lost", reason);
        Environment.Exit(1);
    }
}
