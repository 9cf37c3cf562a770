using System.Text;

namespace Shoal.Lua.Tests;

/// <summary>What a hostile script runs into: depth, memory, time. None of it may end the process.</summary>
public class BoundsTests
{
    private static readonly LuaLimits Small = new(MaxMemoryBytes: 16 << 20);

    [Theory]
    [InlineData("local function f() return 1 + f() end return f()", "stack overflow")]
    [InlineData("local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return t.x", "C stack overflow")]
    [InlineData("local function f(s) return (s:gsub('.', f)) end return f('x')", "C stack overflow")]
    [InlineData("local function f() return coroutine.wrap(f)() end return f()", "C stack overflow")]
    [InlineData("local function f() table.sort({1, 2, 3}, f) end f()", "C stack overflow")]
    [InlineData("local t = {} for i = 1, 7000 do t[i] = pcall end return select(-1, pcall(unpack(t)))", "value expected")]
    [InlineData("local function f() return pcall(f) end return select(-1, f())", "")]
    [InlineData("return select(-1, pcall(string.find, ('a'):rep(99), ('a?'):rep(200000)))", "")]
    [InlineData("local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x", "loop in gettable")]
    public void Depth_is_an_error(string source, string expected)
    {
        string outcome;
        try { outcome = string.Join(' ', new Script().Run(source)); }
        catch (LuaError e) { outcome = e.Message; }
        Assert.Contains(expected, outcome, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(", ")", "x = 1")]
    [InlineData("{", "}", "1")]
    [InlineData("- ", "", "1")]
    [InlineData("not ", "", "1")]
    [InlineData("f(", ")", "1")]
    [InlineData("function() return ", " end", "1")]
    [InlineData("a^", "", "1")]
    [InlineData("'a'..", "", "1")]
    public void Source_nested_deeply_is_refused(string open, string close, string inner)
    {
        var source = new StringBuilder("return ");
        for (int i = 0; i < 50000; i++) source.Append(open);
        source.Append(inner);
        for (int i = 0; i < 50000; i++) source.Append(close);
        Assert.Contains("chunk has too many syntax levels", Script.Error(source.ToString()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("+1")]
    [InlineData(".x")]
    [InlineData("()")]
    [InlineData(" or a")]
    [InlineData(" < a")]
    public void Source_with_long_chains_compiles_or_is_refused(string link)
    {
        var source = Encoding.ASCII.GetBytes("local function f() return a" + string.Concat(Enumerable.Repeat(link, 100_000)) + " end");
        try { new Script().State.Load(source, "@user_script"); }
        catch (LuaError e) { Assert.Matches("too many syntax levels|too complex", e.Message); }
    }

    [Theory]
    [InlineData("local t = {} for i = 1, 1e9 do t[i] = i end")]
    [InlineData("local t = {} for i = 1, 1e9 do t[i] = {} end")]
    [InlineData("return ('x'):rep(1e9)")]
    [InlineData("local s = 'x' while true do s = s .. s end")]
    [InlineData("local t = {} for i = 1, 1e9 do t[i] = 'x' .. i end")]
    [InlineData("local t = {} while true do t = {t} end")]
    [InlineData("local f while true do local g = f f = function() return g end end")]
    [InlineData("local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end")]
    [InlineData("local s = ('x'):rep(1e6) local t = {} for i = 1, 100 do t[i] = s end return table.concat(t)")]
    [InlineData("local s = ('x'):rep(1e5) return (s:gsub('x', ('y'):rep(1e4)))")]
    public void Memory_is_an_error(string source) => Assert.Equal("not enough memory", Script.Error(source, Small));

    [Fact]
    public void Garbage_does_not_count()
    {
        var script = new Script(Small);
        script.Run("for i = 1, 200000 do local t = {i, i, i} local s = ('x'):rep(1000) end");
        script.State.Collect();
        Assert.InRange(script.State.MemoryUsed, 1, 1 << 20);
    }

    [Theory]
    [InlineData("while true do end")]
    [InlineData("repeat until false")]
    [InlineData("for i = 1, math.huge do end")]
    [InlineData("local function f() return f() end f()")]
    [InlineData("while true do pcall(error, 'x') end")]
    [InlineData("for k in function() return 1 end do end")]
    [InlineData("return ('a'):rep(50000):find(('.-'):rep(8) .. 'b')")]
    [InlineData("local t = {} for i = 1, 1e5 do t[i] = i % 3 end while true do table.sort(t) end")]
    [InlineData("local s = ('x'):rep(1e5) while true do s:gsub('x', 'y') end")]
    [InlineData("local t = {} for i = 1, 1e4 do t[i] = 'x' end while true do table.concat(t) end")]
    [InlineData("pcall(function() while true do end end)")]
    [InlineData("coroutine.wrap(function() while true do end end)()")]
    public void The_interrupt_comes_through_everything(string source)
    {
        var script = new Script(new LuaLimits(InterruptInterval: 500));
        int calls = 0;
        script.State.Interrupt = _ =>
        {
            if (++calls == 50) throw new LuaError("killed") { IsFatal = true };
        };
        Assert.Equal("killed", Assert.Throws<LuaError>(() => script.Run(source)).Message);
        script.State.Interrupt = null;
        Assert.Equal("2", script.Run("return 1 + 1")[0].ToString());
    }

    [Theory]
    [InlineData("return unpack({}, 1, 8000)", "user_script:1: too many results to unpack")]
    [InlineData("return ('x'):rep(9000):byte(1, -1)", "user_script:1: string slice too long")]
    [InlineData("return io.open", "attempt to index global 'io'")]
    public void Other_bounds(string source, string expected) => Assert.Contains(expected, Script.Error(source), StringComparison.Ordinal);

    [Theory]
    [InlineData("print or dofile or loadfile or require or io or debug or module or package or os.execute or os.time or os.getenv")]
    public void There_is_no_way_out(string names)
    {
        var state = new LuaState();
        Libraries.StandardLibraries.Open(state);
        var results = state.Call(state.Load(Encoding.ASCII.GetBytes("return " + names), "@user_script"));
        Assert.True(results[0].IsNil);
    }

    [Fact]
    public void A_state_works_on_after_every_error()
    {
        var script = new Script(Small);
        for (int i = 0; i < 50; i++)
        {
            Assert.Throws<LuaError>(() => script.Run("local function f() return 1 + f() end return f()"));
            Assert.Throws<LuaError>(() => script.Run("return ('x'):rep(1e9)"));
            Assert.Equal("55", script.Run("local s = 0 for i = 1, 10 do s = s + i end return s")[0].ToString());
        }
        Assert.False(script.State.IsRunning);
    }
}
