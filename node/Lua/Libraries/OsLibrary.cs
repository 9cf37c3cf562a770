namespace Shoal.Lua.Libraries;

/// <summary>os.clock: the one function of os that Redis leaves.</summary>
internal static class OsLibrary
{
    public static void Open(LuaState state) => StandardLibraries.Register(state, "os",
        ("clock", static (ref LuaCall call) => call.Return(Environment.CpuUsage.TotalTime.TotalSeconds)));
}
