// The true size of an interpreter: a walk over everything its roots reach. Runs only when the meter's mark is passed.
namespace Shoal.Lua.Running;

/// <summary>Measures live objects.</summary>
internal static class LiveSize
{
    public static long Of(LuaState state)
    {
        var walk = new Walk();
        walk.Add(state.Globals);
        walk.Add(state.StringMetatable);
        walk.Add(state.Main);
        walk.Add(state.Current);
        return walk.Finish();
    }

    private sealed class Walk
    {
        private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);
        private readonly Stack<object> _pending = new();
        private long _size;

        public void Add(object? o)
        {
            if (o is LuaString or LuaTable or LuaFunction or LuaUserdata or LuaThread or Cell && _seen.Add(o)) _pending.Push(o);
        }

        public long Finish()
        {
            while (_pending.TryPop(out var o))
            {
                switch (o)
                {
                    case LuaString s:
                        _size += LuaString.Overhead + s.Length;
                        break;
                    case LuaTable t:
                        AddTable(t);
                        break;
                    case LuaFunction f:
                        _size += LuaFunction.Size + 8L * f.Upvalues.Length;
                        Add(f.Environment);
                        foreach (var cell in f.Upvalues) Add(cell);
                        break;
                    case Cell c:
                        _size += Cell.Size;
                        Add(c.Value.Ref);
                        break;
                    case LuaUserdata u:
                        Add(u.Metatable);
                        break;
                    case LuaThread thread:
                        AddThread(thread);
                        break;
                }
            }
            return _size;
        }

        private void AddTable(LuaTable t)
        {
            _size += t.Size;
            Add(t.Metatable);
            for (int at = 0; t.NextFrom(ref at, out var key, out var value);)
            {
                Add(key.Ref);
                Add(value.Ref);
            }
        }

        private void AddThread(LuaThread thread)
        {
            _size += 16L * thread.Stack.Length + 24L * thread.Frames.Length;
            if (thread.Coroutine is { } coroutine) Add(coroutine.Function);
            int top = thread.LiveTop;
            for (int i = 0; i < top; i++) Add(thread.Stack[i].Ref);
        }
    }
}
