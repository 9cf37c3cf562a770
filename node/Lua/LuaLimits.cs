namespace Shoal.Lua;

/// <summary>What one interpreter may use.</summary>
/// <param name="MaxMemoryBytes">Bytes of live Lua objects after which an allocation raises "not enough memory".</param>
/// <param name="MaxCallDepth">Lua calls inside each other before "stack overflow"; Lua 5.1 allows 20000.</param>
/// <param name="MaxNesting">Calls that need the host's stack (metamethods, callbacks, coroutines inside each other) and levels of
/// source nesting; Lua 5.1 allows 200.</param>
/// <param name="InterruptInterval">Steps (loop turns, calls, units of library work) between two calls of the interrupt.</param>
public sealed record LuaLimits(
    long MaxMemoryBytes = 512L << 20, int MaxCallDepth = 20000, int MaxNesting = 200, int InterruptInterval = 10000);
