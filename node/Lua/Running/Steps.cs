// The parts of instructions that are not worth being inside the loop of the interpreter: they save the program counter, because they can
// call back or fail, and give back a fresh window on the registers where the stack may have moved.
using System.Runtime.CompilerServices;
using Shoal.Lua.Compiling;
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Running;

/// <summary>Out-of-line steps of the interpreter.</summary>
internal static class Steps
{
    /// <summary>Ends the current Lua frame; true when control leaves this run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Return(LuaThread thread, int from, int count)
    {
        ref Frame frame = ref thread.Frames[thread.Depth];
        thread.PopFrame();
        if (count == 1 && frame.Wanted == 1) thread.Stack[frame.Func] = thread.Stack[from];
        else thread.PlaceResults(frame.Func, from, count, frame.Wanted);
        return thread.Frames[thread.Depth].Kind != FrameKind.Lua && thread.SettleProtected();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Span<LuaValue> SlowArithmetic(LuaThread thread, int pc, Instruction i, LuaValue right)
    {
        thread.Save(pc);
        int first = (int)(i.Op >= Op.AddConstant ? Op.AddConstant : Op.Add);
        return Set(thread, i.A, Metamethods.Arithmetic(thread, (BinaryOperator)((int)i.Op - first), Window(thread)[i.B], right));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool SlowCompare(LuaThread thread, int pc, in LuaValue a, in LuaValue b, bool orEqual)
    {
        // One side is a number constant, so no metamethod can apply (both must be of one type): this only raises the error.
        thread.Save(pc);
        return orEqual ? Metamethods.LessOrEqual(thread, a, b) : Metamethods.Less(thread, a, b);
    }

    public static void SetList(LuaThread thread, LuaTable table, int from, int count, int listed)
    {
        table.EnsureArray(listed + count);
        for (int n = 0; n < count; n++) table.Slot(listed + n + 1) = thread.Stack[from + n];
    }

    public static LuaFunction MakeClosure(LuaState state, LuaFunction outer, Prototype inner, ReadOnlySpan<LuaValue> registers)
    {
        state.Meter.Charge(LuaFunction.Size + 8L * inner.Upvalues.Length);
        var cells = inner.Upvalues.Length == 0 ? [] : new Cell[inner.Upvalues.Length];
        for (int n = 0; n < cells.Length; n++)
        {
            var source = inner.Upvalues[n];
            cells[n] = source.FromRegister ? Unsafe.As<Cell>(registers[source.Index].Ref!) : outer.Upvalues[source.Index];
        }
        return new LuaFunction(inner, cells, outer.Environment!);
    }

    public static void CopyVarargs(LuaThread thread, Prototype prototype, int to, int wanted)
    {
        Frame frame = thread.Frames[thread.Depth];
        int count = Varargs.Count(frame, prototype);
        thread.EnsureStack(to + Math.Max(count, wanted));
        thread.PlaceResults(to, frame.Func + 1 + prototype.Parameters, count, wanted);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Interrupt(LuaThread thread, int pc)
    {
        thread.Save(pc);
        thread.State.CallInterrupt();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Span<LuaValue> Index(LuaThread thread, int pc, int to, LuaValue target, LuaValue key, int operand)
    {
        thread.Save(pc);
        return Set(thread, to, Metamethods.Index(thread, target, key, operand));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Span<LuaValue> SetIndex(LuaThread thread, int pc, LuaValue target, LuaValue key, LuaValue value, int operand)
    {
        thread.Save(pc);
        Metamethods.SetIndex(thread, target, key, value, operand);
        return Window(thread);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Span<LuaValue> Negate(LuaThread thread, int pc, int to, LuaValue operand)
    {
        thread.Save(pc);
        return Set(thread, to, Metamethods.Negate(thread, operand));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Span<LuaValue> Length(LuaThread thread, int pc, int to, LuaValue operand)
    {
        thread.Save(pc);
        return Set(thread, to, Metamethods.Length(thread, operand));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Equal(LuaThread thread, int pc, LuaValue a, LuaValue b)
    {
        thread.Save(pc);
        return Metamethods.Equal(thread, a, b);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Less(LuaThread thread, int pc, LuaValue a, LuaValue b)
    {
        thread.Save(pc);
        return Metamethods.Less(thread, a, b);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool LessOrEqual(LuaThread thread, int pc, LuaValue a, LuaValue b)
    {
        thread.Save(pc);
        return Metamethods.LessOrEqual(thread, a, b);
    }

    private static Span<LuaValue> Set(LuaThread thread, int register, scoped in LuaValue value)
    {
        var window = Window(thread);
        window[register] = value;
        return window;
    }

    private static Span<LuaValue> Window(LuaThread thread)
    {
        ref Frame frame = ref thread.Frames[thread.Depth];
        return thread.Stack.AsSpan(frame.Base, thread.FunctionOf(frame).Prototype!.FrameSize);
    }
}
