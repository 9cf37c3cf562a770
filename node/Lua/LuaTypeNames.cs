namespace Shoal.Lua;

/// <summary>The names `type` gives and error texts use.</summary>
public static class LuaTypeNames
{
    private static readonly LuaString[] Names =
        ["nil", "boolean", "userdata", "number", "string", "table", "function", "userdata", "thread"];

    public static string Of(LuaType type) => Names[(int)type].ToString();

    internal static LuaString StringOf(LuaType type) => Names[(int)type];
}
