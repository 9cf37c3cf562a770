namespace Shoal.Lua.Running;

/// <summary>The start of `for i = a, b, c`.</summary>
internal static class NumericLoop
{
    private static readonly string[] Roles = ["initial value", "limit", "step"];

    /// <summary>Checks index, limit and step; sets the variable. False when the loop has no turn.</summary>
    /// <exception cref="LuaError">"'for' limit must be a number"</exception>
    public static bool Prepare(LuaThread thread, Span<LuaValue> r)
    {
        for (int n = 0; n < 3; n++)
        {
            if (!r[n].TryToNumber(out double number)) throw CallSite.RuntimeError(thread, $"'for' {Roles[n]} must be a number");
            r[n] = number;
        }
        double step = r[2].Num, index = r[0].Num - step + step;   // as Lua 5.1 starts: one step back, then forward
        r[0] = index;
        r[3] = index;
        return step > 0 ? index <= r[1].Num : r[1].Num <= index;
    }
}
