using Shoal.Lua.Compiling;

namespace Shoal.Lua.Running;

/// <summary>Extra arguments: they stay below the frame of their function, between the function and its registers.</summary>
internal static class Varargs
{
    private static readonly LuaString CountName = "n";

    /// <summary>Moves the named parameters above all arguments; gives the frame's base.</summary>
    public static int Arrange(LuaThread thread, Prototype p, int func, int arguments)
    {
        int first = func + 1, actual = Math.Max(arguments, p.Parameters), @base = first + actual;
        thread.EnsureStack(@base + p.FrameSize);
        var stack = thread.Stack;
        for (int i = arguments; i < actual; i++) stack[first + i] = default;
        for (int i = 0; i < p.Parameters; i++)
        {
            stack[@base + i] = stack[first + i];
            stack[first + i] = default;
        }
        if (p.NeedsArgTable) stack[@base + p.Parameters] = MakeArgTable(thread, first + p.Parameters, actual - p.Parameters);
        return @base;
    }

    public static int Count(in Frame frame, Prototype p) => frame.Base - frame.Func - 1 - p.Parameters;

    private static LuaTable MakeArgTable(LuaThread thread, int from, int count)
    {
        var table = new LuaTable(thread.State, count, 1);
        for (int i = 0; i < count; i++) table[i + 1] = thread.Stack[from + i];
        table[CountName] = count;
        return table;
    }
}
