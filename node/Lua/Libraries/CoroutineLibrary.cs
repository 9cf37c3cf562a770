using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>coroutine.*</summary>
internal static class CoroutineLibrary
{
    private static readonly LuaString[] StatusNames = ["suspended", "running", "normal", "dead"];

    public static void Open(LuaState state)
    {
        var library = StandardLibraries.Register(state, "coroutine",
            ("create", static (ref LuaCall call) => call.Return(Create(ref call))),
            ("resume", Resume),
            ("running", static (ref LuaCall call) =>
                call.Return(call.Thread.Coroutine is null ? default : new LuaValue((object)call.Thread))),
            ("status", static (ref LuaCall call) => call.Return(StatusNames[(int)Check(ref call).Status])),
            ("wrap", Wrap));
        library[(LuaString)"yield"] = new LuaFunction("yield", Intrinsic.Yield, static (ref LuaCall call) => 0);
    }

    private static LuaValue Create(ref LuaCall call)
    {
        if (call[1].Ref is not LuaFunction { IsLua: true } function) throw call.ArgumentError(1, "Lua function expected");
        return new LuaValue((object)new Coroutine(call.State, function).Thread);
    }

    private static Coroutine Check(ref LuaCall call) =>
        call[1].Ref is LuaThread { Coroutine: { } coroutine } ? coroutine : throw call.ArgumentError(1, "coroutine expected");

    private static int Resume(ref LuaCall call)
    {
        var coroutine = Check(ref call);
        if (coroutine.Status != CoroutineStatus.Suspended) return call.Return(false, (LuaString)Refusal(coroutine));
        LuaValue[] values;
        try
        {
            values = coroutine.Resume(call.Arguments[1..]);
        }
        catch (LuaError e) when (!e.IsFatal)
        {
            return call.Return(false, e.Value);
        }
        call.Push(true);
        foreach (var v in values) call.Push(v);
        return values.Length + 1;
    }

    private static int Wrap(ref LuaCall call)
    {
        var thread = (LuaThread)Create(ref call).Ref!;
        return call.Return(new LuaFunction("wrap", (ref LuaCall inner) =>
        {
            var coroutine = thread.Coroutine!;
            if (coroutine.Status != CoroutineStatus.Suspended) throw inner.Error(Refusal(coroutine));
            LuaValue[] values;
            try
            {
                values = coroutine.Resume(inner.Arguments);
            }
            catch (LuaError e) when (!e.IsFatal && e.Value.Ref is LuaString text)
            {
                // The error goes on in the caller, with the caller's position in front, as in Lua 5.1.
                byte[] where = System.Text.Encoding.UTF8.GetBytes(CallSite.Where(inner.Thread, 1));
                throw new LuaError(new LuaString([.. where, .. text.Bytes]));
            }
            foreach (var v in values) inner.Push(v);
            return values.Length;
        }));
    }

    private static string Refusal(Coroutine coroutine) =>
        $"cannot resume {StatusNames[(int)coroutine.Status]} coroutine";
}
