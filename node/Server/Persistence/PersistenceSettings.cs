// The directives of redis.conf that concern disks, one row each.
using Shoal.Server.Hosting;
using Shoal.Server.Persistence.AppendOnly;

namespace Shoal.Server.Persistence;

/// <summary>A save point: so many changes within so many seconds.</summary>
public readonly record struct SavePoint(long Seconds, long Changes);

/// <summary>Registers and reads the settings of persistence.</summary>
public sealed class PersistenceSettings
{
    private static readonly string[] DefaultSave = ["3600", "1", "300", "100", "60", "10000"];

    /// <summary>Set once built: carries a live change of appendonly out; returns why it is refused.</summary>
    internal Func<bool, string?>? AppendOnlyChanged { get; set; }

    internal Action? PolicyChanged { get; set; }

    public required TextSetting DbFileName { get; init; }

    public required WordsSetting Save { get; init; }

    public required BoolSetting Compression { get; init; }

    public required BoolSetting Checksum { get; init; }

    public required BoolSetting StopWritesOnError { get; init; }

    public required BoolSetting AppendOnly { get; set; }

    public required TextSetting AppendFileName { get; init; }

    public required TextSetting AppendDirName { get; init; }

    public required EnumSetting AppendFsync { get; set; }

    public required LongSetting RewritePercentage { get; init; }

    public required LongSetting RewriteMinSize { get; init; }

    public required BoolSetting LoadTruncated { get; init; }

    public required BoolSetting Timestamps { get; init; }

    /// <summary>Absolute data directory: `dir` is where the process stands, as in Redis.</summary>
    public string Directory => System.IO.Directory.GetCurrentDirectory();

    public string SnapshotPath => Path.Combine(Directory, DbFileName.Value);

    public FsyncPolicy Policy => AppendFsync.Value switch
    {
        "always" => FsyncPolicy.Always,
        "no" => FsyncPolicy.No,
        _ => FsyncPolicy.EverySecond,
    };

    /// <summary>The save points; none = no snapshots by themselves.</summary>
    public IEnumerable<SavePoint> SavePoints => Save.Value.Chunk(2).Select(p => new SavePoint(long.Parse(p[0], null), long.Parse(p[1], null)));

    public static PersistenceSettings Register(NodeConfig config)
    {
        var settings = new PersistenceSettings
        {
            DbFileName = config.Register(new TextSetting("dbfilename", "dump.rdb") { Check = CheckName }),
            Save = config.Register(new WordsSetting("save", DefaultSave) { IsMultiple = true, PerLine = 2, Check = CheckSave }),
            Compression = config.Register(new BoolSetting("rdbcompression", true)),
            Checksum = config.Register(new BoolSetting("rdbchecksum", true)),
            StopWritesOnError = config.Register(new BoolSetting("stop-writes-on-bgsave-error", true)),
            AppendFileName = config.Register(new TextSetting("appendfilename", "appendonly.aof", live: false) { Check = CheckName }),
            AppendDirName = config.Register(new TextSetting("appenddirname", "appendonlydir", live: false) { Check = CheckName }),
            RewritePercentage = config.Register(new LongSetting("auto-aof-rewrite-percentage", 100, 0, int.MaxValue)),
            RewriteMinSize = config.Register(new LongSetting("auto-aof-rewrite-min-size", 64 << 20, 0, long.MaxValue, memory: true)),
            LoadTruncated = config.Register(new BoolSetting("aof-load-truncated", true)),
            Timestamps = config.Register(new BoolSetting("aof-timestamp-enabled", false)),
            AppendOnly = null!,
            AppendFsync = null!,
        };
        settings.AppendOnly = config.Register(new BoolSetting("appendonly", false, apply: on => settings.AppendOnlyChanged?.Invoke(on)));
        settings.AppendFsync = config.Register(new EnumSetting("appendfsync", "everysec", ["always", "everysec", "no"], apply: _ =>
        {
            settings.PolicyChanged?.Invoke();
            return null;
        }));
        Accept(config);
        return settings;
    }

    /// <summary>Directives that have no meaning without fork, or say what we always do.</summary>
    private static void Accept(NodeConfig config)
    {
        config.Register(new BoolSetting("aof-use-rdb-preamble", true) { IsIgnored = true });
        config.Register(new BoolSetting("no-appendfsync-on-rewrite", false) { IsIgnored = true });
        config.Register(new BoolSetting("aof-rewrite-incremental-fsync", true) { IsIgnored = true });
        config.Register(new BoolSetting("rdb-save-incremental-fsync", true) { IsIgnored = true });
        config.Register(new BoolSetting("rdb-del-sync-files", false) { IsIgnored = true });
        config.Register(new EnumSetting("sanitize-dump-payload", "no", ["no", "yes", "clients"]) { IsIgnored = true });
    }

    private static string? CheckName(string name) =>
        name.Length == 0 ? "can't be empty" : name.AsSpan().ContainsAny('/', '\\') ? "can't be a path, just a filename" : null;

    private static string? CheckSave(IReadOnlyList<string> words)
    {
        if (words.Count % 2 != 0) return "Invalid save parameters";
        for (int i = 0; i < words.Count; i += 2)
        {
            bool sound = long.TryParse(words[i], out long seconds) && long.TryParse(words[i + 1], out long changes) && seconds >= 1 && changes >= 0;
            if (!sound) return "Invalid save parameters";
        }
        return null;
    }
}
