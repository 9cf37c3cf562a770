// One stack of calls: the main one or a coroutine. Lua functions called from Lua, pcall and coroutines need only frames here; what the
// host's stack carries (metamethods, callbacks of library functions, resume) is counted by State.Nesting.
using System.Runtime.CompilerServices;

namespace Shoal.Lua.Running;

/// <summary>What came of beginning a call.</summary>
internal enum CallOutcome
{
    /// <summary>It is over; the results are in place.</summary>
    Completed,

    /// <summary>A Lua frame was pushed and must be run.</summary>
    Pushed,

    /// <summary>The thread yields.</summary>
    Yielded,
}

/// <summary>A Lua thread.</summary>
internal sealed class LuaThread(LuaState state)
{
    private const int FirstStack = 64, ShrinkAbove = 4096;

    /// <summary>Frames an error handler may use when the stack is already full.</summary>
    private const int HandlerReserve = 100;

    private int _used;
    private int _depthLimit = state.Limits.MaxCallDepth;

    public LuaState State { get; } = state;

    public LuaValue[] Stack { get; private set; } = new LuaValue[FirstStack];

    public Frame[] Frames { get; private set; } = new Frame[8];

    /// <summary>Index of the current frame, -1 when nothing runs.</summary>
    public int Depth { get; private set; } = -1;

    /// <summary>End of the values on the stack while a host function runs, or of an open list of results.</summary>
    public int Top { get; set; }

    public bool IsBusy => Depth >= 0;

    /// <summary>The coroutine of this thread, null for the main thread.</summary>
    public Coroutine? Coroutine { get; init; }

    /// <summary>Runs into the host that this thread has under way; a coroutine yields only from its first.</summary>
    public int Entries { get; private set; }

    /// <summary>Where new values may be put without touching registers in use.</summary>
    public int ScratchTop
    {
        get
        {
            if (Depth < 0) return 0;
            ref Frame f = ref Frames[Depth];
            return f.Kind == FrameKind.Lua ? f.Base + FunctionOf(f).Prototype!.FrameSize : Top;
        }
    }

    /// <summary>Stack slots that hold live values, for the memory meter.</summary>
    public int LiveTop => Math.Min(Stack.Length, Math.Max(ScratchTop, Top));

    public LuaFunction FunctionOf(in Frame frame) => (LuaFunction)Stack[frame.Func].Ref!;

