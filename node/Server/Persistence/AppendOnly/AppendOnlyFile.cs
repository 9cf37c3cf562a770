// The append-only file as the engine sees it: turned on and off, fed at the end of each turn, rewritten. The bytes and the
// manifest are the writer thread's; this class keeps the order of events and what INFO reports.
using Microsoft.Extensions.Logging;
using Shoal.Server.Journal;

namespace Shoal.Server.Persistence.AppendOnly;

/// <summary>Whether writes go to disk.</summary>
public enum AofState
{
    Off,

    /// <summary>Turned on live: the first base is being written, nothing can be promised yet.</summary>
    Starting,
    On,
}

/// <summary>What the append-only file needs to know of the node.</summary>
public sealed record AofOptions(
    string Directory, string FolderName, string FileName, FsyncPolicy Policy, Func<bool> Timestamps,
    WriteJournal Journal, TimeProvider Clock, Action<Action> Post, ILogger Log, Action<string> Fatal);

/// <summary>The append-only file. Engine thread.</summary>
public sealed class AppendOnlyFile
{
    private const long MaxPending = 512L * 1024 * 1024;
    private readonly AofOptions _options;
    private readonly AofDirectory _directory;
    private readonly List<(long From, long To)> _skips = [];
    private AofWriter? _writer;
    private AofFile? _increment;
    private FsyncPolicy _policy;
    private long _olderIncrementBytes;

    public AppendOnlyFile(AofOptions options)
    {
        _options = options;
        _policy = options.Policy;
        _directory = new AofDirectory(options.Directory, options.FolderName, options.FileName);
    }

    public AofState State { get; private set; }

    /// <summary>Why bytes cannot be written now, or null.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Bytes of the base file.</summary>
    public long BaseBytes { get; private set; }

    /// <summary>Bytes of base and increments.</summary>
    public long CurrentBytes => BaseBytes + _olderIncrementBytes + (_writer?.FileBytes ?? 0);

    /// <summary>Bytes handed over and not written yet.</summary>
    public long PendingBytes => _writer?.Pending ?? 0;

    public long DelayedSyncs => _writer?.DelayedSyncs ?? 0;

    /// <summary>Where a rewrite's snapshot is to be written.</summary>
    public string TempBasePath => _directory.TempBasePath;

    internal AofDirectory Files => _directory;

    public FsyncPolicy Policy
    {
        get => _policy;
        set
        {
            _policy = value;
            if (_writer is not null) _writer.Policy = value;
            HoldReplies();
        }
    }

    /// <summary>Nothing has been written yet: the first base must be put at <see cref="TempBasePath"/> before <see cref="Open"/>.</summary>
    public bool IsNew => _directory.Manifest is { Base: null, Increments.Count: 0 };

    /// <summary>Start of the node, after recovery: goes on in the last increment.</summary>
    public void Open()
    {
        if (IsNew) _directory.ReplaceBase(_directory.CreateIncrement(), snapshot: true);
        else if (_directory.Manifest.Increments.Count == 0) _directory.AddIncrement(_directory.CreateIncrement());
        _increment = _directory.Manifest.Increments[^1];
        BaseBytes = _directory.BaseBytes();
        _olderIncrementBytes = _directory.TotalBytes() - BaseBytes - new FileInfo(_directory.PathOf(_increment)).Length;
        StartWriter(_directory.PathOf(_increment));
        State = AofState.On;
        HoldReplies();
    }

    /// <summary>The journal continues at another offset: reads it from there.</summary>
    public void Rebase(Action restartJournal)
    {
        Close();
        restartJournal();
        Open();
    }

    /// <summary>End of turn: what was appended may be written.</summary>
    public void EndTurn(long nowMs)
    {
        if (_writer is null) return;
        long end = _options.Journal.EndOffset;
        _options.Journal.TakeReplicationOnly(_skips);
        long second = _options.Timestamps() ? nowMs / 1000 : 0;
        foreach (var (from, to) in _skips)
        {
            _writer.Hand(from, second);
            _writer.Skip(to);
        }
        _skips.Clear();
        _writer.Hand(end, second);
        _writer.WriteInTurn();
        if (_writer.Pending > MaxPending) _writer.WaitBelow(MaxPending);
    }

