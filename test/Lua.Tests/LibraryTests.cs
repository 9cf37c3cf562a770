namespace Shoal.Lua.Tests;

/// <summary>Single facts of the libraries, each found by comparing random scripts with PUC Lua.</summary>
public class LibraryTests
{
    [Theory]
    [InlineData("return (('b'):find('()%1')), ('aa'):find('(a)%1')", "nil 1 2 a")]
    [InlineData("local function f() return pcall(function() return 1, 2 end) end return f()", "true 1 2")]
    [InlineData("return coroutine.wrap(function(a) return coroutine.yield(a) end)(7)", "7")]
    public void A_fact(string source, string expected) => Assert.Equal(expected, Script.Results(source));
}
