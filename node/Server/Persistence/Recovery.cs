// Start of the node: the data set from disk. With appendonly yes the append-only file is the truth (base, then increments in
// order), else dump.rdb. A tail that was being written when the power went is cut off with a warning; anything else that
// does not read stops the start with file and offset, so that nothing is overwritten before a human has looked.
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.Persistence.AppendOnly;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Store;

namespace Shoal.Server.Persistence;

/// <summary>What was loaded.</summary>
/// <param name="ReplicationId">History it belongs to, null when unknown.</param>
/// <param name="ReplicationOffset">Offset in that history.</param>
/// <param name="StreamDb">Database its stream has selected there.</param>
public sealed record RecoveredState(long Keys, string? ReplicationId, long ReplicationOffset, int StreamDb);

/// <summary>Loads snapshots and append-only files. Engine thread.</summary>
internal sealed class Recovery(NodeServices node, PersistenceSettings settings, SaveStatistics statistics, ILogger log)
{
    private const int SliceBytes = 64 * 1024;
    private static readonly TimeSpan BreatheEvery = TimeSpan.FromMilliseconds(5);
    private long _breathed = node.Time.GetTimestamp();
    private long _loadedBefore;
    private (string Id, long Offset, int Db)? _history;

    /// <summary>Sockets are served while loading. Not from within a command: its own connection is in use.</summary>
    public bool Breathes { get; init; } = true;

    /// <summary>A key that is there already is replaced by the snapshot's.</summary>
    public bool Replaces { get; init; }

    /// <summary>Loads dump.rdb; null when there is none.</summary>
    public RecoveredState? LoadSnapshot(bool dropExpired)
    {
        string path = settings.SnapshotPath;
        if (!File.Exists(path)) return null;
        return Loading(new FileInfo(path).Length, () =>
        {
            var contents = LoadSnapshot(path, dropExpired);
            return new RecoveredState(contents.Keys, contents.ReplicationId, contents.ReplicationOffset, contents.StreamDb);
        });
    }

    /// <summary>Loads a snapshot received from a primary.</summary>
    public SnapshotContents LoadReceived(string path)
    {
        SnapshotContents? contents = null;
        Loading(new FileInfo(path).Length, () =>
        {
            contents = LoadSnapshot(path, dropExpired: false);
            return new RecoveredState(contents.Keys, null, 0, 0);
        });
        return contents!;
    }

    /// <summary>Loads base and increments.</summary>
    public RecoveredState LoadAppendOnly(AofDirectory files)
    {
        return Loading(files.TotalBytes(), () =>
        {
            var order = files.Manifest.InLoadOrder.ToList();
            foreach (var file in order)
            {
                string path = files.PathOf(file);
                LoadAppendOnlyPart(path, last: file == order[^1]);
                _loadedBefore += new FileInfo(path).Length;
            }
            log.LogInformation("DB loaded from append only file: {Keys} keys", node.Databases.TotalKeys);
            return new RecoveredState(node.Databases.TotalKeys, _history?.Id, _history?.Offset ?? -1, _history?.Db ?? 0);
        });
    }

    private RecoveredState Loading(long bytes, Func<RecoveredState> load)
    {
        statistics.LoadStarted = node.NowMs / 1000;
        statistics.LoadTotal = bytes;
        statistics.LoadedBytes = _loadedBefore = 0;
        node.Serving.IsLoading = true;
        var mode = node.Databases.ExpiryMode;
        node.Databases.ExpiryMode = ExpiryMode.Ignore;
        try
        {
            return load();
        }
        finally
        {
            node.Databases.ExpiryMode = mode;
            node.Serving.IsLoading = false;
            node.Serving.Dirty = 0;
        }
    }

    private SnapshotContents LoadSnapshot(string path, bool dropExpired)
    {
        using var file = OpenSequential(path);
        using var from = new SnapshotDecoder(file);
        return LoadSnapshot(path, from, dropExpired);
    }

