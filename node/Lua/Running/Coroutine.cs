// A coroutine is a thread of its own with a stack of its own; resume runs it inside the resumer's call, so no operating system thread
// is needed and a yield is a return from that run.
namespace Shoal.Lua.Running;

internal enum CoroutineStatus
{
    Suspended,
    Running,
    Normal,
    Dead,
}

/// <summary>A coroutine; the value scripts hold is its <see cref="LuaThread"/>.</summary>
internal sealed class Coroutine
{
    private readonly LuaFunction _function;
    private bool _started;
    private bool _yielded;
    private int _yieldFunc, _yieldCount, _yieldWanted;

    public Coroutine(LuaState state, LuaFunction function)
    {
        state.Meter.Charge(2048);
        _function = function;
        Thread = new LuaThread(state) { Coroutine = this };
    }

    public LuaThread Thread { get; }

    public CoroutineStatus Status { get; private set; }

    /// <summary>The function not yet started, for the memory meter.</summary>
    public LuaFunction Function => _function;

    public void NoteYield(int func, int count, int wanted)
    {
        _yielded = true;
        (_yieldFunc, _yieldCount, _yieldWanted) = (func, count, wanted);
    }

    /// <summary>Runs until the next yield or the end; gives what was yielded or returned.</summary>
    /// <exception cref="LuaError">What the coroutine raised; it is dead then.</exception>
    public LuaValue[] Resume(ReadOnlySpan<LuaValue> arguments)
    {
        var state = Thread.State;
        var resumer = state.Current;
        resumer.EnterHost();
        if (resumer.Coroutine is { } outer) outer.Status = CoroutineStatus.Normal;
        state.Current = Thread;
        Status = CoroutineStatus.Running;
        bool finished = false;
        try
        {
            _yielded = false;
            if (_started) Continue(arguments);
            else Start(arguments);
            finished = true;
        }
        finally
        {
            Status = finished && _yielded ? CoroutineStatus.Suspended : CoroutineStatus.Dead;
            state.Current = resumer;
            state.Nesting--;
            if (resumer.Coroutine is { } back) back.Status = CoroutineStatus.Running;
        }
        int from = _yielded ? _yieldFunc + 1 : 0;
        int count = _yielded ? _yieldCount : Thread.Top;
        return count == 0 ? [] : Thread.Stack.AsSpan(from, count).ToArray();
    }

    private void Start(ReadOnlySpan<LuaValue> arguments)
    {
        _started = true;
        int count = arguments.Length;
        Thread.EnsureStack(count + 1);
        Thread.Stack[0] = _function;
        arguments.CopyTo(Thread.Stack.AsSpan(1));
        Thread.PushFrame(FrameKind.Entry, 0, -1);
        Thread.BeginCoroutine();
        Thread.Execute(0, 0, count, -1);
    }

    private void Continue(ReadOnlySpan<LuaValue> arguments)
    {
        int count = arguments.Length;
        Thread.EnsureStack(_yieldFunc + count);
        arguments.CopyTo(Thread.Stack.AsSpan(_yieldFunc));
        Thread.PlaceResults(_yieldFunc, _yieldFunc, count, _yieldWanted);
        if (!Thread.SettleProtected()) Thread.Execute(0, -1, 0, 0);
    }
}
