// An interpreter as scripts may use it: the libraries of Redis and no others, a table `redis`, and nothing that one script could change
// for the next: every table that can be reached from the globals is read-only, and an unknown global is an error.
using Shoal.Lua;
using Shoal.Lua.Libraries;

namespace Shoal.Server.Scripting;

/// <summary>A locked interpreter. EVAL has one, functions have another.</summary>
internal sealed class LuaSandbox
{
    /// <summary>Steps between two looks at the clock: some tenths of a millisecond.</summary>
    private const int InterruptEvery = 10_000;

    /// <summary>The globals of Redis 7.2; whatever else a library brings is taken out.</summary>
    private static readonly HashSet<string> Allowed =
    [
        "string", "cjson", "bit", "cmsgpack", "math", "table", "struct", "xpcall", "tostring", "getfenv", "setmetatable", "next", "assert",
        "tonumber", "rawequal", "collectgarbage", "getmetatable", "rawset", "pcall", "coroutine", "type", "_G", "select", "unpack", "gcinfo",
        "pairs", "rawget", "loadstring", "ipairs", "_VERSION", "setfenv", "load", "error", "newproxy",
    ];

    private static readonly LuaString Keys = "KEYS", Argv = "ARGV", Index = "__index", Redis = "redis";

    private readonly LuaTable? _outerIndex;
    private readonly LuaTable? _loadGlobals;

    private LuaSandbox(ScriptRunner runner, long memoryLimit)
    {
        State = new LuaState(new LuaLimits(MaxMemoryBytes: memoryLimit, InterruptInterval: InterruptEvery)) { Interrupt = runner.Interrupt };
        StandardLibraries.Open(State);
        RemoveForbidden();
        var globals = State.Globals;
        globals[(LuaString)"pcall"] = RedisApi.Pcall(globals[(LuaString)"pcall"].AsFunction()!);
    }

    private LuaSandbox(ScriptRunner runner, long memoryLimit, LuaHostFunction registerFunction) : this(runner, memoryLimit)
    {
        AddApi(RedisApi.Create(State, runner));
        // Functions see the globals through a table in between. While a library is loaded it leads elsewhere: to redis.register_function
        // and little more.
        var loadApi = new LuaTable(State, 0, 8);
        RedisApi.Add(loadApi, "register_function", registerFunction);
        RedisApi.AddLogging(loadApi, runner);
        loadApi.Metatable = UnknownNames(State);
        _loadGlobals = new LuaTable(State, 0, 1) { Metatable = UnknownNames(State) };
        _loadGlobals[Redis] = loadApi;
        _loadGlobals[(LuaString)"server"] = loadApi;
        _outerIndex = new LuaTable(State, 0, 1);
        _outerIndex[Index] = State.Globals;
        Environment = new LuaTable(State) { Metatable = _outerIndex };
        Lock(State.Globals);
        Lock(_loadGlobals);
        Lock(Environment);
    }

    public LuaState State { get; }

    /// <summary>The globals functions run with; null in the sandbox of EVAL.</summary>
    public LuaTable? Environment { get; }

    public static LuaSandbox ForScripts(ScriptRunner runner, long memoryLimit)
    {
        var sandbox = new LuaSandbox(runner, memoryLimit);
        var api = RedisApi.Create(sandbox.State, runner);
        RedisApi.AddEvalOnly(api);
        sandbox.AddApi(api);
        sandbox.Lock(sandbox.State.Globals);
        return sandbox;
    }

    /// <param name="registerFunction">redis.register_function.</param>
    public static LuaSandbox ForFunctions(ScriptRunner runner, long memoryLimit, LuaHostFunction registerFunction) =>
        new(runner, memoryLimit, registerFunction);

    /// <summary>Gives the next script its arguments.</summary>
    public void SetArguments(LuaTable keys, LuaTable arguments)
    {
        State.Globals[Keys] = keys;
        State.Globals[Argv] = arguments;
    }

    /// <summary>Runs a library's code with the globals of loading.</summary>
    public void RunLibrary(LuaFunction library)
    {
        library.Environment = Environment;
        _outerIndex![Index] = _loadGlobals;
        try
        {
            State.Call(library);
        }
        finally
        {
            _outerIndex[Index] = State.Globals;
        }
    }

    private void AddApi(LuaTable api)
    {
        State.Globals[Redis] = api;
        State.Globals[(LuaString)"server"] = api;
        State.Globals.Metatable = UnknownNames(State);
    }

    private void RemoveForbidden()
    {
        var found = new List<LuaValue>();
        for (int at = 0; State.Globals.NextFrom(ref at, out var name, out _);)
            if (!Allowed.Contains(name.ToString())) found.Add(name);
        foreach (var name in found) State.Globals[name] = default;
    }

    private static LuaTable UnknownNames(LuaState state)
    {
        var metatable = new LuaTable(state, 0, 1);
        RedisApi.Add(metatable, "__index", static (ref LuaCall call) =>
            throw call.Error($"Script attempted to access nonexistent global variable '{call[2].ToLuaString()}'"));
        return metatable;
    }

    /// <summary>Makes a table and all it leads to read-only.</summary>
    private void Lock(LuaTable table)
    {
        if (table.IsReadOnly) return;
        table.IsReadOnly = true;
        for (int at = 0; table.NextFrom(ref at, out _, out var value);)
            if (value.AsTable() is { } inner) Lock(inner);
        if (table.Metatable is { } metatable) Lock(metatable);
        if (State.StringMetatable is { } strings) Lock(strings);
    }
}
