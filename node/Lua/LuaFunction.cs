using Shoal.Lua.Compiling;
using Shoal.Lua.Running;

namespace Shoal.Lua;

/// <summary>A function of the host. Arguments come with the call, results are pushed on it.</summary>
/// <returns>How many of the values pushed last are the results: what <see cref="LuaCall.Return()"/> and its like give.</returns>
/// <exception cref="LuaError">An error in the script's eyes; <see cref="LuaCall.Error"/> makes one with the position.</exception>
public delegate int LuaHostFunction(ref LuaCall call);

/// <summary>A function value: compiled Lua with its upvalues, or a function of the host.</summary>
public sealed class LuaFunction
{
    /// <summary>Bytes of a closure beside its upvalues, for the memory meter.</summary>
    internal const int Size = 64;

    internal readonly Prototype? Prototype;
    internal readonly Cell[] Upvalues;
    internal readonly LuaHostFunction? Host;
    internal readonly Intrinsic Intrinsic;

    /// <summary>A function of the host. The name is for people who debug; error texts use the name the script called it by.</summary>
    public LuaFunction(string name, LuaHostFunction host)
    {
        Name = name;
        Host = host;
        Upvalues = [];
    }

    internal LuaFunction(string name, Intrinsic intrinsic, LuaHostFunction host) : this(name, host) => Intrinsic = intrinsic;

    internal LuaFunction(Prototype prototype, Cell[] upvalues, LuaTable environment)
    {
        Name = prototype.Chunk;
        Prototype = prototype;
        Upvalues = upvalues;
        Environment = environment;
    }

    public string Name { get; }

    /// <summary>Where the function finds its globals; null for functions of the host, which use the state's.</summary>
    public LuaTable? Environment { get; set; }

    /// <summary>True when it runs Lua code.</summary>
    public bool IsLua => Prototype is not null;
}