    /// <summary>At a cut (between turns' writes): later writes go to a new increment. Call right before or after the snapshot's
    /// cut, with no write in between.</summary>
    public void BeginRewrite()
    {
        int db = _options.Journal.SelectedDb;
        if (State == AofState.Off)
        {
            _directory.Load();
            State = AofState.Starting;
            StartWriter(null);
        }
        EndTurn(0);
        RewriteFailed = false;
        bool starting = State == AofState.Starting;
        var writer = _writer!;
        writer.Run(() => SwitchIncrement(writer, starting, db));
    }

    /// <summary>The stream goes on in <paramref name="db"/> without saying so: a link resumed where an earlier process left off.</summary>
    public void Select(int db)
    {
        if (_writer is not { } writer) return;
        EndTurn(0);
        writer.Run(() => TryInsert(() => writer.Select(db)));
    }

    /// <summary>The new increment could not be created: the rewrite is void.</summary>
    public bool RewriteFailed { get; private set; }

    /// <summary>The snapshot at <see cref="TempBasePath"/> is whole: makes it the base. <paramref name="done"/> gets an error or null on the engine thread.</summary>
    public void FinishRewrite(bool snapshot, Action<string?> done)
    {
        var writer = _writer;
        if (writer is null || RewriteFailed)
        {
            done(RewriteFailed ? "the new increment could not be created" : "the append-only file was turned off");
            return;
        }
        writer.Run(() =>
        {
            string? error = null;
            long bytes = 0;
            try
            {
                writer.Sync();
                _directory.ReplaceBase(_increment!, snapshot);
                bytes = _directory.BaseBytes();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                error = e.Message;
            }
            _options.Post(() => Finished(writer, error, bytes, done));
        });
    }

    /// <summary>The rewrite was given up. A file that was only starting is off again.</summary>
    public void AbandonRewrite()
    {
        if (State == AofState.Starting) Close();
    }

    /// <summary>Writes and syncs everything, then stops (appendonly no, end of the node). Blocks for the disk.</summary>
    /// <param name="lastLine">An annotation to end with, or null.</param>
    public void Close(string? lastLine = null)
    {
        if (_writer is null) return;
        EndTurn(0);
        var writer = _writer;
        if (lastLine is not null && State == AofState.On && Trouble is null) writer.Run(() => TryInsert(() => writer.Line(lastLine)));
        _writer = null;
        _options.Journal.TracksReplicationOnly = false;
        State = AofState.Off;
        Trouble = null;
        HoldReplies();
        writer.Dispose();
        _options.Journal.PublishDurable(_options.Journal.EndOffset);
        _options.Journal.PublishReplyOffset(long.MaxValue);
        _options.Journal.RaiseDurable();
    }

    private void TryInsert(Action insert)
    {
        try
        {
            insert();
        }
        catch (IOException e)
        {
            _options.Log.LogError("Cannot write the append-only file: {Error}", e.Message);
        }
    }

    private void StartWriter(string? path)
    {
        _options.Journal.TracksReplicationOnly = true;
        var writer = new AofWriter(_options.Journal, _options.Clock, _options.Post, _options.Log, _policy) { Fatal = _options.Fatal };
        writer.TroubleChanged = trouble =>
        {
            if (_writer == writer) Trouble = trouble;
        };
        if (path is not null) writer.SwitchTo(path);
        writer.Start();
        _writer = writer;
    }

    /// <summary>Writer thread.</summary>
    private void SwitchIncrement(AofWriter writer, bool starting, int db)
    {
        try
        {
            var next = _directory.CreateIncrement();
            long before = writer.FileBytes;
            if (!starting) _directory.AddIncrement(next);
            writer.SwitchTo(_directory.PathOf(next));
            if (db > 0) writer.Select(db); // the stream will not say it again; every file is loaded from database 0
            _increment = next;
            if (!starting) _options.Post(() => _olderIncrementBytes += before);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _options.Log.LogError("Cannot begin a new append-only increment: {Error}", e.Message);
            _options.Post(() => RewriteFailed = true);
        }
    }

    private void Finished(AofWriter writer, string? error, long bytes, Action<string?> done)
    {
        if (error is null && _writer == writer)
        {
            BaseBytes = bytes;
            _olderIncrementBytes = 0;
            State = AofState.On;
            HoldReplies();
        }
        else if (State == AofState.Starting) Close();
        done(error);
    }

    private void HoldReplies() => _options.Journal.DiskHoldsReplies = State == AofState.On;
}
