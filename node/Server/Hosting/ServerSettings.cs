// The settings of sockets, sessions, memory and logs. Values are kept typed for those who read them; callbacks carry a
// CONFIG SET to where it takes effect once the node is built.
using Serilog.Events;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Hosting;

/// <summary>The node's own rows.</summary>
public sealed class ServerSettings
{
    private NodeServices? _node;

    public ServerSettings(NodeConfig config)
    {
        Port = config.Register(new LongSetting("port", 6379, 0, 65535, live: false));
        Bind = config.Register(new WordsSetting("bind", ["127.0.0.1", "-::1"], live: false));
        UnixSocket = config.Register(new TextSetting("unixsocket", "", live: false));
        Backlog = config.Register(new LongSetting("tcp-backlog", 511, 0, int.MaxValue, live: false));
        Backend = config.Register(new EnumSetting("io-backend", "auto", ["auto", "epoll", "pipes"], live: false));
        Directory = config.Register(new TextSetting("dir", "", apply: ChangeDirectory));
        Databases = config.Register(new LongSetting("databases", 16, 1, 1024, live: false));
        LogLevel = config.Register(new EnumSetting("loglevel", "notice", ["debug", "verbose", "notice", "warning", "nothing"], apply: v => Live(() => Logs.Level.MinimumLevel = LevelOf(v))));
        LogFile = config.Register(new TextSetting("logfile", "", live: false));
        PidFile = config.Register(new TextSetting("pidfile", "", live: false));
        HealthPort = config.Register(new LongSetting("health-port", 0, 0, 65535, live: false));
        HealthDeadline = config.Register(new LongSetting("health-deadline", 15, 1, 3600, live: false));
        WarmUp = config.Register(new BoolSetting("warm-up", true, live: false));
        ArenaReserve = config.Register(new LongSetting("arena-reserve", 1L << 40, 64L << 20, 8L << 40, live: false, memory: true));
        config.Register(new LongSetting("tcp-keepalive", 300, 0, int.MaxValue, apply: v => Live(() => Transport!.KeepAliveSeconds = (int)v)));
        config.Register(new LongSetting("timeout", 0, 0, int.MaxValue, apply: v => Live(() => _node!.Sessions.IdleSeconds = (int)v)));
        config.Register(new LongSetting("maxclients", 10000, 1, int.MaxValue, apply: v => Live(() => _node!.Sessions.Limit = (int)v)));
        config.Register(new TextSetting("requirepass", "", apply: v => Live(() => _node!.Access.Users.SetDefaultPassword(v))) { IsSecret = true });
        config.Register(new BoolSetting("protected-mode", true, apply: v => Live(() => _node!.ProtectedMode = v)));
        config.Register(new LongSetting("proto-max-bulk-len", 512L << 20, 1 << 20, int.MaxValue, apply: v => Live(() => _node!.Limits.MaxBulkLength = v), memory: true));
        config.Register(new LongSetting("client-query-buffer-limit", 1L << 30, 1 << 20, 1L << 40, apply: v => Live(() => Transport!.QueryBufferLimit = v), memory: true));
        config.Register(new WordsSetting("client-output-buffer-limit", ["normal", "0", "0", "0", "slave", "268435456", "67108864", "60", "pubsub", "33554432", "8388608", "60"], apply: ApplyOutputLimits) { IsMultiple = true, PerLine = 4, Check = CheckOutputLimits });
        config.Register(new LongSetting("maxmemory", 0, 0, long.MaxValue, apply: ApplyMaxMemory, memory: true));
        config.Register(new LongSetting("lfu-log-factor", 10, 0, int.MaxValue, apply: v => Live(() => _node!.Databases.Clock.LogFactor = (int)v)));
        config.Register(new LongSetting("lfu-decay-time", 1, 0, int.MaxValue, apply: v => Live(() => _node!.Databases.Clock.DecayMinutes = (int)v)));
        config.Register(new EnumSetting("maxmemory-policy", "noeviction", PolicyNames, apply: v => Live(() => _node!.Databases.Eviction.Policy = PolicyOf(v))));
        config.Register(new LongSetting("hz", 10, 1, 500));
        config.Register(new LongSetting("slowlog-log-slower-than", 10000, -1, long.MaxValue, apply: v => Live(() => ApplySlowLog(v))));
        config.Register(new LongSetting("slowlog-max-len", 128, 0, int.MaxValue, apply: v => Live(() => _node!.SlowLog.Limit = (int)v)));
        config.Register(new LongSetting("latency-monitor-threshold", 0, 0, long.MaxValue, apply: v => Live(() => _node!.Latency.Threshold = v)));
        config.Register(new BoolSetting("latency-tracking", true, apply: v => Live(() => _node!.Dispatcher.Meter.TracksLatency = v)));
        config.Register(new WordsSetting("latency-tracking-info-percentiles", ["50", "99", "99.9"]) { IsMultiple = true, Check = CheckPercentiles });
        config.Register(new LongSetting("shutdown-timeout", 10, 0, int.MaxValue));
        config.Register(new WordsSetting("shutdown-on-sigterm", ["default"]));
        config.Register(new WordsSetting("shutdown-on-sigint", ["default"]));
    }

