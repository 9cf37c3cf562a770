// The basic functions. What Redis takes out (print, dofile, loadfile) is not here; loading takes text only, never bytecode.
using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>assert, error, pcall, pairs, tostring, ...</summary>
internal static class BaseLibrary
{
    private static readonly LuaFunction NextFunction = new("next", Intrinsic.Next, Next);

    private static readonly LuaFunction IpairsStep = new("ipairs_aux", static (ref LuaCall call) =>
    {
        int i = call.CheckInt(2) + 1;
        var value = call.CheckTable(1)[i];
        return value.IsNil ? 0 : call.Return(i, value);
    });

    public static void Open(LuaState state)
    {
        var globals = state.Globals;
        globals[(LuaString)"_G"] = globals;
        globals[(LuaString)"_VERSION"] = (LuaString)"Lua 5.1";
        globals[(LuaString)"next"] = NextFunction;
        globals[(LuaString)"pcall"] = new LuaFunction("pcall", Intrinsic.ProtectedCall, PCall);
        globals[(LuaString)"xpcall"] = new LuaFunction("xpcall", Intrinsic.ProtectedCallWithHandler, XPCall);
        state.Register("assert", Assert);
        state.Register("error", Error);
        state.Register("type", Type);
        state.Register("tostring", ToStringFunction);
        state.Register("tonumber", ToNumber);
        state.Register("pairs", static (ref LuaCall call) =>
        {
            var table = call.CheckTable(1);
            call.Push(NextFunction);
            return 1 + call.Return(table, default);
        });
        state.Register("ipairs", static (ref LuaCall call) =>
        {
            var table = call.CheckTable(1);
            call.Push(IpairsStep);
            return 1 + call.Return(table, 0);
        });
        state.Register("rawequal", static (ref LuaCall call) =>
        {
            call.CheckAny(1);
            call.CheckAny(2);
            return call.Return(call[1].Equals(call[2]));
        });
        state.Register("rawget", static (ref LuaCall call) =>
        {
            var table = call.CheckTable(1);
            call.CheckAny(2);
            return call.Return(table[call[2]]);
        });
        state.Register("rawset", RawSet);
        state.Register("select", Select);
        state.Register("unpack", Unpack);
        state.Register("getmetatable", GetMetatable);
        state.Register("setmetatable", SetMetatable);
        state.Register("collectgarbage", CollectGarbage);
        state.Register("gcinfo", static (ref LuaCall call) => call.Return(Math.Floor(call.State.MemoryUsed / 1024.0)));
        state.Register("newproxy", NewProxy);
        LoadFunctions.Open(state);
    }

    /// <summary>`tostring` of a value, with `__tostring`.</summary>
    public static LuaString ToText(LuaThread thread, in LuaValue value)
    {
        var handler = MetaEvents.Of(thread.State, value, MetaEvent.ToString);
        if (!handler.IsNil)
        {
            var made = thread.CallValue(handler, value, default, default, 1);
            return made.ToLuaString() ?? throw new LuaError("'tostring' must return a string to 'print'");
        }
        return value.ToLuaString() ?? value.Ref switch
        {
            null => "nil",
            string => value.IsTruthy ? "true" : "false",
            LuaUserdata u when ReferenceEquals(u, LuaUserdata.Null) => "userdata: (nil)",
            var o => Address(LuaTypeNames.Of(value.Type), o),
        };
    }

    private static LuaString Address(string type, object o) => $"{type}: 0x{System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(o):x12}";

    // These two are reached only with too few arguments: with enough of them the VM makes the call itself.
    private static int PCall(ref LuaCall call) => throw call.ArgumentError(1, "value expected");

    private static int XPCall(ref LuaCall call) => throw call.ArgumentError(2, "value expected");

    private static int Next(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        var key = call[2];
        return table.Next(ref key, out var value) ? call.Return(key, value) : call.Return(default(LuaValue));
    }

    private static int Assert(ref LuaCall call)
    {
        call.CheckAny(1);
        if (!call[1].IsTruthy)
        {
            if (call.IsNoneOrNil(2)) throw call.Error("assertion failed!", 0);
            throw new LuaError(call.CheckString(2));
        }
        for (int i = 1; i <= call.Count; i++) call.Push(call[i]);
        return call.Count;
    }

