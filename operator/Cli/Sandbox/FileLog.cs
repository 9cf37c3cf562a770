// The sandbox's own log lines go to a file, so that the terminal shows the cluster and nothing else.
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Shoal.Cli.Sandbox;

/// <summary>Appends lines of <c>time level category: message</c> to one file.</summary>
internal sealed class FileLog(string path, TimeProvider clock) : ILoggerProvider
{
    private readonly StreamWriter writer = new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
    private readonly Lock gate = new();

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate) writer.Dispose();
    }

    private void Write(LogLevel level, string category, string message, Exception? error)
    {
        var time = clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        lock (gate)
        {
            writer.WriteLine($"{time} {level} {category}: {message}");
            if (error is not null) writer.WriteLine(error);
        }
    }

    private sealed class Category(FileLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) log.Write(logLevel, name, formatter(state, exception), exception);
        }
    }
}
