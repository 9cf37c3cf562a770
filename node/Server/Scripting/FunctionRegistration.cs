// redis.register_function: what a library calls while it is loaded, with a name and a function, or with a table that names more.
using System.Text;
using Shoal.Lua;

namespace Shoal.Server.Scripting;

/// <summary>Reads the arguments of redis.register_function. Errors are raised as tables.</summary>
internal static class FunctionRegistration
{
    public static int Register(ref LuaCall call, FunctionLibrary? library)
    {
        if (library is null) throw Error(ref call, "redis.register_function can only be called on FUNCTION LOAD command");
        var function = call.Count switch
        {
            1 => Named(ref call),
            2 => Positional(ref call),
            _ => throw Error(ref call, "wrong number of arguments to redis.register_function"),
        };
        if (!Shebang.IsName(function.Name)) throw Error(ref call, Shebang.BadLibraryName);
        if (!library.TryAdd(function)) throw Error(ref call, "Function already exists in the library");
        return call.Return();
    }

    private static ScriptFunction Positional(ref LuaCall call)
    {
        if (call[1].ToLuaString() is not { } name) throw Error(ref call, "first argument to redis.register_function must be a string");
        if (call[2].AsFunction() is not { } callback) throw Error(ref call, "second argument to redis.register_function must be a function");
        return new ScriptFunction(Latin1(name), null, callback, ScriptFlags.None);
    }

    private static ScriptFunction Named(ref LuaCall call)
    {
        if (call[1].AsTable() is not { } table)
            throw Error(ref call, "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).");
        string? name = null;
        byte[]? description = null;
        LuaFunction? callback = null;
        var flags = ScriptFlags.None;
        for (int at = 0; table.NextFrom(ref at, out var key, out var value);)
        {
            if (key.ToLuaString() is not { } field) throw Error(ref call, "named argument key given to redis.register_function is not a string");
            switch (Latin1(field).ToLowerInvariant())
            {
                case "function_name":
                    name = value.ToLuaString() is { } n ? Latin1(n) : throw Error(ref call, "function_name argument given to redis.register_function must be a string");
                    break;
                case "description":
                    description = value.ToLuaString() is { } d ? d.Bytes.ToArray() : throw Error(ref call, "description argument given to redis.register_function must be a string");
                    break;
                case "callback":
                    callback = value.AsFunction() ?? throw Error(ref call, "callback argument given to redis.register_function must be a function");
                    break;
                case "flags":
                    if (value.AsTable() is not { } list)
                        throw Error(ref call, "flags argument to redis.register_function must be a table representing function flags");
                    flags = Flags(ref call, list);
                    break;
                default:
                    throw Error(ref call, "unknown argument given to redis.register_function");
            }
        }
        if (name is null) throw Error(ref call, "redis.register_function must get a function name argument");
        if (callback is null) throw Error(ref call, "redis.register_function must get a callback argument");
        return new ScriptFunction(name, description, callback, flags);
    }

    private static ScriptFlags Flags(ref LuaCall call, LuaTable list)
    {
        var flags = ScriptFlags.None;
        for (int i = 1; !list[i].IsNil; i++)
        {
            var flag = list[i].ToLuaString() is { } name ? ScriptFlagNames.Find(name.Bytes, ignoreCase: true) : ScriptFlags.None;
            if (flag == ScriptFlags.None) throw Error(ref call, "unknown flag given");
            flags |= flag;
        }
        return flags;
    }

    private static LuaError Error(ref LuaCall call, string text) => new(ErrorTable.Of(call.State, text));

    private static string Latin1(LuaString text) => Encoding.Latin1.GetString(text.Bytes);
}
