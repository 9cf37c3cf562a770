// One interpreter: globals, limits, meter, the thread that runs. Not thread-safe: one caller at a time. The state itself opens no
// library; StandardLibraries.Open does, and a host may leave some out or add its own.
using Shoal.Lua.Compiling;
using Shoal.Lua.Running;
using Shoal.Lua.Syntax;

namespace Shoal.Lua;

/// <summary>A Lua 5.1 interpreter.</summary>
public sealed class LuaState
{
    private readonly ConstantPool _constants = new();
    private int _ticks;

    public LuaState(LuaLimits? limits = null)
    {
        Limits = limits ?? new LuaLimits();
        Meter = new MemoryMeter(Limits.MaxMemoryBytes);
        Globals = new LuaTable(Meter, 0, 0);
        Main = new LuaThread(this);
        Current = Main;
        _ticks = Limits.InterruptInterval;
        Meter.MeasureLive = () => LiveSize.Of(this);
    }

    public LuaLimits Limits { get; }

    /// <summary>The table of global variables new chunks get as their environment.</summary>
    public LuaTable Globals { get; }

    /// <summary>What all strings share: a table with `__index`, set by the string library.</summary>
    public LuaTable? StringMetatable { get; set; }

    /// <summary>Called every <see cref="LuaLimits.InterruptInterval"/> steps, also inside long library work. It may throw a
    /// <see cref="LuaError"/> to stop the script: a fatal one passes every `pcall`.</summary>
    public Action<LuaState>? Interrupt { get; set; }

    /// <summary>Bytes of Lua objects: live at the last count plus allocated since.</summary>
    public long MemoryUsed => Meter.Used;

    /// <summary>True while a call runs.</summary>
    public bool IsRunning => Main.IsBusy;

    internal MemoryMeter Meter { get; }

    internal RandomSource Random { get; } = new();

    internal LuaThread Main { get; }

    internal LuaThread Current { get; set; }

    /// <summary>Calls on the host's stack inside each other.</summary>
    internal int Nesting { get; set; }

    /// <summary>Compiles a chunk of source text.</summary>
    /// <param name="source">Lua source; binary chunks are not understood.</param>
    /// <param name="chunkName">As lua_load takes it: "@user_script" shows as "user_script" in errors, "=x" as "x", anything else
    /// as [string "..."].</param>
    /// <exception cref="LuaError">A syntax error, with Lua's text ("user_script:1: unexpected symbol near 'x'").</exception>
    public LuaFunction Load(ReadOnlySpan<byte> source, string chunkName)
    {
        Meter.Charge(source.Length);
        var tree = new Parser(source.ToArray(), ChunkName.ForPeople(chunkName), Limits.MaxNesting).ParseChunk();
        return new LuaFunction(new FunctionCompiler(tree, chunkName, _constants).Compile(), [], Globals);
    }

    /// <summary>Calls a function and gives all its results.</summary>
    /// <exception cref="LuaError">What the function raised and no `pcall` caught, located.</exception>
    public LuaValue[] Call(LuaFunction function, params ReadOnlySpan<LuaValue> arguments) => Current.CallFromHost(function, arguments);

    /// <summary>A string value, counted by the memory meter.</summary>
    /// <exception cref="LuaError">"not enough memory"</exception>
    public LuaString NewString(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return LuaString.Empty;
        Meter.Charge(LuaString.Overhead + bytes.Length);
        return new LuaString(bytes);
    }

    /// <summary>Sets a global function of the host.</summary>
    public void Register(string name, LuaHostFunction host) => Globals[(LuaString)name] = new LuaFunction(name, host);

    /// <summary>Starts the sequence of `math.random` anew, as `math.randomseed` does.</summary>
    public void SeedRandom(int seed) => Random.Seed(seed);

    /// <summary>Walks everything reachable to bring <see cref="MemoryUsed"/> up to date.</summary>
    public void Collect() => Meter.Collect();

    /// <summary>Counts steps of work towards the next interrupt; library loops call it too.</summary>
    public void Tick(int steps = 1)
    {
        if ((_ticks -= steps) < 0) CallInterrupt();
    }

    /// <summary>Counts one step; true when the interrupt is due.</summary>
    internal bool Step() => --_ticks < 0;

    internal void CallInterrupt()
    {
        _ticks = Limits.InterruptInterval;
        Interrupt?.Invoke(this);
    }
}
