namespace Shoal.Lua.Libraries;

/// <summary>The libraries scripts of Redis find: base, coroutine, string, table, math, os.clock, cjson, cmsgpack, bit, struct.</summary>
public static class StandardLibraries
{
    /// <summary>Fills the globals of a new state. There is no `print`, `dofile`, `loadfile`, `require`, `io` or `debug`.</summary>
    public static void Open(LuaState state)
    {
        BaseLibrary.Open(state);
        CoroutineLibrary.Open(state);
        StringLibrary.Open(state);
        TableLibrary.Open(state);
        MathLibrary.Open(state);
        OsLibrary.Open(state);
        BitLibrary.Open(state);
        CJsonLibrary.Open(state);
        MessagePackLibrary.Open(state);
        StructLibrary.Open(state);
    }

    /// <summary>Makes a global table of functions; the table, for fields that are none.</summary>
    internal static LuaTable Register(LuaState state, string library, params ReadOnlySpan<(string Name, LuaHostFunction Function)> functions)
    {
        var table = new LuaTable(state, 0, functions.Length);
        foreach (var (name, function) in functions) table[(LuaString)name] = new LuaFunction(name, function);
        state.Globals[(LuaString)library] = table;
        return table;
    }
}
