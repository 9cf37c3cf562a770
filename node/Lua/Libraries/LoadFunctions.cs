using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>load, loadstring, getfenv, setfenv: functions about functions.</summary>
internal static class LoadFunctions
{
    public static void Open(LuaState state)
    {
        state.Register("loadstring", static (ref LuaCall call) =>
        {
            var source = call.CheckString(1);
            return Load(ref call, source.Bytes, call.OptionalString(2) ?? source);
        });
        state.Register("load", LoadPieces);
        state.Register("getfenv", GetEnvironment);
        state.Register("setfenv", SetEnvironment);
    }

    private static int Load(ref LuaCall call, ReadOnlySpan<byte> source, LuaString chunk)
    {
        try
        {
            return call.Return(call.State.Load(source, System.Text.Encoding.Latin1.GetString(chunk.Bytes)));
        }
        catch (LuaError e) when (!e.IsFatal)
        {
            return call.Return(default, e.Value);
        }
    }

    private static int LoadPieces(ref LuaCall call)
    {
        var reader = call.CheckFunction(1);
        var chunk = call.OptionalString(2) ?? "=(load)";
        var source = new ByteBuffer(call.State);
        while (true)
        {
            call.State.Tick();
            LuaValue piece;
            try
            {
                piece = call.Thread.CallValue(reader, default, default, default, 0);
            }
            catch (LuaError e) when (!e.IsFatal)
            {
                return call.Return(default, e.Value);
            }
            if (piece.IsNil) break;
            if (piece.ToLuaString() is not { } text) return call.Return(default, (LuaString)"reader function must return a string");
            if (text.Length == 0) break;
            source.Append(text.Bytes);
        }
        return Load(ref call, source.Bytes, chunk);
    }

    private static int GetEnvironment(ref LuaCall call)
    {
        var function = FunctionAt(ref call, optional: true);
        return call.Return(function?.Environment ?? call.State.Globals);
    }

    private static int SetEnvironment(ref LuaCall call)
    {
        var environment = call.CheckTable(2);
        if (call[1].IsNumber && call[1].Num == 0) throw call.Error("'setfenv' cannot change environment of given object");
        var function = FunctionAt(ref call, optional: false);
        if (function is not { IsLua: true }) throw call.Error("'setfenv' cannot change environment of given object");
        function.Environment = environment;
        return call.Return(function);
    }

    /// <summary>The function given, or the one running at a level; null for level 0 (the globals).</summary>
    private static LuaFunction? FunctionAt(ref LuaCall call, bool optional)
    {
        if (call[1].Ref is LuaFunction function) return function;
        int level = optional ? call.OptionalInt(1, 1) : call.CheckInt(1);
        if (level < 0) throw call.ArgumentError(1, "level must be non-negative");
        if (level == 0) return null;
        int at = CallSite.FrameAt(call.Thread, level);
        if (at == CallSite.None) throw call.ArgumentError(1, "invalid level");
        if (at == CallSite.TailCall) throw call.Error($"no function environment for tail call at level {level}");
        return call.Thread.Stack[call.Thread.Frames[at].Func].AsFunction();
    }
}
