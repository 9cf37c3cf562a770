// Where an error happened and what the called function was called by: "user_script:3:", "bad argument #1 to 'insert'".
using Shoal.Lua.Compiling;

namespace Shoal.Lua.Running;

/// <summary>Positions and names for error texts.</summary>
internal static class CallSite
{
    /// <summary>No frame at a level.</summary>
    public const int None = -1;

    /// <summary>The level is a call that gave its frame to a tail call.</summary>
    public const int TailCall = -2;

    /// <summary>The frame at a level: 0 is the running function, 1 its caller.</summary>
    public static int FrameAt(LuaThread thread, int level)
    {
        for (int i = thread.Depth; i >= 0; i--)
        {
            ref Frame f = ref thread.Frames[i];
            if (f.Kind == FrameKind.Entry) continue;
            if (level == 0) return i;
            level--;
            if (f.Kind != FrameKind.Lua) continue;
            level -= f.TailCalls;
            if (level < 0) return TailCall;
        }
        return None;
    }

    /// <summary>"chunk:line: " of a level, or nothing when no Lua code runs there.</summary>
    public static string Where(LuaThread thread, int level)
    {
        int at = level <= 0 ? None : FrameAt(thread, level);
        if (at < 0 || thread.Frames[at].Kind != FrameKind.Lua) return "";
        ref Frame f = ref thread.Frames[at];
        var p = thread.FunctionOf(f).Prototype!;
        return $"{p.ShownChunk}:{LineOf(p, f)}: ";
    }

    /// <summary>An error with the position of a level in front.</summary>
    public static LuaError RuntimeErrorAt(LuaThread thread, int level, string message) => new(Where(thread, level) + message);

    /// <summary>An error of the VM itself, with the position of the current function if that is Lua.</summary>
    public static LuaError RuntimeError(LuaThread thread, string message)
    {
        if (thread.Depth < 0 || thread.Frames[thread.Depth].Kind != FrameKind.Lua) return new LuaError(message);
        ref Frame f = ref thread.Frames[thread.Depth];
        var p = thread.FunctionOf(f).Prototype!;
        return new LuaError($"{p.ShownChunk}:{LineOf(p, f)}: {message}");
    }

    /// <summary>"attempt to index local 'x' (a nil value)"; operand -1 has no name.</summary>
    public static LuaError TypeError(LuaThread thread, int operand, in LuaValue value, string action)
    {
        string type = LuaTypeNames.Of(value.Type);
        if (operand >= 0 && thread.Depth >= 0 && thread.Frames[thread.Depth] is { Kind: FrameKind.Lua } f
            && thread.FunctionOf(f).Prototype!.Names.Find(f.Pc - 1, operand) is { } name)
            return RuntimeError(thread, $"attempt to {action} {name.Kind} '{name.Name}' (a {type} value)");
        return RuntimeError(thread, $"attempt to {action} a {type} value");
    }

    public static LuaError ArgumentError(LuaThread thread, int number, string problem)
    {
        string name = "?";
        int caller = thread.Depth - 1;
        if (caller >= 0 && thread.Frames[caller] is { Kind: FrameKind.Lua } f)
        {
            var p = thread.FunctionOf(f).Prototype!;
            if (p.Code[f.Pc - 1].Op == Op.IteratorCall) name = "(for generator)";
            else if (p.Names.Find(f.Pc - 1, 0) is { } known)
            {
                name = known.Name.ToString();
                if (known.Kind == "method" && --number == 0)
                    return new LuaError($"{Where(thread, 1)}calling '{name}' on bad self ({problem})");
            }
        }
        return new LuaError($"{Where(thread, 1)}bad argument #{number} to '{name}' ({problem})");
    }

    /// <summary>Notes the innermost Lua function and line on an error that has none yet.</summary>
    public static void Locate(LuaThread thread, LuaError error)
    {
        if (error.IsLocated) return;
        error.IsLocated = true;
        for (int i = thread.Depth; i >= 0; i--)
        {
            ref Frame f = ref thread.Frames[i];
            if (f.Kind != FrameKind.Lua) continue;
            var p = thread.FunctionOf(f).Prototype!;
            error.Chunk = p.Chunk;
            error.Line = LineOf(p, f);
            return;
        }
    }

    private static int LineOf(Prototype p, in Frame f) => p.Lines[Math.Max(0, Math.Min(f.Pc - 1, p.Lines.Length - 1))];
}
