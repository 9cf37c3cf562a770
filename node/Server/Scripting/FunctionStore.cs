// The node's function libraries: loading runs a library's code once, in a sandbox where it can do nothing but register functions. They
// are data: snapshots, the append-only file and replicas carry their code.
using System.Diagnostics;
using Shoal.Lua;

namespace Shoal.Server.Scripting;

/// <summary>Loads and keeps libraries. Engine thread.</summary>
internal sealed class FunctionStore(ScriptRunner runner, Func<long> memoryLimit)
{
    /// <summary>A library that registers for longer than this is refused (not from a snapshot or the primary's stream).</summary>
    private static readonly TimeSpan LoadDeadline = TimeSpan.FromMilliseconds(500);

    private LuaSandbox? _sandbox;
    private FunctionLibrary? _loading;

    public FunctionSet Current { get; private set; } = new();

    /// <summary>Bytes the interpreter holds.</summary>
    public long InterpreterBytes => _sandbox?.State.MemoryUsed ?? 0;

    public LuaSandbox Sandbox => _sandbox ??= LuaSandbox.ForFunctions(
        runner, memoryLimit(), (ref LuaCall call) => FunctionRegistration.Register(ref call, _loading));

    /// <summary>Loads a library into a set: null, or why not (the set is then as before).</summary>
    /// <param name="replaces">A library of that name is replaced.</param>
    /// <param name="mayTakeLong">No deadline: the code was accepted elsewhere.</param>
    public string? Load(FunctionSet into, byte[] code, bool replaces, bool mayTakeLong, out string name)
    {
        if (Shebang.ReadLibrary(code, out name, out int shebang) is { } malformed) return malformed;
        var old = into.FindLibrary(name);
        if (old is not null && !replaces) return $"Library '{name}' already exists";
        var library = new FunctionLibrary(name, code);
        if (Run(library, shebang, mayTakeLong) is { } error) return error;
        if (library.Functions.Count == 0) return "No functions registered";
        if (old is not null) into.Remove(old);
        if (into.Add(library) is not { } collision) return null;
        if (old is not null) into.Add(old);
        return collision;
    }

    /// <summary>Puts another set in the place of the current one.</summary>
    public void Replace(FunctionSet set) => Current = set;

    private string? Run(FunctionLibrary library, int shebang, bool mayTakeLong)
    {
        LuaFunction chunk;
        try
        {
            chunk = Sandbox.State.Load(library.Code.AsSpan(shebang), "@user_function");
        }
        catch (LuaError e)
        {
            return "Error compiling function: " + e.Value;
        }
        long started = Stopwatch.GetTimestamp();
        runner.IsLoadOverdue = mayTakeLong ? null : () => Stopwatch.GetElapsedTime(started) > LoadDeadline;
        _loading = library;
        try
        {
            Sandbox.RunLibrary(chunk);
            return null;
        }
        catch (LuaError e)
        {
            return "Error registering functions: " + ErrorTable.ForLoad(e);
        }
        finally
        {
            _loading = null;
            runner.IsLoadOverdue = null;
        }
    }
}
