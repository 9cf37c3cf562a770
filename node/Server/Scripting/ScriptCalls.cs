// redis.call: the arguments of a Lua call become a request, the request passes the checks for scripts and runs through the dispatcher,
// and its reply becomes a Lua value. Request and reply live in buffers that are used again for every call.
using System.Runtime.InteropServices;
using Shoal.Lua;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Security;
using Shoal.Server.Sessions;

namespace Shoal.Server.Scripting;

/// <summary>Runs commands for the running script. Engine thread.</summary>
internal sealed unsafe class ScriptCalls : IDisposable
{
    private const int KeptBytes = 64 * 1024;

    private readonly ScriptRun _run;
    private readonly NativeBuffer _frame = new(256);
    private readonly ReplyWriter _reply = new(1024);
    private ArgSlice* _args;
    private int _argsCapacity;
    private NodeServices _node = null!;
    private ScriptGate _gate = null!;

    public ScriptCalls(ScriptRun run) => _run = run;

    ~ScriptCalls() => NativeMemory.Free(_args);

    public void Connect(NodeServices node)
    {
        _node = node;
        _gate = new ScriptGate(node, _run);
    }

    /// <summary>redis.call (<paramref name="raises"/>: an error reply is raised) and redis.pcall.</summary>
    public int Call(ref LuaCall call, bool raises)
    {
        if (!TryReadRequest(ref call, out var request, out string problem)) return Fail(ref call, ErrorTable.Of(call.State, problem), raises);
        var c = _node.Dispatcher.Begin(_run.Session, _reply);
        c.Request = request;
        c.IsReplay = _run.IsReplay;
        c.IsScript = true;
        _reply.Resp = _run.Resp;
        if (_gate.Refusal(ref c) is { } refusal)
        {
            if (c.Command is not null) c.Command.Statistics.Rejected++;
            var error = ErrorTable.Of(call.State, refusal);
            _node.Dispatcher.Meter.CountError(ErrorTable.Text(error));
            ErrorTable.MarkCounted(error);
            return Fail(ref call, error, raises);
        }
        try
        {
            _node.Dispatcher.Call(ref c);
            if (_reply.Length == 0) return Fail(ref call, Unanswered(ref call), raises);
            var value = ReplyToLua.Read(call.State, _reply.Written);
            return _reply.Written[0] == (byte)'-' ? Fail(ref call, value.AsTable()!, raises) : call.Return(value);
        }
        finally
        {
            _reply.Clear(KeptBytes);
            _frame.Clear(KeptBytes);
        }
    }

    /// <summary>redis.acl_check_cmd: whether the caller's user might run a command with these arguments.</summary>
    public int CheckPermission(ref LuaCall call)
    {
        if (!TryReadRequest(ref call, out var request, out string problem)) throw new LuaError(ErrorTable.Of(call.State, problem));
        var c = _node.Dispatcher.Begin(_run.Session, _reply);
        c.Request = request;
        _node.Dispatcher.Resolve(ref c);
        if (c.Command is null) throw new LuaError(ErrorTable.Of(call.State, "Invalid command passed to redis.acl_check_cmd()"));
        return call.Return(_run.Session.User.Check(c.Command, c.Request).Kind == DenialKind.None);
    }

    public void Dispose()
    {
        _frame.Dispose();
        _reply.Dispose();
        NativeMemory.Free(_args);
        _args = null;
        GC.SuppressFinalize(this);
    }

    private static int Fail(ref LuaCall call, LuaTable error, bool raises) => raises ? throw new LuaError(error) : call.Return(error);

    /// <summary>The command parked the session instead of answering: it cannot, a script does not wait.</summary>
    private LuaTable Unanswered(ref LuaCall call)
    {
        _run.Session.Parked?.Release();
        return ErrorTable.Of(call.State, ScriptErrors.NotFromScript);
    }

    private bool TryReadRequest(scoped ref LuaCall call, out Request request, out string problem)
    {
        request = default;
        problem = "";
        int count = call.Count;
        if (count == 0)
        {
            problem = "Please specify at least one argument for this redis lib call";
            return false;
        }
        if (_argsCapacity < count)
        {
            _args = (ArgSlice*)NativeMemory.Realloc(_args, (nuint)count * 2 * (nuint)sizeof(ArgSlice));
            _argsCapacity = count * 2;
        }
        _frame.Clear(KeptBytes);
        RequestWriter.Header(_frame, count);
        Span<byte> digits = stackalloc byte[40];
        var arguments = call.Arguments;
        for (int i = 0; i < count; i++)
        {
            scoped ReadOnlySpan<byte> text;
            ref readonly var argument = ref arguments[i];
            if (argument.AsString() is { } s) text = s.Bytes;
            else if (argument.IsNumber) text = digits[..ScriptNumber.Format(argument.AsNumber(), digits)];
            else
            {
                problem = "Lua redis lib command arguments must be strings or integers";
                return false;
            }
            RequestWriter.Bulk(_frame, text);
            _args[i].Length = text.Length;
            _args[i].Offset = _frame.Length - text.Length - 2;
        }
        request = new Request(_frame.Start, _args, count, _frame.Length);
        return true;
    }
}
