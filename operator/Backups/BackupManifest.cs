// manifest.json of a backup: written last, so a backup without one is not a backup. Everything a restore must know is in it.
//
//   <root>/<clusterUID>/<name>-<uid>/shard-0.rdb ...     the shards' snapshots, RDB
//   <root>/<clusterUID>/<name>-<uid>/manifest.json       { "format": 1, "cluster", "epoch", "startedAt", "completedAt",
//                                                          "shards": [ { "index", "file", "nodeId", "slots", "bytes", "sha256", "offset" } ] }
using System.Text.Json;
using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Backups;

/// <summary>What a complete backup consists of.</summary>
public sealed record BackupManifest
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Version of this layout.</summary>
    public int Format { get; init; } = 1;

    /// <summary>Namespace and name of the cluster.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>The cluster's epoch.</summary>
    public long Epoch { get; init; }

    /// <summary>When the first shard was begun.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>When the last shard was complete.</summary>
    public DateTimeOffset CompletedAt { get; init; }

    /// <summary>The shards.</summary>
    public IReadOnlyList<BackupShard> Shards { get; init; } = [];

    /// <summary>Reads the manifest of a backup; null when there is none.</summary>
    /// <exception cref="FormatException">It is of a version this operator does not know.</exception>
    public static async Task<BackupManifest?> ReadAsync(BackupStore store, string backupId, CancellationToken ct)
    {
        await using var stream = await store.OpenReadAsync($"{backupId}/{FileName}", ct).ConfigureAwait(false);
        if (stream is null)
        {
            return null;
        }

        var manifest = await JsonSerializer.DeserializeAsync<BackupManifest>(stream, KubernetesJson.Options, ct).ConfigureAwait(false);
        return manifest is { Format: 1 } ? manifest : throw new FormatException($"manifest of {backupId} has format {manifest?.Format}, this operator reads 1");
    }

    /// <summary>Writes the manifest.</summary>
    public async Task WriteAsync(BackupStore store, string backupId, CancellationToken ct)
    {
        using var text = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(this, KubernetesJson.Indented));
        await store.WriteAsync($"{backupId}/{FileName}", text, ct).ConfigureAwait(false);
    }
}

/// <summary>One shard's file.</summary>
public sealed record BackupShard
{
    /// <summary>Number of the shard.</summary>
    public int Index { get; init; }

    /// <summary>Name of the file, beside the manifest.</summary>
    public string File { get; init; } = "";

    /// <summary>The node that was read.</summary>
    public string NodeId { get; init; } = "";

    /// <summary>The slots it covers, as ranges.</summary>
    public string Slots { get; init; } = "";

    /// <summary>Size.</summary>
    public long Bytes { get; init; }

    /// <summary>SHA-256, hex.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Replication offset of the snapshot.</summary>
    public long Offset { get; init; }
}
