// The composition root: reads the configuration, builds the parts in order, runs the engine, and takes everything down
// in the reverse order. Nobody points here.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Cluster;
using Shoal.Server.Commands;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Observability;
using Shoal.Server.Persistence;
using Shoal.Server.PubSub;
using Shoal.Server.Replication;
using Shoal.Server.Scripting;
using Shoal.Server.Security;
using Shoal.Server.Sessions;
using Shoal.Server.Tracking;
using Shoal.Store;

namespace Shoal.Server.Hosting;

/// <summary>A node in this process. Dispose stops it without the shutdown steps.</summary>
public sealed class NodeHost : IDisposable
{
    private readonly INodePart[] _parts;
    private readonly NodeConfig _config = new();
    private readonly CommandTable _commands = new();
    private readonly TimeProvider _time;
    private ServerSettings _settings = null!;
    private LogControl? _logs;
    private Engine? _engine;
    private Thread? _thread;
    private HealthEndpoint? _health;
    private Exception? _failure;

    private NodeHost(TimeProvider time, INodePart[]? parts)
    {
        _time = time;
        _parts = parts ?? PartsInOrder();
    }

    /// <summary>The running node.</summary>
    public NodeServices Services { get; private set; } = null!;

    /// <summary>First TCP end point the node listens on.</summary>
    public IPEndPoint? EndPoint { get; private set; }

    /// <summary>The parts in start order; they stop in the reverse one.</summary>
    private static INodePart[] PartsInOrder() =>
    [
        new ServerPart(), new AclPart(), new PubSubPart(), new TrackingPart(), new PersistencePart(), new ReplicationPart(), new ScriptingPart(),
        new ClusterPart(), new Memcached.MemcachedPart(),
    ];

