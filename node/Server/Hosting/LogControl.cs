// Logs: Serilog to standard output or a file, its level changed live by loglevel.
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting;

namespace Shoal.Server.Hosting;

/// <summary>The node's log pipeline.</summary>
internal sealed class LogControl : IDisposable
{
    private readonly Logger _logger;

    /// <param name="file">Path, or empty for standard output.</param>
    /// <param name="level">First level.</param>
    public LogControl(string file, LogEventLevel level)
    {
        Level.MinimumLevel = level;
        var configuration = new LoggerConfiguration().MinimumLevel.ControlledBy(Level);
        _logger = file.Length == 0
            ? configuration.WriteTo.Console(formatProvider: System.Globalization.CultureInfo.InvariantCulture,
                outputTemplate: "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffZ} {Level:u3} {SourceContext} {Message:lj}{NewLine}{Exception}").CreateLogger()
            : configuration.WriteTo.Sink(new FileSink(file)).CreateLogger();
        Factory = new SerilogLoggerFactory(_logger);
    }

    public LoggingLevelSwitch Level { get; } = new();

    public ILoggerFactory Factory { get; }

    public void Dispose() => _logger.Dispose();

    /// <summary>Appends to one file; reopened when log rotation moved it away.</summary>
    private sealed class FileSink(string path) : ILogEventSink, IDisposable
    {
        private readonly Lock _lock = new();
        private readonly ITextFormatter _format = new Serilog.Formatting.Display.MessageTemplateTextFormatter(
            "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffZ} {Level:u3} {SourceContext} {Message:lj}{NewLine}{Exception}",
            System.Globalization.CultureInfo.InvariantCulture);
        private StreamWriter? _writer = Open(path);

        public void Emit(LogEvent logEvent)
        {
            lock (_lock)
            {
                if (!File.Exists(path))
                {
                    _writer?.Dispose();
                    _writer = Open(path);
                }
                if (_writer is null) return;
                _format.Format(logEvent, _writer);
                _writer.Flush();
            }
        }

        public void Dispose() => _writer?.Dispose();

        private static StreamWriter Open(string path) => new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete));
    }
}