    public void Push(in LuaValue value)
    {
        EnsureStack(Top + 1);
        Stack[Top++] = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EnsureStack(int size)
    {
        if (size > _used) UseStack(size);
    }

    public void PushFrame(FrameKind kind, int func, int wanted)
    {
        if (Depth + 1 >= Frames.Length) GrowFrames();
        ref Frame f = ref Frames[++Depth];
        f.Kind = kind;
        f.Func = func;
        f.Base = func + 1;
        f.Wanted = wanted;
        f.Pc = 0;
        f.TailCalls = 0;
    }

    public void PopFrame() => Depth--;

    public void Save(int pc) => Frames[Depth].Pc = pc;

    /// <summary>Calls from the host: arguments in, all results out.</summary>
    public LuaValue[] CallFromHost(LuaFunction function, ReadOnlySpan<LuaValue> arguments)
    {
        int at = ScratchTop, top = Top;
        EnsureStack(at + 1 + arguments.Length);
        Stack[at] = function;
        arguments.CopyTo(Stack.AsSpan(at + 1));
        try
        {
            Invoke(at, arguments.Length, -1);
            return Top == at ? [] : Stack.AsSpan(at, Top - at).ToArray();
        }
        finally
        {
            Top = top;
            if (Depth < 0) ForgetStack();
        }
    }

    /// <summary>Calls a metamethod or a callback and gives its first result.</summary>
    public LuaValue CallValue(in LuaValue function, in LuaValue a, in LuaValue b, in LuaValue c = default, int count = 2)
    {
        int at = ScratchTop, top = Top;
        EnsureStack(at + 4);
        Stack[at] = function;
        Stack[at + 1] = a;
        Stack[at + 2] = b;
        Stack[at + 3] = c;
        Invoke(at, count, 1);
        Top = top;
        return Stack[at];
    }

    /// <summary>Calls what lies at func with the arguments behind it; the results replace it.</summary>
    public void Invoke(int func, int arguments, int wanted)
    {
        EnterHost();
        PushFrame(FrameKind.Entry, func, wanted);
        int entry = Depth;
        Entries++;
        try
        {
            Execute(entry, func, arguments, wanted);
        }
        finally
        {
            Depth = entry - 1;
            Entries--;
            State.Nesting--;
        }
    }

    /// <summary>The one entry a coroutine has while it is suspended too.</summary>
    public void BeginCoroutine() => Entries = 1;

    /// <summary>Counts a level of the host's stack; the caller takes it back.</summary>
    public void EnterHost()
    {
        if (State.Nesting >= State.Limits.MaxNesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw CallSite.RuntimeError(this, "C stack overflow");
        State.Nesting++;
    }

    /// <summary>Runs until control is back at the entry frame or the thread yields; errors go to the innermost pcall above it.</summary>
    /// <param name="entry">Index of the entry frame.</param>
    /// <param name="func">What to call first; -1 goes on with the frames there are.</param>
    /// <param name="arguments">Arguments behind it.</param>
    /// <param name="wanted">Results of it.</param>
    public void Execute(int entry, int func, int arguments, int wanted)
    {
        while (true)
        {
            try
            {
                int first = func;
                func = -1;
                if (first >= 0 && Begin(first, arguments, wanted) != CallOutcome.Pushed) return;
                Interpreter.Run(this);
                return;
            }
            catch (LuaError e)
            {
                CallSite.Locate(this, e);
                if (e.IsFatal || !CatchAbove(entry, e.Value)) throw;
            }
            catch (OutOfMemoryException)
            {
                if (!CatchAbove(entry, (LuaString)"not enough memory")) throw new LuaError("not enough memory");
            }
            if (SettleProtected()) return;
        }
    }

    /// <summary>Starts the call of what lies at func.</summary>
    public CallOutcome Begin(int func, int arguments, int wanted)
    {
        if (Stack[func].Ref is not LuaFunction function)
        {
            function = Metamethods.Callable(this, func, arguments);
            arguments++;
        }
        if (function.Prototype is not null)
        {
            PushLua(function, func, arguments, wanted);
            return CallOutcome.Pushed;
        }
        return function.Intrinsic switch
        {
            Intrinsic.ProtectedCall when arguments >= 1 => BeginProtected(func, arguments - 1, wanted),
            Intrinsic.ProtectedCallWithHandler when arguments >= 2 => BeginWithHandler(func, wanted),
            Intrinsic.Yield => BeginYield(func, arguments, wanted),
            _ => CallHost(function, func, arguments, wanted),
        };
    }

    /// <summary>Moves results to where the caller wants them: so many, padded with nil, or all (and Top says how many).</summary>
    public void PlaceResults(int to, int from, int count, int wanted)
    {
        var stack = Stack;
        if (wanted < 0)
        {
            if (to != from) Array.Copy(stack, from, stack, to, count);
            Top = to + count;
            return;
        }
        EnsureStack(to + wanted);
        stack = Stack;
        int copied = Math.Min(count, wanted);
        for (int i = 0; i < copied; i++) stack[to + i] = stack[from + i];
        for (int i = copied; i < wanted; i++) stack[to + i] = default;
    }

    /// <summary>Ends the pcalls whose function has just returned.</summary>
    /// <returns>True when control is back at an entry frame.</returns>
    public bool SettleProtected()
    {
        while (Frames[Depth].IsProtected)
        {
            Frame f = Frames[Depth--];
            if (f.Pc == 0) Stack[f.Func] = true;   // a caught error has its false in place already
            PlaceResults(f.Func, f.Func, Top - f.Func, f.Wanted);
        }
        return Frames[Depth].Kind == FrameKind.Entry;
    }

    public void PushLua(LuaFunction function, int func, int arguments, int wanted)
    {
        var p = function.Prototype!;
        if (Depth >= _depthLimit) throw CallSite.RuntimeError(this, "stack overflow");
        int first = func + 1;
        if (p.IsVararg) first = Varargs.Arrange(this, p, func, arguments);
        EnsureStack(first + p.FrameSize);
        if (!p.IsVararg)
            for (int i = arguments; i < p.Parameters; i++) Stack[first + i] = default;
        PushFrame(FrameKind.Lua, func, wanted);
        Frames[Depth].Base = first;
    }

    /// <summary>The frame of a Lua function gives way to that of the function it calls last, whose arguments were moved down.</summary>
    public CallOutcome BeginTail(int func, int arguments)
    {
        Frame old = Frames[Depth];
        Array.Copy(Stack, func, Stack, old.Func, arguments + 1);
        Depth--;
        var outcome = Begin(old.Func, arguments, old.Wanted);
        if (outcome == CallOutcome.Pushed && Frames[Depth].Kind == FrameKind.Lua && Frames[Depth].Func == old.Func)
            Frames[Depth].TailCalls = old.TailCalls + 1;
        return outcome;
    }

    private CallOutcome CallHost(LuaFunction function, int func, int arguments, int wanted)
    {
        if (Depth >= _depthLimit) throw CallSite.RuntimeError(this, "stack overflow");
        PushFrame(FrameKind.Host, func, wanted);
        Top = func + 1 + arguments;
        var call = new LuaCall(this, func + 1, arguments);
        int count = function.Host!(ref call);
        Depth--;
        PlaceResults(func, Top - count, count, wanted);
        return CallOutcome.Completed;
    }

    private CallOutcome BeginProtected(int func, int arguments, int wanted) => BeginAbove(FrameKind.Protected, func, arguments, wanted);

    private CallOutcome BeginWithHandler(int func, int wanted)
    {
        Stack[func] = Stack[func + 2];
        return BeginAbove(FrameKind.ProtectedWithHandler, func, 0, wanted);
    }

    private CallOutcome BeginAbove(FrameKind kind, int func, int arguments, int wanted)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack() || Depth >= _depthLimit) throw CallSite.RuntimeError(this, "C stack overflow");
        PushFrame(kind, func, wanted);
        Top = func + 2 + arguments;
        var outcome = Begin(func + 1, arguments, -1);
        if (outcome != CallOutcome.Completed) return outcome;
        Frame f = Frames[Depth--];
        Stack[func] = true;
        PlaceResults(func, func, Top - func, f.Wanted);
        return CallOutcome.Completed;
    }

