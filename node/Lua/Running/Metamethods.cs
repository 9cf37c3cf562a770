// The slow ways of the VM: whatever an instruction cannot do at once, because a metamethod, a coercion or an error is due. The current
// frame's Pc is saved before any of these is called.
using Shoal.Lua.Compiling;
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Running;

/// <summary>Operations with all their metamethods.</summary>
internal static class Metamethods
{
    private const int MostLinks = 100;

    public static LuaValue Index(LuaThread thread, LuaValue target, in LuaValue key, int operand)
    {
        for (int i = 0; i < MostLinks; i++)
        {
            LuaValue handler;
            if (target.Ref is LuaTable table)
            {
                var value = table.Get(key);
                if (!value.IsNil) return value;
                handler = MetaEvents.Of(table.Metatable, MetaEvent.Index);
                if (handler.IsNil) return default;
            }
            else
            {
                handler = MetaEvents.Of(thread.State, target, MetaEvent.Index);
                if (handler.IsNil) throw CallSite.TypeError(thread, i == 0 ? operand : -1, target, "index");
            }
            if (handler.IsFunction) return thread.CallValue(handler, target, key);
            target = handler;
        }
        throw CallSite.RuntimeError(thread, "loop in gettable");
    }

    public static void SetIndex(LuaThread thread, LuaValue target, in LuaValue key, in LuaValue value, int operand)
    {
        for (int i = 0; i < MostLinks; i++)
        {
            LuaValue handler;
            if (target.Ref is LuaTable table)
            {
                if (table.IsReadOnly) throw CallSite.RuntimeError(thread, "Attempt to modify a readonly table");
                handler = MetaEvents.Of(table.Metatable, MetaEvent.NewIndex);
                if (handler.IsNil || !table.Get(key).IsNil)
                {
                    RawSet(thread, table, key, value);
                    return;
                }
            }
            else
            {
                handler = MetaEvents.Of(thread.State, target, MetaEvent.NewIndex);
                if (handler.IsNil) throw CallSite.TypeError(thread, i == 0 ? operand : -1, target, "index");
            }
            if (handler.IsFunction)
            {
                thread.CallValue(handler, target, key, value, 3);
                return;
            }
            target = handler;
        }
        throw CallSite.RuntimeError(thread, "loop in settable");
    }

    public static LuaValue Arithmetic(LuaThread thread, BinaryOperator operation, in LuaValue a, in LuaValue b)
    {
        if (a.TryToNumber(out double x) && b.TryToNumber(out double y)) return Lua.Arithmetic.Compute(operation, x, y);
        var e = MetaEvent.Add + (int)operation;
        var handler = BinaryHandler(thread, a, b, e);
        if (!handler.IsNil) return thread.CallValue(handler, a, b);
        throw a.TryToNumber(out _)
            ? CallSite.TypeError(thread, 1, b, "perform arithmetic on")
            : CallSite.TypeError(thread, 0, a, "perform arithmetic on");
    }

    public static LuaValue Negate(LuaThread thread, in LuaValue a)
    {
        if (a.TryToNumber(out double x)) return -x;
        var handler = MetaEvents.Of(thread.State, a, MetaEvent.Unm);
        return handler.IsNil ? throw CallSite.TypeError(thread, 0, a, "perform arithmetic on") : thread.CallValue(handler, a, a);
    }

    public static LuaValue Length(LuaThread thread, in LuaValue a)
    {
        // Lua 5.1 asks tables and strings nothing: __len is for userdata only.
        if (a.Ref is LuaTable t) return t.Length;
        if (a.Ref is LuaString s) return s.Length;
        var handler = MetaEvents.Of(thread.State, a, MetaEvent.Len);
        return handler.IsNil ? throw CallSite.TypeError(thread, 0, a, "get length of") : thread.CallValue(handler, a, default);
    }

    public static bool Equal(LuaThread thread, in LuaValue a, in LuaValue b)
    {
        if (a.Equals(b)) return true;
        LuaTable? first, second;
        if (a.Ref is LuaTable t && b.Ref is LuaTable u) (first, second) = (t.Metatable, u.Metatable);
        else if (a.Ref is LuaUserdata d && b.Ref is LuaUserdata f) (first, second) = (d.Metatable, f.Metatable);
        else return false;
        var handler = SharedHandler(first, second, MetaEvent.Eq);
        return !handler.IsNil && thread.CallValue(handler, a, b).IsTruthy;
    }

    public static bool Less(LuaThread thread, in LuaValue a, in LuaValue b)
    {
        if (a.IsNumber && b.IsNumber) return a.Num < b.Num;
        if (a.Ref is LuaString s && b.Ref is LuaString t) return s.Bytes.SequenceCompareTo(t.Bytes) < 0;
        if (a.Type == b.Type)
        {
            var handler = Ordering(thread, a, b, MetaEvent.Lt);
            if (!handler.IsNil) return thread.CallValue(handler, a, b).IsTruthy;
        }
        throw OrderError(thread, a, b);
    }