    private static int Error(ref LuaCall call)
    {
        int level = call.OptionalInt(2, 1);
        var value = call[1];
        if (value.ToLuaString() is { } text && level > 0)
        {
            var where = System.Text.Encoding.UTF8.GetBytes(CallSite.Where(call.Thread, level));
            value = new LuaString([.. where, .. text.Bytes]);
        }
        throw new LuaError(value);
    }

    private static int Type(ref LuaCall call)
    {
        call.CheckAny(1);
        return call.Return(LuaTypeNames.StringOf(call[1].Type));
    }

    private static int ToStringFunction(ref LuaCall call)
    {
        call.CheckAny(1);
        return call.Return(ToText(call.Thread, call[1]));
    }

    private static int ToNumber(ref LuaCall call)
    {
        int radix = call.OptionalInt(2, 10);
        if (radix == 10)
        {
            call.CheckAny(1);
            return call[1].TryToNumber(out double number) ? call.Return(number) : call.Return(default(LuaValue));
        }
        var text = call.CheckString(1);
        if (radix is < 2 or > 36) throw call.ArgumentError(2, "base out of range");
        return RadixNumber.TryParse(text.Bytes, radix, out double value) ? call.Return(value) : call.Return(default(LuaValue));
    }

    private static int RawSet(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        call.CheckAny(2);
        call.CheckAny(3);
        call.CheckWritableTable(1)[call[2]] = call[3];
        return call.Return(table);
    }

    private static int Select(ref LuaCall call)
    {
        int count = call.Count;
        if (call[1].Ref is LuaString s && s.Length > 0 && s.Bytes[0] == '#') return call.Return(count - 1);
        int n = call.CheckInt(1);
        if (n < 0) n = count + n;
        else if (n > count) n = count;
        if (n < 1) throw call.ArgumentError(1, "index out of range");
        for (int i = n + 1; i <= count; i++) call.Push(call[i]);
        return count - n;
    }

    private static int Unpack(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        int from = call.OptionalInt(2, 1);
        int to = call.IsNoneOrNil(3) ? table.Length : call.CheckInt(3);
        if (from > to) return 0;
        long count = (long)to - from + 1;
        if (count >= LibraryLimits.MaxResults - call.Count) throw call.Error("too many results to unpack");
        for (long i = from; i <= to; i++) call.Push(table[(int)i]);
        return (int)count;
    }

    private static int GetMetatable(ref LuaCall call)
    {
        call.CheckAny(1);
        var metatable = MetaEvents.MetatableOf(call.State, call[1]);
        if (metatable is null) return call.Return(default(LuaValue));
        var guard = MetaEvents.Of(metatable, MetaEvent.Metatable);
        return call.Return(guard.IsNil ? metatable : guard);
    }

    private static int SetMetatable(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        if (call.IsNone(2) || !(call[2].IsNil || call[2].IsTable)) throw call.ArgumentError(2, "nil or table expected");
        if (!MetaEvents.Of(table.Metatable, MetaEvent.Metatable).IsNil) throw call.Error("cannot change a protected metatable");
        call.CheckWritableTable(1).Metatable = call[2].AsTable();
        return call.Return(table);
    }

    private static int CollectGarbage(ref LuaCall call)
    {
        string option = call.OptionalString(1)?.ToString() ?? "collect";
        switch (option)
        {
            case "collect":
                call.State.Collect();
                return call.Return(0);
            case "count":
                return call.Return(call.State.MemoryUsed / 1024.0);
            case "step":
                return call.Return(true);
            case "stop" or "restart" or "setpause" or "setstepmul":
                return call.Return(0);
            default:
                throw call.ArgumentError(1, $"invalid option '{option}'");
        }
    }

    private static int NewProxy(ref LuaCall call)
    {
        var proxy = new LuaUserdata();
        if (!call.IsNoneOrNil(1))
        {
            if (call[1].AsUserdata() is { } other) proxy.Metatable = other.Metatable ?? throw call.ArgumentError(1, "boolean or proxy expected");
            else if (!call[1].IsBoolean) throw call.ArgumentError(1, "boolean or proxy expected");
            else if (call[1].IsTruthy) proxy.Metatable = new LuaTable(call.State);
        }
        return call.Return(proxy);
    }
}
