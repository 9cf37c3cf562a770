// Runs a script or function for a client: arguments to Lua, the call, the result or error to the client, what it wrote to the journal as
// one unit. From the interpreter's interrupt it watches the clock: a script beyond busy-reply-threshold lets the others be served in
// between, who are told BUSY, until it ends or is killed.
using Microsoft.Extensions.Logging;
using Shoal.Lua;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Scripting;

/// <summary>What to run.</summary>
/// <param name="Name">For errors and FUNCTION STATS: the SHA1, or the function's name.</param>
/// <param name="IsEval">A script, which finds its arguments in KEYS and ARGV; a function gets them as parameters.</param>
internal readonly record struct ScriptCall(LuaSandbox Sandbox, LuaFunction Function, string Name, bool IsEval, ScriptFlags Flags);

/// <summary>Runs scripts, one at a time. Engine thread.</summary>
internal sealed class ScriptRunner : IDisposable
{
    private readonly ScriptRun _run = new();
    private readonly LongSetting _threshold;
    private NodeServices _node = null!;
    private ILogger _log = null!;

    public ScriptRunner(LongSetting threshold)
    {
        _threshold = threshold;
        Calls = new ScriptCalls(_run);
    }

    public ScriptCalls Calls { get; }

    public bool IsRunning { get; private set; }

    /// <summary>The running script; its fields mean nothing while none runs.</summary>
    public ScriptRun Current => _run;

    /// <summary>Ends the load of a library that takes too long; set while one is loaded.</summary>
    public Func<bool>? IsLoadOverdue { get; set; }

    public void Connect(NodeServices node)
    {
        _node = node;
        _log = node.Loggers.CreateLogger("Scripting");
        Calls.Connect(node);
    }

    public void Dispose() => Calls.Dispose();

    /// <summary>Runs <paramref name="call"/> with the keys and arguments from argument 3 on and writes its reply.</summary>
    public void Run(ref CommandContext c, in ScriptCall call, int keyCount)
    {
        bool isReadOnlyCall = c.Command.Has(CommandFlags.ReadOnly);
        if (Refusal(ref c, call.Flags, isReadOnlyCall) is { } refusal)
        {
            c.Reply.Error(refusal);
            return;
        }
        var session = c.Session;
        int db = session.Db, resp = c.Reply.Resp;
        bool isFull = !c.IsReplay && _node.Databases.Memory.MaxMemory > 0 && !_node.Dispatcher.HasMemory;
        _run.Begin(session, c.Request, call.Name, call.IsEval, call.Flags, isReadOnlyCall, c.IsReplay, isFull, _node.Cluster.Enabled && keyCount > 0 ? c.Slot : -1);
        IsRunning = true;
        // What the script's commands changed is journalled by them.
        c.DontPropagate();
        _node.Journal.OpenTransaction();
        LuaValue result = default;
        LuaError? failure = null;
        try
        {
            result = Invoke(ref c, call, keyCount);
        }
        catch (LuaError e)
        {
            failure = e;
        }
        finally
        {
            _node.Journal.IsMuted = false;
            _node.Journal.CloseTransaction();
            session.Select(db);
            End();
            c.Reply.Resp = resp; // another session may have used the writer while this one was busy
            c.Reply.ErrorSeen = false;
        }
        if (failure is null) new LuaToReply(c.Reply, _run.Resp).Write(result);
        else c.Reply.Error(ErrorTable.ForClient(failure, call.Name));
        var error = failure is null ? result.AsTable() : failure.Value.AsTable();
        if (!c.Reply.ErrorSeen || error is null || !ErrorTable.IsCounted(error)) return;
        // The command that failed has been counted as an error; the script has only failed.
        c.Reply.ErrorSeen = false;
        c.Command.Statistics.Failed++;
    }

    /// <summary>SCRIPT KILL and FUNCTION KILL: null, or why not.</summary>
    public string? Kill(bool isEval)
    {
        if (!IsRunning) return ScriptErrors.NotBusy;
        if (_run.IsReplay) return ScriptErrors.UnkillableReplay;
        if (_run.HasWritten) return ScriptErrors.UnkillableWrite;
        if (isEval != _run.IsEval) return BusyText;
        _run.IsKilled = true;
        return null;
    }