    private SnapshotContents LoadSnapshot(string path, SnapshotDecoder from, bool dropExpired)
    {
        var reader = new SnapshotReader(node.Databases, node.Functions) { DropsExpired = dropExpired, Replaces = Replaces, Tick = Tick };
        try
        {
            var contents = reader.Load(from);
            statistics.LoadedKeys = contents.Keys;
            statistics.LoadedExpired = contents.Expired;
            log.LogInformation("Done loading RDB {Path}, keys loaded: {Keys}, keys expired: {Expired}", path, contents.Keys, contents.Expired);
            return contents;
        }
        catch (SnapshotCorruptException bad)
        {
            throw new InvalidDataException($"Cannot load {path}: {bad.Message}", bad);
        }
    }

    /// <summary>A base (snapshot, or commands, or a snapshot with commands behind it) or an increment.</summary>
    private void LoadAppendOnlyPart(string path, bool last)
    {
        long commandsFrom = 0;
        using (var file = OpenSequential(path))
        {
            Span<byte> head = stackalloc byte[5];
            if (file.ReadAtLeast(head, 5, throwOnEndOfStream: false) == 5 && SnapshotReader.IsSnapshot(head))
            {
                file.Position = 0;
                using var from = new SnapshotDecoder(file);
                commandsFrom = LoadSnapshot(path, from, dropExpired: false).Length;
            }
        }
        long sound = LoadCommands(path, commandsFrom, out string? torn);
        if (torn is null) return;
        if (!last || !settings.LoadTruncated.Value)
            throw new InvalidDataException(
                $"Unexpected end of file reading the append only file {path} at offset {sound} ({torn}). " +
                "Make a backup of it, then use redis-check-aof --fix" + (last ? ", or set aof-load-truncated yes." : "."));
        log.LogWarning("!!! Warning: short read while loading the AOF file {Path}: {Reason}. Truncating it at offset {Offset}", path, torn, sound);
        using var truncated = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(truncated, sound);
        DiskSync.File(truncated);
    }

    /// <summary>Runs the commands from <paramref name="offset"/> on. Returns the offset behind the last whole unit.</summary>
    private unsafe long LoadCommands(string path, long offset, out string? torn)
    {
        using var applier = new StreamApplier(node.Dispatcher, isFile: true)
        {
            Unit = (_, _) => _history = null,
            Annotation = Annotate,
        };
        using var file = OpenSequential(path);
        using var buffer = new NativeBuffer(SliceBytes * 2);
        file.Position = offset;
        while (true)
        {
            var into = new Span<byte>(buffer.Reserve(SliceBytes), SliceBytes);
            int got = file.Read(into);
            buffer.Advance(got);
            if (got == 0) break;
            var status = applier.Consume(buffer.Start, buffer.Length, out int consumed);
            offset += consumed;
            if (status != StreamStatus.NeedsMore)
                throw new InvalidDataException(
                    $"Bad file format reading the append only file {path} at offset {offset}: {applier.Error}. " +
                    "Make a backup of it, then use redis-check-aof --fix");
            buffer.RemoveFirst(consumed);
            Tick(offset);
        }
        torn = buffer.Length == 0 ? null : applier.HoldsTransaction ? "MULTI without EXEC" : "a request is cut short";
        return offset;
    }

    /// <summary>Our own last line of a clean shutdown, "#REPL:id:offset:db", says where this data stands in which history.</summary>
    private void Annotate(string line)
    {
        var words = line.Split(':');
        if (words is ["#REPL", { Length: 40 } id, _, _] && long.TryParse(words[2], out long offset) && int.TryParse(words[3], out int db))
            _history = (id, offset, db);
    }

    private void Tick(long offset)
    {
        statistics.LoadedBytes = _loadedBefore + offset;
        if (!Breathes || node.Time.GetElapsedTime(_breathed) < BreatheEvery) return;
        node.Engine.Breathe();
        _breathed = node.Time.GetTimestamp();
    }

    private static FileStream OpenSequential(string path) =>
        new(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, BufferSize = 0, Options = FileOptions.SequentialScan });
}