    /// <summary>
    /// Builds and starts a node from command-line arguments. Throws <see cref="ConfigException"/> for a bad setting and
    /// <see cref="StartException"/> when it cannot run with good ones.
    /// </summary>
    public static NodeHost Start(IReadOnlyList<string> arguments, TimeProvider? time = null, params INodePart[] extraParts)
    {
        var host = new NodeHost(time ?? TimeProvider.System, extraParts.Length == 0 ? null : [.. PartsInOrder(), .. extraParts]);
        try
        {
            host.Configure(arguments);
            host.Build();
            host.Listen();
            host.Run();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Completes when the node has ended; the result is the exit code.</summary>
    public async Task<int> WaitAsync()
    {
        await Services.Shutdown.Ended.ConfigureAwait(false);
        return _failure is null ? 0 : 1;
    }

    /// <summary>Runs the shutdown steps; null when the node has ended, else why it goes on.</summary>
    public Task<string?> ShutDownAsync(ShutdownRequest request) => Services.Shutdown.RunAsync(request);

    /// <summary>What a signal asks for (shutdown-on-sigterm, shutdown-on-sigint).</summary>
    public ShutdownRequest RequestFor(string signal)
    {
        var words = _config.Words("shutdown-on-" + signal.ToLowerInvariant());
        var save = words.Contains("save") ? SaveMode.Save : words.Contains("nosave") ? SaveMode.NoSave : SaveMode.AsConfigured;
        return new ShutdownRequest(save, words.Contains("now"), words.Contains("force"), signal);
    }

    public void Dispose()
    {
        _health?.Dispose();
        _engine?.Stop();
        _thread?.Join();
        if (Services is not null)
        {
            for (int i = _parts.Length - 1; i >= 0; i--) _parts[i].Stop(Services);
            Services.Transport.Dispose();
            Services.Journal.Dispose();
            Services.Databases.Dispose();
        }
        if (_settings?.PidFile.Value.Length > 0) File.Delete(_settings.PidFile.Value);
        _logs?.Dispose();
    }

    private void Configure(IReadOnlyList<string> arguments)
    {
        IgnoredSettings.Register(_config);
        _settings = new ServerSettings(_config);
        ValueSettings.Register(_config, () => Services?.Databases.Limits);
        foreach (var part in _parts) part.Register(_config, _commands);
        _config.FilePath = ConfigFile.ReadArguments(_config, arguments);
        if (_settings.Directory.Apply() is { } error) throw new ConfigException("the configuration", 0, "dir " + _settings.Directory.Value, error);
    }

    private void Build()
    {
        _logs = new LogControl(_settings.LogFile.Value, ServerSettings.LevelOf(_settings.LogLevel.Value));
        _settings.Logs = _logs;
        var log = _logs.Factory;
        _engine = new Engine(_time, log.CreateLogger("engine"));
        var options = new TransportOptions();
        bool cluster = _config.Find("cluster-enabled")?.Text == "yes";
        var arena = new Arena(new ArenaOptions { ReserveBytes = _settings.ArenaReserve.Value });
        var handler = new LateHandler();
        Services = new NodeServices
        {
            Config = _config, Commands = _commands, Time = _time, Loggers = log, Limits = new RespLimits(), Engine = _engine,
            Transport = CreateTransport(handler, options), Databases = new Databases(arena, cluster ? 1 : (int)_settings.Databases.Value, cluster),
            Journal = new WriteJournal(), Shutdown = new Shutdown(log.CreateLogger("shutdown")),
        };
        Services.Access = new AccessControl(Services);
        Services.Sessions = new SessionRegistry(Services);
        Services.Dispatcher = new Dispatcher(Services);
        handler.Target = Services.Dispatcher;
        var journal = Services.Journal;
        _engine.Connect(Services.Transport, () => journal.EndOffset, () => journal.ReplyOffset);
        _engine.ClockMoved = now => Services.Databases.NowMs = now;
        _engine.Failed = Fail;
        Services.Databases.NowMs = _engine.NowMs;
        journal.DurableAdvanced += () => Services.Transport.ReleaseReplies(journal.ReplyOffset);
        _engine.AddTurnTask(() => Services.Transport.HoldReplies = journal.HoldsReplies);
        _settings.Connect(Services, options);
        foreach (var part in _parts) part.Build(Services);
    }

    private ITransport CreateTransport(IRequestHandler handler, TransportOptions options)
    {
        bool epoll = _settings.Backend.Value switch
        {
            "epoll" => EpollTransport.IsSupported ? true : throw new StartException("io-backend epoll: this operating system has no epoll"),
            "pipes" => false,
            _ => EpollTransport.IsSupported,
        };
        return epoll ? new EpollTransport(handler, options) : new PipeTransport(handler, options);
    }

    private void Listen()
    {
        var log = Services.Loggers.CreateLogger("network");
        int port = (int)_settings.Port.Value;
        EndPoint = BindAddresses.Listen(_config, Services.Transport, port, (int)_settings.Backlog.Value, log);
        port = EndPoint?.Port ?? port;
        if (_settings.UnixSocket.Value is { Length: > 0 } path)
        {
            File.Delete(path);
            Services.Transport.Listen(new UnixDomainSocketEndPoint(path), (int)_settings.Backlog.Value);
        }
        if (EndPoint is null && _settings.UnixSocket.Value.Length == 0) throw new StartException("Configured to not listen anywhere, exiting.");
        Services.Port = port;
    }

    private void Run()
    {
        var log = Services.Loggers.CreateLogger("node");
        if (_settings.PidFile.Value is { Length: > 0 } pid) File.WriteAllText(pid, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        if (_settings.HealthPort.Value > 0)
        {
            var bind = EndPoint?.Address ?? IPAddress.Loopback;
            _health = new HealthEndpoint(new IPEndPoint(bind, (int)_settings.HealthPort.Value), () => (_engine!.Turns, _engine.IsAsleep), Services.Serving, TimeSpan.FromSeconds(_settings.HealthDeadline.Value), _time);
        }
        log.LogInformation("Shoal {Version} (Redis {Redis} compatible), PID: {Process}, {Transport}", InfoSections.ShoalVersion, SessionCommands.RedisVersion, Environment.ProcessId, Services.Transport.Name);
        log.LogInformation("Server initialized");
        _engine!.Post(() => StartParts(log));
        _thread = new Thread(_engine.Run, 16 * 1024 * 1024) { IsBackground = true, Name = "engine" };
        _thread.Start();
        log.LogInformation("Ready to accept connections on {EndPoint}", EndPoint?.ToString() ?? _settings.UnixSocket.Value);
    }

    private void StartParts(ILogger log)
    {
        try
        {
            foreach (var part in _parts) part.Start(Services);
            if (_settings.WarmUp.Value) WarmUp.Begin(Services);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or StartException)
        {
            // Data that cannot be loaded, files that cannot be opened: the message says which and where.
            log.LogCritical("{Reason}", e.Message);
            _failure = e;
            Services.Shutdown.EndNow();
        }
    }

    private void Fail(Exception e)
    {
        _failure = e;
        // No step may touch data an engine failure has left half done: end at once; the journal has what was promised.
        Services.Loggers.CreateLogger("node").LogCritical("The engine thread has failed; exiting");
        Services.Shutdown.EndNow();
    }

    /// <summary>Breaks the circle transport -> handler -> node -> transport at construction.</summary>
    private sealed class LateHandler : IRequestHandler
    {
        public IRequestHandler Target { get; set; } = null!;

        public bool Opened(Connection connection) => Target.Opened(connection);

        public int Consume(Connection connection, ReadOnlySpan<byte> bytes) => Target.Consume(connection, bytes);

        public void Closed(Connection connection) => Target.Closed(connection);
    }
}

/// <summary>The node cannot start although its configuration is well-formed.</summary>
public sealed class StartException(string message) : Exception(message);
