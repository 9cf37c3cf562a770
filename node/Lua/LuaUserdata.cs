namespace Shoal.Lua;

/// <summary>An opaque object of the host (`cjson.null`, a proxy): identity, and a metatable if somebody gave it one.</summary>
public sealed class LuaUserdata
{
    /// <summary>The light userdata NULL of the C libraries: `cjson.null`.</summary>
    public static readonly LuaUserdata Null = new();

    internal LuaTable? Metatable { get; set; }
}
