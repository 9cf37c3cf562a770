// The one thread that touches data, as everybody else sees it.
namespace Shoal.Server.Network;

/// <summary>The engine: a loop of turns on one thread.</summary>
public interface IEngine
{
    /// <summary>Runs <paramref name="action"/> on the engine thread at its next turn. Any thread.</summary>
    void Post(Action action);

    /// <summary>Unix milliseconds, fixed for the turn. Engine thread.</summary>
    long NowMs { get; }

    /// <summary>True on the engine thread.</summary>
    bool IsEngineThread { get; }

    /// <summary>Turns since start; stands still when the engine hangs. Any thread.</summary>
    long Turns { get; }

    /// <summary>Runs <paramref name="beforeFlush"/> in every turn behind the commands and before replies leave, in order of registration.</summary>
    void AddTurnTask(Action beforeFlush);

    /// <summary>Runs <paramref name="action"/> every <paramref name="interval"/> on the engine thread.</summary>
    IDisposable Every(TimeSpan interval, Action action);

    /// <summary>Runs <paramref name="action"/> once after <paramref name="delay"/> on the engine thread; dispose to cancel.</summary>
    IDisposable After(TimeSpan delay, Action action);

    /// <summary>The next turn does not wait for I/O: there is background work left to do.</summary>
    void Hurry();

    /// <summary>
    /// Serves sockets for a moment from inside a long task of the engine thread (loading): gates answer LOADING. Must not
    /// be called from a command.
    /// </summary>
    void Breathe();

    /// <summary>
    /// Serves sockets for a moment from inside a running command (a busy script): gates answer BUSY. The clock stands still,
    /// and neither posts nor timers nor turn tasks run, so that nothing else touches data.
    /// </summary>
    void ServeInside();
}
