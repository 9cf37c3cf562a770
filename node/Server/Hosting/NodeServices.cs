// The node's parts as handlers and subsystems reach them. Filled by NodeHost in order; read-only afterwards.
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Blocking;
using Shoal.Server.Commands;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Observability;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Server.PubSub;
using Shoal.Server.Security;
using Shoal.Server.Sessions;
using Shoal.Server.Tracking;
using Shoal.Store;

namespace Shoal.Server.Hosting;

/// <summary>The composition of one node.</summary>
public sealed class NodeServices
{
    private readonly Dictionary<Type, object> _parts = [];

    public NodeServices()
    {
        KeyspaceEvents = new KeyspaceEvents(Channels);
        Blocked = new BlockedSessions(this);
        Tracker = new Tracker(this);
        Monitors = new Monitors(this);
    }

    public required NodeConfig Config { get; init; }

    public required CommandTable Commands { get; init; }

    public required TimeProvider Time { get; init; }

    public required ILoggerFactory Loggers { get; init; }

    public required RespLimits Limits { get; init; }

    public required IEngine Engine { get; init; }

    public required ITransport Transport { get; init; }

    public required Databases Databases { get; init; }

    public required WriteJournal Journal { get; init; }

    public required Shutdown Shutdown { get; init; }

    /// <summary>Users and what they may do.</summary>
    public AccessControl Access { get; internal set; } = null!;

    /// <summary>Subscriptions and their messages.</summary>
    public Channels Channels { get; } = new();

    /// <summary>notify-keyspace-events.</summary>
    public KeyspaceEvents KeyspaceEvents { get; }

    /// <summary>Sessions that wait for keys.</summary>
    public BlockedSessions Blocked { get; }

    /// <summary>CLIENT TRACKING.</summary>
    public Tracker Tracker { get; }

    /// <summary>MONITOR.</summary>
    public Monitors Monitors { get; }

    /// <summary>Gates other parts open and close.</summary>
    public ServingState Serving { get; } = new();

    public Counters Counters { get; } = new();

    public SlowLog SlowLog { get; } = new();

    public LatencyEvents Latency { get; } = new();

    /// <summary>Function libraries, as snapshots carry them.</summary>
    public SnapshotFunctions Functions { get; } = new();

    /// <summary>protected-mode: without a password only loopback may connect.</summary>
    public bool ProtectedMode { get; set; } = true;

    /// <summary>Sessions CLIENT PAUSE holds.</summary>
    internal List<ParkToken> PausedSessions { get; } = [];

    /// <summary>INFO sections by name; each part adds its own.</summary>
    public InfoReport Info { get; } = new();

    public Dispatcher Dispatcher { get; internal set; } = null!;

    public SessionRegistry Sessions { get; internal set; } = null!;

    /// <summary>Routes by slot; replaced by the cluster part when cluster-enabled.</summary>
    public IClusterGate Cluster { get; set; } = new NoClusterGate();

    /// <summary>The engine's clock: Unix milliseconds, fixed for the turn.</summary>
    public long NowMs => Engine.NowMs;

    /// <summary>Port clients reach (the real one when configured as 0).</summary>
    public int Port { get; internal set; }

    /// <summary>Publishes a subsystem's object for <see cref="Part{T}"/>.</summary>
    public void Add<T>(T part) where T : class => _parts[typeof(T)] = part;

    /// <summary>The object a subsystem published; throws when there is none.</summary>
    public T Part<T>() where T : class => (T)_parts[typeof(T)];

    /// <summary>The object a subsystem published, or null.</summary>
    public T? Find<T>() where T : class => _parts.TryGetValue(typeof(T), out object? part) ? (T)part : null;
}
