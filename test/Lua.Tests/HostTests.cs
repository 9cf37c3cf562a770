using System.Text;

namespace Shoal.Lua.Tests;

/// <summary>The interpreter as the host sees it: loading, calling, host functions, errors with their place.</summary>
public class HostTests
{
    private readonly LuaState _state = new();

    private LuaValue[] Run(string source, params LuaValue[] arguments) =>
        _state.Call(_state.Load(Encoding.UTF8.GetBytes(source), "@user_script"), arguments);

    [Theory]
    [InlineData("return 1 + 2 * 3", "7")]
    [InlineData("local t = {} for i = 1, 10 do t[i] = i * i end return t[7] + #t", "59")]
    [InlineData("local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)", "6765")]
    [InlineData("local s = '' local i = 0 while true do i = i + 1 if i > 5 then break end s = s .. i end return s", "12345")]
    [InlineData("local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end fs[1]() return fs[1]() .. fs[2]()", "33")]
    [InlineData("local function f(...) local a, b = ... return b, a end return f(1, 2)", "2 1")]
    [InlineData("return (function(...) return ... end)(1, nil, 3)", "1 nil 3")]
    [InlineData("local a, b = 1 if a and not b then return 'x' else return 'y' end", "x")]
    [InlineData("local t = {x = {y = 5}} t.x.y, t.z = t.x.y + 1, 9 return t.x.y, t.z", "6 9")]
    [InlineData("local function f(n) if n == 0 then return 'deep' end return f(n - 1) end return f(100000)", "deep")]
    [InlineData("return 1e15, 0.1, -0, 1/0, 100000000000000, 2^53, '10' + 5", "1e+15 0.1 -0 inf 1e+14 9.007199254741e+15 15")]
    public void Scripts_give_their_values(string source, string expected) => Assert.Equal(expected, string.Join(' ', Run(source)));

    [Fact]
    public void A_host_function_takes_and_gives_values()
    {
        _state.Register("add", static (ref LuaCall call) => call.Return(call.CheckNumber(1) + call.CheckNumber(2)));
        Assert.Equal("5", Run("return add(2, '3')")[0].ToString());
        var error = Assert.Throws<LuaError>(() => Run("\nreturn add(2, {})"));
        Assert.Equal("user_script:2: bad argument #2 to 'add' (number expected, got table)", error.Message);
        Assert.Equal("@user_script", error.Chunk);
        Assert.Equal(2, error.Line);
    }

    [Fact]
    public void A_syntax_error_says_where()
    {
        var error = Assert.Throws<LuaError>(() => Run("x = = 2"));
        Assert.Equal("user_script:1: unexpected symbol near '='", error.Message);
    }

    [Fact]
    public void A_readonly_table_cannot_be_written_by_scripts()
    {
        _state.Globals.IsReadOnly = true;
        var error = Assert.Throws<LuaError>(() => Run("x = 1"));
        Assert.Equal("user_script:1: Attempt to modify a readonly table", error.Message);
    }
}
