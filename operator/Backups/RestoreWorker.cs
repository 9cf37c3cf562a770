// What runs before a node's first start when its cluster restores a backup: fetch the shard's file, verify it, and lay it
// out as the node expects its own files. All in a side folder and one rename, so that dying half-way leaves nothing. A data
// directory that holds anything a node wrote is left alone: a restart is not a restore.
//
//   --layout aof:  appendonlydir/appendonly.aof.1.base.rdb, .1.incr.aof (empty), .manifest      (Redis 7's multi-part AOF)
//   --layout rdb:  dump.rdb
using System.Globalization;

namespace Shoal.Operator.Backups;

/// <summary>Lays out one shard of a backup in a node's data directory.</summary>
public sealed class RestoreWorker(BackupStore store, Action<string> log)
{
    private const string Side = ".restore";

    /// <summary>
    /// Restores shard <paramref name="shard"/> into <paramref name="directory"/> when <paramref name="pod"/> is the shard's first
    /// member: the others get the data by replication.
    /// </summary>
    /// <exception cref="IOException">The backup is incomplete or its file is not what the manifest says.</exception>
    public async Task RunAsync(string backupId, int shard, string pod, string directory, bool asAof, CancellationToken ct)
    {
        if (!pod.EndsWith("-0", StringComparison.Ordinal))
        {
            log($"{pod} is a replica: nothing to restore here");
            return;
        }

        foreach (var name in new[] { "appendonlydir", "dump.rdb", "nodes.conf" })
        {
            if (Path.Exists(Path.Combine(directory, name)))
            {
                log($"{directory} is in use ({name} exists): nothing to restore");
                return;
            }
        }

        var manifest = await BackupManifest.ReadAsync(store, backupId, ct).ConfigureAwait(false)
            ?? throw new IOException($"there is no complete backup {backupId}: its manifest is missing");
        if (manifest.Shards.FirstOrDefault(s => s.Index == shard) is not { } entry)
        {
            log($"the backup has {manifest.Shards.Count} shards: nothing to restore for shard {shard}");
            return;
        }

        var side = Path.Combine(directory, Side);
        if (Directory.Exists(side))
        {
            Directory.Delete(side, recursive: true);
        }

        var target = asAof ? Path.Combine(side, "appendonlydir") : side;
        Directory.CreateDirectory(target);
        var file = Path.Combine(target, asAof ? "appendonly.aof.1.base.rdb" : "dump.rdb");
        await FetchAsync(backupId, entry, file, ct).ConfigureAwait(false);
        if (asAof)
        {
            await File.WriteAllBytesAsync(Path.Combine(target, "appendonly.aof.1.incr.aof"), [], ct).ConfigureAwait(false);
            await File.WriteAllTextAsync(Path.Combine(target, "appendonly.aof.manifest"),
                "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n", ct).ConfigureAwait(false);
            Directory.Move(target, Path.Combine(directory, "appendonlydir"));
        }
        else
        {
            File.Move(file, Path.Combine(directory, "dump.rdb"));
        }

        Directory.Delete(side, recursive: true);
        log(string.Create(CultureInfo.InvariantCulture, $"restored shard {shard} of {backupId}: {entry.Bytes} bytes, checksum verified"));
    }

    private async Task FetchAsync(string backupId, BackupShard entry, string file, CancellationToken ct)
    {
        await using var source = await store.OpenReadAsync($"{backupId}/{entry.File}", ct).ConfigureAwait(false)
            ?? throw new IOException($"{entry.File} of backup {backupId} is missing");
        await using var hashing = new HashingStream(source);
        await using (var output = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous))
        {
            await hashing.CopyToAsync(output, 1 << 20, ct).ConfigureAwait(false);
            output.Flush(flushToDisk: true);
        }

        if (hashing.Bytes != entry.Bytes || hashing.Sha256() != entry.Sha256)
        {
            throw new IOException($"{entry.File} of backup {backupId} is damaged: {hashing.Bytes} bytes with sha256 {hashing.Sha256()}, "
                + $"the manifest says {entry.Bytes} bytes with {entry.Sha256}");
        }
    }
}
