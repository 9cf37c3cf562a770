// Snapshot target: a file. The engine hands chunks over; a thread of its own sums, writes, syncs and renames, so that the
// disk never holds up a turn. The file appears under its name only when it is whole and durable.
using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Writes a snapshot to <c>temporary</c> and, when a name is given, renames it to that at the end.</summary>
public sealed class SnapshotFile : ISnapshotTarget
{
    private const long FullAt = 16 * 1024 * 1024;
    private const long SyncEvery = 32 * 1024 * 1024;
    private readonly string _temporary;
    private readonly string? _name;
    private readonly bool _checksum;
    private readonly Action<Action> _post;
    private readonly Action<string?, long> _done;
    private readonly BlockingCollection<NativeBuffer?> _chunks = [];
    private long _waiting;
    private volatile bool _abandoned;
    private volatile bool _failed;

    /// <param name="temporary">Path written to.</param>
    /// <param name="name">Final path, or null: the caller does with the finished temporary file what it wants.</param>
    /// <param name="checksum">rdbchecksum</param>
    /// <param name="post">Engine's post.</param>
    /// <param name="done">Engine thread: error or null, and the file's length. Not called after <see cref="Abandon"/>.</param>
    public SnapshotFile(string temporary, string? name, bool checksum, Action<Action> post, Action<string?, long> done)
    {
        _temporary = temporary;
        _name = name;
        _checksum = checksum;
        _post = post;
        _done = done;
        new Thread(Run) { IsBackground = true, Name = "snapshot" }.Start();
    }

    public bool IsFull => !_failed && Interlocked.Read(ref _waiting) > FullAt;

    public void Take(NativeBuffer chunk)
    {
        Interlocked.Add(ref _waiting, chunk.Length);
        _chunks.Add(chunk);
    }

    public void Complete() => _chunks.CompleteAdding();

    public void Abandon()
    {
        _abandoned = true;
        _chunks.CompleteAdding();
    }

    private void Run()
    {
        string? error = null;
        long length = 0;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_temporary)!);
            using var file = File.OpenHandle(_temporary, FileMode.Create, FileAccess.Write, FileShare.Read);
            length = WriteAll(file);
            if (!_abandoned)
            {
                DiskSync.File(file);
                if (_name is not null) DiskSync.Rename(_temporary, _name);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = e.Message;
            _failed = true;
        }
        Drain();
        if (_abandoned || error is not null) TryDelete();
        if (!_abandoned) _post(() => _done(error, length));
    }

    private long WriteAll(SafeFileHandle file)
    {
        ulong crc = 0;
        long at = 0, synced = 0;
        foreach (var chunk in _chunks.GetConsumingEnumerable())
        {
            using (chunk)
            {
                Interlocked.Add(ref _waiting, -chunk!.Length);
                if (_abandoned) return at;
                if (_checksum) crc = Crc64.Append(crc, chunk.Written);
                RandomAccess.Write(file, chunk.Written, at);
                at += chunk.Length;
            }
            if (at - synced < SyncEvery) continue;
            // In steps, so that the last sync does not choke other writers of the disk (the append-only file).
            DiskSync.File(file);
            synced = at;
        }
        Span<byte> footer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(footer, crc);
        RandomAccess.Write(file, footer, at);
        return at + 8;
    }

    /// <summary>After a failure the engine may still hand chunks over: free them as they come.</summary>
    private void Drain()
    {
        foreach (var chunk in _chunks.GetConsumingEnumerable()) chunk?.Dispose();
    }

    private void TryDelete()
    {
        try
        {
            File.Delete(_temporary);
        }
        catch (IOException)
        {
            // Nothing depends on it: temporary names are overwritten next time.
        }
    }
}
