// What a host function sees of its call: arguments by number (from 1, as error texts count them), checks that raise Lua's "bad
// argument" errors, and a stack to push results on.
using Shoal.Lua.Running;

namespace Shoal.Lua;

/// <summary>One call of a host function.</summary>
public readonly struct LuaCall
{
    private readonly int _base;

    internal LuaCall(LuaThread thread, int firstArgument, int count)
    {
        Thread = thread;
        _base = firstArgument;
        Count = count;
    }

    /// <summary>How many arguments were given.</summary>
    public int Count { get; }

    public LuaState State => Thread.State;

    internal LuaThread Thread { get; }

    /// <summary>The arguments; invalid after a Push or a Call.</summary>
    public ReadOnlySpan<LuaValue> Arguments => Thread.Stack.AsSpan(_base, Count);

    /// <summary>An argument by number from 1; nil when it was not given.</summary>
    public LuaValue this[int number] => (uint)(number - 1) < (uint)Count ? Thread.Stack[_base + number - 1] : default;

    public bool IsNone(int number) => number > Count;

    public bool IsNoneOrNil(int number) => this[number].IsNil;

    /// <summary>No results.</summary>
    public int Return() => 0;

    /// <summary>One result.</summary>
    public int Return(in LuaValue value)
    {
        Push(value);
        return 1;
    }

    public int Return(in LuaValue first, in LuaValue second)
    {
        Push(first);
        Push(second);
        return 2;
    }

    /// <summary>A string result over a copy of the bytes.</summary>
    public int Return(ReadOnlySpan<byte> bytes) => Return(State.NewString(bytes));

    /// <summary>Adds a value to those a function gives back.</summary>
    public void Push(in LuaValue value) => Thread.Push(value);

    /// <summary>Calls a function from inside this one.</summary>
    public LuaValue[] Call(LuaFunction function, params ReadOnlySpan<LuaValue> arguments) => Thread.CallFromHost(function, arguments);

    /// <summary>An error with the position of the caller in front ("user_script:3: ..."); level 2 is the caller's caller, 0 adds none.</summary>
    public LuaError Error(string message, int level = 1) => new(CallSite.Where(Thread, level) + message);

    public LuaError ArgumentError(int number, string problem) => CallSite.ArgumentError(Thread, number, problem);

    /// <summary>"bad argument #1 to 'insert' (table expected, got nil)".</summary>
    public LuaError TypeError(int number, string expected) =>
        ArgumentError(number, $"{expected} expected, got {(IsNone(number) ? "no value" : LuaTypeNames.Of(this[number].Type))}");

    public void CheckAny(int number)
    {
        if (IsNone(number)) throw ArgumentError(number, "value expected");
    }

    public double CheckNumber(int number)
    {
        var value = this[number];
        if (value.IsNumber) return value.Num;
        return value.TryToNumber(out double n) ? n : throw TypeError(number, "number");
    }

    /// <summary>A number cut to 64 bits as C does; out of range gives the smallest integer.</summary>
    public long CheckLong(int number) => ToLong(CheckNumber(number));

    /// <summary>The low 32 bits of <see cref="CheckLong"/>, as luaL_checkint.</summary>
    public int CheckInt(int number) => (int)CheckLong(number);

    public double OptionalNumber(int number, double otherwise) => IsNoneOrNil(number) ? otherwise : CheckNumber(number);

    public long OptionalLong(int number, long otherwise) => IsNoneOrNil(number) ? otherwise : CheckLong(number);

    public int OptionalInt(int number, int otherwise) => IsNoneOrNil(number) ? otherwise : CheckInt(number);

    /// <summary>A string, or a number turned into one.</summary>
    public LuaString CheckString(int number) => this[number].ToLuaString() ?? throw TypeError(number, "string");

    public LuaString? OptionalString(int number) => IsNoneOrNil(number) ? null : CheckString(number);

    public LuaTable CheckTable(int number) => this[number].AsTable() ?? throw TypeError(number, "table");

    /// <summary>A table the script may change.</summary>
    public LuaTable CheckWritableTable(int number)
    {
        var table = CheckTable(number);
        return table.IsReadOnly ? throw new LuaError("Attempt to modify a readonly table") : table;   // without position, as in Redis
    }

    public LuaFunction CheckFunction(int number) => this[number].AsFunction() ?? throw TypeError(number, "function");

    internal static long ToLong(double d) => d is >= -9223372036854775808.0 and < 9223372036854775808.0 ? (long)d : long.MinValue;
}