    /// <summary>What clients are told while the script runs.</summary>
    public string BusyText => _run.IsEval ? ScriptErrors.BusyScript : ScriptErrors.BusyFunction;

    /// <summary>redis.set_repl: whether writes from here on reach the append-only file and replicas. They share one journal, so that
    /// asking for one of them gives both.</summary>
    public void SetReplication(bool isOn) => _node.Journal.IsMuted = !isOn;

    public void Log(LogLevel level, string text) => _log.Log(level, "{Text}", text);

    /// <summary>Called by the interpreter every few thousand steps.</summary>
    public void Interrupt(LuaState state)
    {
        if (!IsRunning)
        {
            if (IsLoadOverdue?.Invoke() == true) throw new LuaError(ErrorTable.Of(state, "FUNCTION LOAD timeout")) { IsFatal = true };
            return;
        }
        if (_run.Busy is null)
        {
            if (_threshold.Value <= 0 || _run.Elapsed.TotalMilliseconds < _threshold.Value) return;
            BecomeBusy();
        }
        // Others' turns must not change how this script sees expired keys.
        var mode = _node.Databases.ExpiryMode;
        _node.Engine.ServeInside();
        _node.Databases.ExpiryMode = mode;
        if (_run.IsKilled) throw new LuaError(ErrorTable.Of(state, ScriptErrors.Killed)) { IsFatal = true };
    }

    private LuaValue Invoke(ref CommandContext c, in ScriptCall call, int keyCount)
    {
        var state = call.Sandbox.State;
        var keys = Strings(ref c, state, 3, keyCount);
        var arguments = Strings(ref c, state, 3 + keyCount, c.ArgCount - 3 - keyCount);
        LuaValue[] results;
        if (call.IsEval)
        {
            call.Sandbox.SetArguments(keys, arguments);
            results = state.Call(call.Function);
        }
        else results = state.Call(call.Function, keys, arguments);
        return results.Length > 0 ? results[0] : default;
    }

    private static LuaTable Strings(ref CommandContext c, LuaState state, int first, int count)
    {
        var table = new LuaTable(state, count, 0);
        for (int i = 0; i < count; i++) table[i + 1] = state.NewString(c[first + i]);
        return table;
    }

    /// <summary>What the gates cannot know of a script before it is found.</summary>
    private string? Refusal(ref CommandContext c, ScriptFlags flags, bool isReadOnlyCall)
    {
        bool isStale = !c.IsReplay && _node.Serving.StaleRefusal?.Invoke() is not null;
        if ((flags & ScriptFlags.Undeclared) != 0) return isStale ? ErrorReplies.PrimaryDown : null;
        if ((flags & ScriptFlags.NoCluster) != 0 && _node.Cluster.Enabled) return ScriptErrors.NotInCluster;
        if (isStale && (flags & ScriptFlags.AllowStale) == 0) return ScriptErrors.StaleScript;
        return isReadOnlyCall && (flags & ScriptFlags.NoWrites) == 0 ? ScriptErrors.WriteFlagInReadOnlyCall : null;
    }

    private void BecomeBusy()
    {
        _log.LogWarning(
            "Slow script detected: still in execution after {Elapsed:F0} milliseconds. You can try killing the script using the {Command} command. Script name is: {Name}.",
            _run.Elapsed.TotalMilliseconds, _run.IsEval ? "SCRIPT KILL" : "FUNCTION KILL", _run.Name);
        _run.Busy = new BusyScript(BusyText, () =>
        {
            _node.Journal.AbandonTransaction();
            _run.IsKilled = true;
        });
        _node.Serving.Busy = _run.Busy;
    }

    private void End()
    {
        IsRunning = false;
        if (_run.Busy is not { } busy) return;
        _node.Serving.Busy = null;
        _run.Busy = null;
        busy.Release();
    }
}