    public static bool LessOrEqual(LuaThread thread, in LuaValue a, in LuaValue b)
    {
        if (a.IsNumber && b.IsNumber) return a.Num <= b.Num;
        if (a.Ref is LuaString s && b.Ref is LuaString t) return s.Bytes.SequenceCompareTo(t.Bytes) <= 0;
        if (a.Type == b.Type)
        {
            var handler = Ordering(thread, a, b, MetaEvent.Le);
            if (!handler.IsNil) return thread.CallValue(handler, a, b).IsTruthy;
            handler = Ordering(thread, b, a, MetaEvent.Lt);   // not (b < a)
            if (!handler.IsNil) return !thread.CallValue(handler, b, a).IsTruthy;
        }
        throw OrderError(thread, a, b);
    }

    /// <summary>Joins the values at stack positions from to to, right to left, into the first of them.</summary>
    public static void Concat(LuaThread thread, int from, int to)
    {
        while (from < to)
        {
            var stack = thread.Stack;
            int first = to;
            while (first > from && IsText(stack[first - 1]) && IsText(stack[first])) first--;
            if (first < to)
            {
                stack[first] = Join(thread, stack.AsSpan(first, to - first + 1));
                to = first;
                continue;
            }
            LuaValue a = stack[to - 1], b = stack[to];
            var handler = BinaryHandler(thread, a, b, MetaEvent.Concat);
            if (handler.IsNil)
            {
                int operands = thread.Frames[thread.Depth].Base;
                bool secondIsWrong = IsText(a);
                throw CallSite.TypeError(thread, ConcatOperand(thread, operands, secondIsWrong ? to : to - 1), secondIsWrong ? b : a, "concatenate");
            }
            var result = thread.CallValue(handler, a, b);
            thread.Stack[--to] = result;
        }
    }

    /// <summary>Puts the `__call` handler of what lies at func below it.</summary>
    public static LuaFunction Callable(LuaThread thread, int func, int arguments)
    {
        var value = thread.Stack[func];
        if (MetaEvents.Of(thread.State, value, MetaEvent.Call).Ref is not LuaFunction handler) throw CallSite.TypeError(thread, 0, value, "call");
        thread.EnsureStack(func + arguments + 2);
        Array.Copy(thread.Stack, func, thread.Stack, func + 1, arguments + 1);
        thread.Stack[func] = handler;
        return handler;
    }

    private static void RawSet(LuaThread thread, LuaTable table, in LuaValue key, in LuaValue value)
    {
        if (key.IsNil) throw CallSite.RuntimeError(thread, "table index is nil");
        if (key.IsNumber && double.IsNaN(key.Num)) throw CallSite.RuntimeError(thread, "table index is NaN");
        table.Slot(key) = value;
    }

    private static LuaValue BinaryHandler(LuaThread thread, in LuaValue a, in LuaValue b, MetaEvent e)
    {
        var handler = MetaEvents.Of(thread.State, a, e);
        return handler.IsNil ? MetaEvents.Of(thread.State, b, e) : handler;
    }

    private static LuaValue Ordering(LuaThread thread, in LuaValue a, in LuaValue b, MetaEvent e)
    {
        var first = MetaEvents.Of(thread.State, a, e);
        return !first.IsNil && first.Equals(MetaEvents.Of(thread.State, b, e)) ? first : default;
    }

    private static LuaValue SharedHandler(LuaTable? first, LuaTable? second, MetaEvent e)
    {
        var handler = MetaEvents.Of(first, e);
        if (handler.IsNil || ReferenceEquals(first, second)) return handler;
        return handler.Equals(MetaEvents.Of(second, e)) ? handler : default;
    }

    private static LuaError OrderError(LuaThread thread, in LuaValue a, in LuaValue b)
    {
        string first = LuaTypeNames.Of(a.Type), second = LuaTypeNames.Of(b.Type);
        return CallSite.RuntimeError(thread, first == second ? $"attempt to compare two {first} values" : $"attempt to compare {first} with {second}");
    }

    private static bool IsText(in LuaValue value) => value.IsNumber || value.Ref is LuaString;

    /// <summary>The number of a concat operand at a stack position, for its name.</summary>
    private static int ConcatOperand(LuaThread thread, int frameBase, int position)
    {
        ref Frame f = ref thread.Frames[thread.Depth];
        if (f.Kind != FrameKind.Lua) return -1;
        var instruction = thread.FunctionOf(f).Prototype!.Code[f.Pc - 1];
        return instruction.Op == Op.Concat ? position - frameBase - instruction.B : -1;
    }

    private static LuaString Join(LuaThread thread, ReadOnlySpan<LuaValue> parts)
    {
        Span<byte> number = stackalloc byte[NumberText.MaxLength];
        long length = 0;
        foreach (ref readonly var part in parts)
            length += part.Ref is LuaString s ? s.Length : NumberText.Write(part.Num, number);
        if (length > LibraryLimits.MaxString) throw CallSite.RuntimeError(thread, "string length overflow");
        thread.State.Meter.Charge(LuaString.Overhead + length);
        var joined = GC.AllocateUninitializedArray<byte>((int)length);
        int at = 0;
        foreach (ref readonly var part in parts)
        {
            if (part.Ref is LuaString s)
            {
                s.Bytes.CopyTo(joined.AsSpan(at));
                at += s.Length;
            }
            else
            {
                int n = NumberText.Write(part.Num, number);
                number[..n].CopyTo(joined.AsSpan(at));
                at += n;
            }
        }
        return LuaString.Own(joined);
    }
}
