// The loop of the VM. Registers are a window on the thread's stack; a call of a Lua function from Lua changes the window and goes on in
// the same loop. Whatever can call back, allocate much or fail saves the program counter first and takes a fresh window afterwards,
// because the stack may have moved. The method is long because its cases share the window and the counter in registers of the machine.
using System.Runtime.CompilerServices;
using Shoal.Lua.Compiling;
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Running;

/// <summary>Runs the current Lua frame of a thread.</summary>
internal static class Interpreter
{
    /// <summary>Returns when control is back at an entry frame, or when the thread yields.</summary>
    public static void Run(LuaThread thread)
    {
        var state = thread.State;
    Enter:
        ref Frame frame = ref thread.Frames[thread.Depth];
        var function = Unsafe.As<LuaFunction>(thread.Stack[frame.Func].Ref!);
        var prototype = function.Prototype!;
        var code = prototype.Code;
        var k = prototype.Constants;
        int @base = frame.Base, pc = frame.Pc, size = prototype.FrameSize;
        var r = thread.Stack.AsSpan(@base, size);
        while (true)
        {
            var i = code[pc++];
            switch (i.Op)
            {
                case Op.Move:
                    r[i.A] = r[i.B];
                    continue;
                case Op.LoadConstant:
                    r[i.A] = k[i.C];
                    continue;
                case Op.LoadNil:
                    r.Slice(i.A, i.B + 1).Clear();
                    continue;
                case Op.LoadBoolean:
                    r[i.A] = i.B != 0;
                    continue;
                case Op.GetUpvalue:
                    r[i.A] = function.Upvalues[i.B].Value;
                    continue;
                case Op.SetUpvalue:
                    function.Upvalues[i.B].Value = r[i.A];
                    continue;
                case Op.NewCell:
                    state.Meter.Charge(Cell.Size);
                    r[i.A] = new LuaValue(new Cell { Value = r[i.A] });
                    continue;
                case Op.GetCell:
                    r[i.A] = Unsafe.As<Cell>(r[i.B].Ref!).Value;
                    continue;
                case Op.SetCell:
                    Unsafe.As<Cell>(r[i.A].Ref!).Value = r[i.B];
                    continue;
                case Op.GetGlobal:
                {
                    ref LuaValue slot = ref function.Environment!.FindSlot(Unsafe.As<LuaString>(k[i.C].Ref!));
                    if (!Unsafe.IsNullRef(ref slot) && slot.Ref is not null)
                    {
                        r[i.A] = slot;
                        continue;
                    }
                    r = Steps.Index(thread, pc, i.A, function.Environment, k[i.C], -1);
                    continue;
                }
                case Op.SetGlobal:
                    r = Steps.SetIndex(thread, pc, function.Environment, k[i.C], r[i.A], -1);
                    continue;
                case Op.GetTable:
                {
                    if (r[i.B].Ref is LuaTable table && r[i.C].IsNumber)
                    {
                        ref LuaValue slot = ref table.ArraySlot(r[i.C].Num);
                        if (!Unsafe.IsNullRef(ref slot) && slot.Ref is not null)
                        {
                            r[i.A] = slot;
                            continue;
                        }
                    }
                    r = Steps.Index(thread, pc, i.A, r[i.B], r[i.C], 0);
                    continue;
                }
                case Op.GetField:
                {
                    if (r[i.B].Ref is LuaTable table)
                    {
                        ref LuaValue slot = ref table.FindSlot(Unsafe.As<LuaString>(k[i.C].Ref!));
                        if (!Unsafe.IsNullRef(ref slot) && slot.Ref is not null)
                        {
                            r[i.A] = slot;
                            continue;
                        }
                    }
                    r = Steps.Index(thread, pc, i.A, r[i.B], k[i.C], 0);
                    continue;
                }
                case Op.GetInteger:
                {
                    if (r[i.B].Ref is LuaTable table)
                    {
                        var found = table.Get(i.C);
                        if (found.Ref is not null)
                        {
                            r[i.A] = found;
                            continue;
                        }
                    }
                    r = Steps.Index(thread, pc, i.A, r[i.B], (double)i.C, 0);
                    continue;
                }
                case Op.SetTable:
                {
                    if (r[i.A].Ref is LuaTable { Metatable: null, IsReadOnly: false } table && r[i.B].IsNumber)
                    {
                        ref LuaValue slot = ref table.ArraySlot(r[i.B].Num);
                        if (!Unsafe.IsNullRef(ref slot))
                        {
                            slot = r[i.C];
                            continue;
                        }
                    }
                    r = Steps.SetIndex(thread, pc, r[i.A], r[i.B], r[i.C], 0);
                    continue;
                }
                case Op.SetField:
                {
                    if (r[i.A].Ref is LuaTable { Metatable: null, IsReadOnly: false } table)
                    {
                        ref LuaValue slot = ref table.FindSlot(Unsafe.As<LuaString>(k[i.C].Ref!));
                        if (!Unsafe.IsNullRef(ref slot) && slot.Ref is not null)
                        {
                            slot = r[i.B];
                            continue;
                        }
                    }
                    r = Steps.SetIndex(thread, pc, r[i.A], k[i.C], r[i.B], 0);
                    continue;
                }
                case Op.SetInteger:
                    r = Steps.SetIndex(thread, pc, r[i.A], (double)i.C, r[i.B], 0);
                    continue;
                case Op.NewTable:
                    thread.Save(pc);
                    r[i.A] = new LuaTable(state, i.B, i.C);
                    continue;
                case Op.Self:
                {
                    thread.Save(pc);
                    var target = r[i.B];
                    var value = Metamethods.Index(thread, target, k[i.C], 0);
                    r = thread.Stack.AsSpan(@base, size);
                    r[i.A + 1] = target;
                    r[i.A] = value;
                    continue;
                }
                case Op.Add:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = r[i.B].Num + r[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.Subtract:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = r[i.B].Num - r[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.Multiply:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = r[i.B].Num * r[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.Divide:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = r[i.B].Num / r[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.Modulo:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = Arithmetic.Modulo(r[i.B].Num, r[i.C].Num);
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.Power:
                    if (r[i.B].IsNumber && r[i.C].IsNumber) r[i.A] = Math.Pow(r[i.B].Num, r[i.C].Num);
                    else r = Steps.SlowArithmetic(thread, pc, i, r[i.C]);
                    continue;
                case Op.AddConstant:
                    if (r[i.B].IsNumber) r[i.A] = r[i.B].Num + k[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.SubtractConstant:
                    if (r[i.B].IsNumber) r[i.A] = r[i.B].Num - k[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.MultiplyConstant:
                    if (r[i.B].IsNumber) r[i.A] = r[i.B].Num * k[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.DivideConstant:
                    if (r[i.B].IsNumber) r[i.A] = r[i.B].Num / k[i.C].Num;
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.ModuloConstant:
                    if (r[i.B].IsNumber) r[i.A] = Arithmetic.Modulo(r[i.B].Num, k[i.C].Num);
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.PowerConstant:
                    if (r[i.B].IsNumber) r[i.A] = Math.Pow(r[i.B].Num, k[i.C].Num);
                    else r = Steps.SlowArithmetic(thread, pc, i, k[i.C]);
                    continue;
                case Op.Negate:
                {
                    if (r[i.B].IsNumber)
                    {
                        r[i.A] = -r[i.B].Num;
                        continue;
                    }
                    r = Steps.Negate(thread, pc, i.A, r[i.B]);
                    continue;
                }
                case Op.Not:
                    r[i.A] = !r[i.B].IsTruthy;
                    continue;
                case Op.Length:
                    r = Steps.Length(thread, pc, i.A, r[i.B]);
                    continue;
                case Op.Concat:
                    thread.Save(pc);
                    Metamethods.Concat(thread, @base + i.B, @base + i.C);
                    r = thread.Stack.AsSpan(@base, size);
                    r[i.A] = r[i.B];
                    continue;
                case Op.Jump:
                    pc = i.C;
                    continue;
                case Op.Loop:
                    if (state.Step()) Steps.Interrupt(thread, pc);
                    pc = i.C;
                    continue;
                case Op.JumpIf:
                    if (r[i.A].IsTruthy) pc = i.C;
                    continue;
                case Op.JumpIfNot:
                    if (!r[i.A].IsTruthy) pc = i.C;
                    continue;
                case Op.JumpEqual:
                case Op.JumpNotEqual:
                {
                    bool equal = r[i.A].IsNumber && r[i.B].IsNumber ? r[i.A].Num == r[i.B].Num : Steps.Equal(thread, pc, r[i.A], r[i.B]);
                    r = thread.Stack.AsSpan(@base, size);
                    if (equal == (i.Op == Op.JumpEqual)) pc = i.C;
                    continue;
                }
                case Op.JumpEqualConstant:
                    if (r[i.A].Equals(k[i.B])) pc = i.C;
                    continue;
                case Op.JumpNotEqualConstant:
                    if (!r[i.A].Equals(k[i.B])) pc = i.C;
                    continue;
                case Op.JumpLess:
                case Op.JumpNotLess:
                {
                    bool less = r[i.A].IsNumber && r[i.B].IsNumber ? r[i.A].Num < r[i.B].Num : Steps.Less(thread, pc, r[i.A], r[i.B]);
                    r = thread.Stack.AsSpan(@base, size);
                    if (less == (i.Op == Op.JumpLess)) pc = i.C;
                    continue;
                }
                case Op.JumpLessOrEqual:
                case Op.JumpNotLessOrEqual:
                {
                    bool holds = r[i.A].IsNumber && r[i.B].IsNumber ? r[i.A].Num <= r[i.B].Num : Steps.LessOrEqual(thread, pc, r[i.A], r[i.B]);
                    r = thread.Stack.AsSpan(@base, size);
                    if (holds == (i.Op == Op.JumpLessOrEqual)) pc = i.C;
                    continue;
                }
                case Op.JumpLessConstant:
                    if (r[i.A].IsNumber ? r[i.A].Num < k[i.B].Num : Steps.SlowCompare(thread, pc, r[i.A], k[i.B], false)) pc = i.C;
                    continue;
                case Op.JumpNotLessConstant:
                    if (!(r[i.A].IsNumber ? r[i.A].Num < k[i.B].Num : Steps.SlowCompare(thread, pc, r[i.A], k[i.B], false))) pc = i.C;
                    continue;
                case Op.JumpLessOrEqualConstant:
                    if (r[i.A].IsNumber ? r[i.A].Num <= k[i.B].Num : Steps.SlowCompare(thread, pc, r[i.A], k[i.B], true)) pc = i.C;
                    continue;
                case Op.JumpNotLessOrEqualConstant:
                    if (!(r[i.A].IsNumber ? r[i.A].Num <= k[i.B].Num : Steps.SlowCompare(thread, pc, r[i.A], k[i.B], true))) pc = i.C;
                    continue;
                case Op.JumpGreaterConstant:
                    if (r[i.A].IsNumber ? k[i.B].Num < r[i.A].Num : Steps.SlowCompare(thread, pc, k[i.B], r[i.A], false)) pc = i.C;
                    continue;
                case Op.JumpNotGreaterConstant:
                    if (!(r[i.A].IsNumber ? k[i.B].Num < r[i.A].Num : Steps.SlowCompare(thread, pc, k[i.B], r[i.A], false))) pc = i.C;
                    continue;
                case Op.JumpGreaterOrEqualConstant:
                    if (r[i.A].IsNumber ? k[i.B].Num <= r[i.A].Num : Steps.SlowCompare(thread, pc, k[i.B], r[i.A], true)) pc = i.C;
                    continue;
                case Op.JumpNotGreaterOrEqualConstant:
                    if (!(r[i.A].IsNumber ? k[i.B].Num <= r[i.A].Num : Steps.SlowCompare(thread, pc, k[i.B], r[i.A], true))) pc = i.C;
                    continue;
                case Op.Call:
                {
                    int func = @base + i.A;
                    int arguments = i.B == 0 ? thread.Top - func - 1 : i.B - 1;
                    thread.Save(pc);
                    if (state.Step()) state.CallInterrupt();
                    if (r[i.A].Ref is LuaFunction { Prototype: not null } callee)
                    {
                        thread.PushLua(callee, func, arguments, i.C - 1);
                        goto Enter;
                    }
                    var outcome = thread.Begin(func, arguments, i.C - 1);
                    if (outcome == CallOutcome.Pushed) goto Enter;
                    if (outcome == CallOutcome.Yielded) return;
                    r = thread.Stack.AsSpan(@base, size);
                    continue;
                }
                case Op.TailCall:
                {
                    int func = @base + i.A;
                    thread.Save(pc);
                    if (state.Step()) state.CallInterrupt();
                    int arguments = i.B == 0 ? thread.Top - func - 1 : i.B - 1;
                    if (r[i.A].Ref is not LuaFunction { Prototype: not null })
                    {
                        // Host functions and what is no function: an ordinary call; the Return behind it hands the results on.
                        var outcome = thread.Begin(func, arguments, -1);
                        if (outcome == CallOutcome.Pushed) goto Enter;
                        if (outcome == CallOutcome.Yielded) return;
                        r = thread.Stack.AsSpan(@base, size);
                        continue;
                    }
                    thread.BeginTail(func, arguments);
                    goto Enter;
                }
                case Op.Return:
                {
                    int from = @base + i.A;
                    if (Steps.Return(thread, from, i.B == 0 ? thread.Top - from : i.B - 1)) return;
                    goto Enter;
                }
                case Op.ForPrepare:
                    thread.Save(pc);
                    if (!NumericLoop.Prepare(thread, r.Slice(i.A, 4))) pc = i.C;
                    continue;
                case Op.ForLoop:
                {
                    double step = r[i.A + 2].Num, index = r[i.A].Num + step, limit = r[i.A + 1].Num;
                    if (step > 0 ? index > limit : !(limit <= index)) continue;
                    if (state.Step()) Steps.Interrupt(thread, pc);
                    r[i.A].Num = index;
                    r[i.A + 3] = index;
                    pc = i.C;
                    continue;
                }
                case Op.IteratorCall:
                {
                    thread.Save(pc);
                    if (state.Step()) state.CallInterrupt();
                    if (r[i.A].Ref is LuaFunction { Intrinsic: Intrinsic.Next } && r[i.A + 1].Ref is LuaTable table && i.B <= 2)
                    {
                        var key = r[i.A + 2];
                        table.Next(ref key, out var value);
                        r[i.A + 3] = key;
                        if (i.B == 2) r[i.A + 4] = value;
                        continue;
                    }
                    r[i.A + 3] = r[i.A];
                    r[i.A + 4] = r[i.A + 1];
                    r[i.A + 5] = r[i.A + 2];
                    var outcome = thread.Begin(@base + i.A + 3, 2, i.B);
                    if (outcome == CallOutcome.Pushed) goto Enter;
                    if (outcome == CallOutcome.Yielded) return;
                    r = thread.Stack.AsSpan(@base, size);
                    continue;
                }
                case Op.IteratorLoop:
                    if (r[i.A + 3].Ref is null) continue;
                    r[i.A + 2] = r[i.A + 3];
                    pc = i.C;
                    continue;
                case Op.SetList:
                    thread.Save(pc);
                    Steps.SetList(thread, Unsafe.As<LuaTable>(r[i.A].Ref!), @base + i.A + 1, i.B == 0 ? thread.Top - @base - i.A - 1 : i.B, i.C);
                    continue;
                case Op.Closure:
                    thread.Save(pc);
                    r[i.A] = Steps.MakeClosure(state, function, prototype.Functions[i.C], r);
                    continue;
                case Op.Varargs:
                    Steps.CopyVarargs(thread, prototype, @base + i.A, i.B - 1);
                    r = thread.Stack.AsSpan(@base, size);
                    continue;
            }
        }
    }
}