    private CallOutcome BeginYield(int func, int arguments, int wanted)
    {
        if (Coroutine is null || Entries > 1) throw new LuaError("attempt to yield across metamethod/C-call boundary");
        Coroutine.NoteYield(func, arguments, wanted);
        return CallOutcome.Yielded;
    }

    private bool CatchAbove(int entry, LuaValue value)
    {
        int at = Depth;
        while (at > entry && !Frames[at].IsProtected) at--;
        if (at <= entry) return false;
        if (Frames[at].Kind == FrameKind.ProtectedWithHandler) value = CallHandler(Stack[Frames[at].Func], value);
        Depth = at;
        ref Frame f = ref Frames[at];
        EnsureStack(f.Func + 2);
        Stack[f.Func] = false;
        Stack[f.Func + 1] = value;
        Top = f.Func + 2;
        f.Pc = 1;
        return true;
    }

    private LuaValue CallHandler(in LuaValue handler, in LuaValue value)
    {
        _depthLimit += HandlerReserve;
        try
        {
            return CallValue(handler, value, default, default, 1);
        }
        catch (LuaError e) when (!e.IsFatal)
        {
            return (LuaString)"error in error handling";
        }
        finally
        {
            _depthLimit -= HandlerReserve;
        }
    }

    private void UseStack(int size)
    {
        if (size > Stack.Length)
        {
            int grown = Math.Max(size, Stack.Length * 2);
            State.Meter.Charge(16L * (grown - Stack.Length));
            var larger = new LuaValue[grown];
            Array.Copy(Stack, larger, Stack.Length);
            Stack = larger;
        }
        _used = size;
    }

    private void GrowFrames()
    {
        var frames = Frames;
        State.Meter.Charge(24L * frames.Length);
        Array.Resize(ref frames, frames.Length * 2);
        Frames = frames;
    }

    /// <summary>Between two runs the stack holds nothing back from the collector.</summary>
    private void ForgetStack()
    {
        if (Stack.Length > ShrinkAbove)
        {
            Stack = new LuaValue[FirstStack];
            Frames = new Frame[8];
        }
        else
        {
            Array.Clear(Stack, 0, _used);
        }
        _used = 0;
    }
}