    /// <summary>A threshold that nearly every call passes is meant: then every call is timed.</summary>
    private const int TimedSlowness = 1000;

    private static string[] PolicyNames { get; } =
        ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"];

    public LongSetting Port { get; }

    public WordsSetting Bind { get; }

    public TextSetting UnixSocket { get; }

    public LongSetting Backlog { get; }

    public EnumSetting Backend { get; }

    public TextSetting Directory { get; }

    public LongSetting Databases { get; }

    public EnumSetting LogLevel { get; }

    public TextSetting LogFile { get; }

    public TextSetting PidFile { get; }

    public LongSetting HealthPort { get; }

    public LongSetting HealthDeadline { get; }

    public BoolSetting WarmUp { get; }

    public LongSetting ArenaReserve { get; }

    internal Network.TransportOptions? Transport { get; private set; }

    internal LogControl Logs { get; set; } = null!;

    /// <summary>From now on callbacks reach the node; applies what has been read.</summary>
    public void Connect(NodeServices node, Network.TransportOptions transport)
    {
        _node = node;
        Transport = transport;
        foreach (var setting in node.Config.All)
            if (setting.Name != "dir") setting.Apply();
    }

    /// <summary>Serilog's level for a redis.conf level.</summary>
    public static LogEventLevel LevelOf(string name) => name switch
    {
        "debug" => LogEventLevel.Verbose,
        "verbose" => LogEventLevel.Debug,
        "notice" => LogEventLevel.Information,
        "warning" => LogEventLevel.Warning,
        _ => LogEventLevel.Fatal,
    };

    private string? Live(Action change)
    {
        if (_node is not null) change();
        return null;
    }

    private string? ApplyMaxMemory(long bytes) => Live(() =>
    {
        bool changed = _node!.Databases.Memory.MaxMemory != bytes;
        _node.Databases.Memory.MaxMemory = bytes;
        // After an in-place resize the container has another limit, which the GC only reads when told to.
        if (changed) GC.RefreshMemoryLimit();
    });

    private static string? ChangeDirectory(string path)
    {
        if (path.Length == 0) return null;
        try
        {
            System.IO.Directory.SetCurrentDirectory(path);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"Changing directory: {e.Message}";
        }
    }

    private static EvictionPolicy PolicyOf(string name) =>
        Enum.Parse<EvictionPolicy>(name.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);

    private void ApplySlowLog(long microseconds)
    {
        _node!.SlowLog.ThresholdMicroseconds = microseconds;
        _node.Dispatcher.Meter.TimesEverything = microseconds is >= 0 and < TimedSlowness;
    }

    private static string? CheckPercentiles(IReadOnlyList<string> words) =>
        words.All(w => double.TryParse(w, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double p) && p is >= 0 and <= 100)
            ? null : "latency-tracking-info-percentiles must contain only percentiles between 0.0 and 100.0";

    private static string? CheckOutputLimits(IReadOnlyList<string> words)
    {
        if (words.Count % 4 != 0) return "wrong number of arguments in buffer limit configuration.";
        for (int i = 0; i < words.Count; i += 4)
        {
            if (ClassOf(words[i]) is null) return "Invalid client class specified in buffer limit configuration.";
            if (!LongSetting.TryMemory(words[i + 1], out _) || !LongSetting.TryMemory(words[i + 2], out _) || !int.TryParse(words[i + 3], out int seconds) || seconds < 0)
                return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        }
        return null;
    }

    private string? ApplyOutputLimits(IReadOnlyList<string> words) => Live(() =>
    {
        for (int i = 0; i + 3 < words.Count; i += 4)
        {
            _ = LongSetting.TryMemory(words[i + 1], out long hard);
            _ = LongSetting.TryMemory(words[i + 2], out long soft);
            _node!.Sessions.OutputLimits[ClassOf(words[i])!.Value] = (hard, soft, int.Parse(words[i + 3], System.Globalization.CultureInfo.InvariantCulture));
        }
    });

    private static SessionKind? ClassOf(string name) => name.ToLowerInvariant() switch
    {
        "normal" => SessionKind.Normal,
        "slave" or "replica" => SessionKind.Replica,
        "pubsub" => SessionKind.PubSub,
        _ => null,
    };
}
