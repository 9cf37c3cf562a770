// Keeps the objects on disk. One append-only log of changes beside the snapshot it continues; every line carries its own
// checksum, so that a process killed in the middle of a line loses that line only.
//
//   state-<revision>.snapshot   every object as of <revision>, one line each, closed by an `end` line
//   state-<revision>.log        changes after <revision>, one line each
//
//   line: <crc32c, 8 hex digits> <revision> <put|delete|end> <resource> <object as JSON>\n
//         the checksum covers everything between the space after it and the newline
//
// A snapshot becomes visible by rename, after its log has been created, so one of the two pairs is always whole.
using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Storage;

internal enum StateOperation { Put, Delete, End }

internal readonly record struct StateLine(long Revision, StateOperation Operation, string Resource, JsonObject? Tree);

internal sealed class StateLog : IDisposable
{
    private const long SmallestLogToCompact = 4 << 20;
    private readonly string directory;
    private readonly FileStream owner;
    private FileStream log;
    private long snapshotBytes;

    private StateLog(string directory, FileStream owner, FileStream log, long snapshotBytes) =>
        (this.directory, this.owner, this.log, this.snapshotBytes) = (directory, owner, log, snapshotBytes);

    /// <summary>True once the log has outgrown its snapshot and <see cref="Compact"/> is worth its cost.</summary>
    public bool IsWorthCompacting => log.Length > Math.Max(SmallestLogToCompact, 2 * snapshotBytes);

    /// <summary>
    /// Opens the directory for this process alone and hands every line to <paramref name="load"/>, oldest first. A torn last
    /// line is cut off. Throws IOException when another process has it, InvalidDataException when a line in the middle is corrupt.
    /// </summary>
    public static StateLog Open(string directory, Action<StateLine> load)
    {
        Directory.CreateDirectory(directory);
        var owner = Lock(directory);
        try
        {
            var snapshot = Directory.GetFiles(directory, "state-*.snapshot").OrderBy(RevisionOf).LastOrDefault();
            var revision = snapshot is null ? 0 : RevisionOf(snapshot);
            if (snapshot is not null) Read(snapshot, load, isSnapshot: true);
            var path = Path.Combine(directory, $"state-{revision}.log");
            var end = File.Exists(path) ? Read(path, load, isSnapshot: false) : 0;
            var log = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 1);
            log.SetLength(end);
            log.Seek(0, SeekOrigin.End);
            var opened = new StateLog(directory, owner, log, snapshot is null ? 0 : new FileInfo(snapshot).Length);
            opened.RemoveOlderThan(revision);
            return opened;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Appends one change; it is with the operating system when this returns. When it throws (a full disk), the part that was
    /// written is taken back, so that later lines still follow a whole one.
    /// </summary>
    public void Append(StateOperation operation, StoredObject changed)
    {
        var end = log.Position;
        try
        {
            log.Write(Encode(changed.Revision, operation, changed.Resource, changed.Bytes));
        }
        catch (IOException)
        {
            log.SetLength(end);
            log.Seek(end, SeekOrigin.Begin);
            throw;
        }
    }

    /// <summary>
    /// Starts a new pair from all living objects. False when the disk refuses: the old pair stays in use and the next try waits
    /// until the log has doubled.
    /// </summary>
    public bool TryCompact(long revision, IEnumerable<StoredObject> objects)
    {
        try
        {
            Compact(revision, objects);
            return true;
        }
        catch (IOException)
        {
            snapshotBytes = log.Length;
            return false;
        }
    }

    private void Compact(long revision, IEnumerable<StoredObject> objects)
    {
        var target = Path.Combine(directory, $"state-{revision}.snapshot");
        var draft = target + ".tmp";
        using (var file = new FileStream(draft, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
        {
            foreach (var each in objects) file.Write(Encode(each.Revision, StateOperation.Put, each.Resource, each.Bytes));
            file.Write(Encode(revision, StateOperation.End, "-", "null"u8));
            file.Flush(flushToDisk: true);
            snapshotBytes = file.Length;
        }
        var next = new FileStream(Path.Combine(directory, $"state-{revision}.log"), FileMode.Create, FileAccess.Write, FileShare.Read, 1);
        File.Move(draft, target, overwrite: true);
        log.Dispose();
        log = next;
        RemoveOlderThan(revision);
    }

    public void Dispose()
    {
        log.Dispose();
        owner.Dispose();
    }

    private static FileStream Lock(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException))
        {
            throw new IOException($"another sandbox is running on {Path.GetDirectoryName(Path.GetFullPath(directory))}", e);
        }
    }

    private void RemoveOlderThan(long revision)
    {
        foreach (var file in Directory.GetFiles(directory, "state-*"))
            if (RevisionOf(file) != revision || file.EndsWith(".tmp", StringComparison.Ordinal)) File.Delete(file);
    }

    private static long RevisionOf(string path)
    {
        var text = Path.GetFileName(path)["state-".Length..];
        return long.TryParse(text[..text.IndexOf('.')], NumberStyles.None, CultureInfo.InvariantCulture, out var r) ? r : -1;
    }

    private static byte[] Encode(long revision, StateOperation operation, string resource, ReadOnlySpan<byte> json)
    {
        var word = operation switch { StateOperation.Put => "put", StateOperation.Delete => "delete", _ => "end" };
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{revision} {word} {resource} "));
        var line = new byte[9 + head.Length + json.Length + 1];
        head.CopyTo(line.AsSpan(9));
        json.CopyTo(line.AsSpan(9 + head.Length));
        var checksum = Checksum(line.AsSpan(9, head.Length + json.Length));
        Utf8Formatter.TryFormat(checksum, line, out _, new System.Buffers.StandardFormat('x', 8));
        line[8] = (byte)' ';
        line[^1] = (byte)'\n';
        return line;
    }

    /// <returns>Offset of the end of the last whole line.</returns>
    private static long Read(string path, Action<StateLine> load, bool isSnapshot)
    {
        var bytes = File.ReadAllBytes(path);
        var offset = 0;
        var ended = false;
        while (offset < bytes.Length)
        {
            var length = bytes.AsSpan(offset).IndexOf((byte)'\n');
            if (length < 0 || !TryDecode(bytes.AsSpan(offset, length), out var line))
            {
                if (!isSnapshot && (length < 0 || offset + length + 1 == bytes.Length)) return offset;
                throw new InvalidDataException($"{path}: corrupt line at byte {offset}");
            }
            ended = line.Operation == StateOperation.End;
            load(line);
            offset += length + 1;
        }
        if (isSnapshot && !ended) throw new InvalidDataException($"{path}: ends before its closing line at byte {offset}");
        return offset;
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, out StateLine line)
    {
        line = default;
        if (bytes.Length < 10 || !Utf8Parser.TryParse(bytes[..8], out uint checksum, out var used, 'x') || used != 8) return false;
        var rest = bytes[9..];
        if (Checksum(rest) != checksum) return false;
        Span<Range> parts = stackalloc Range[4];
        var text = Encoding.UTF8.GetString(rest);
        if (text.AsSpan().Split(parts, ' ') != 4) return false;
        var operation = text[parts[1]] switch { "put" => StateOperation.Put, "delete" => StateOperation.Delete, _ => StateOperation.End };
        var tree = operation == StateOperation.End ? null : JsonTree.ParseObject(Encoding.UTF8.GetBytes(text[parts[3]]));
        line = new StateLine(long.Parse(text.AsSpan(parts[0]), CultureInfo.InvariantCulture), operation, text[parts[2]], tree);
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
