// Glob patterns: the rules one by one, and a pattern made to blow up naive matchers.
using Shoal.Store;

namespace Shoal.Store.Tests;

public sealed class GlobPatternTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("a*c", "abbbc", true)]
    [InlineData("a*c", "abbb", false)]
    [InlineData("*a*b*", "xxaxxbxx", true)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[abc]", "b", true)]
    [InlineData("[^abc]", "b", false)]
    [InlineData("[^abc]", "d", true)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[c-a]x", "bx", true)]
    [InlineData("[a-c]x", "dx", false)]
    [InlineData("[]", "a", false)]
    [InlineData("[a", "a", true)]
    [InlineData("[\\]]", "]", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "a", false)]
    [InlineData("a\\", "a\\", true)]
    [InlineData("a**b", "ab", true)]
    [InlineData("h[ae]llo", "hillo", false)]
    [InlineData("news.*.sport", "news.uk.sport", true)]
    public void Follows_the_rules(string pattern, string text, bool matches) =>
        Assert.Equal(matches, GlobPattern.Matches(Bytes(pattern), Bytes(text)));

    [Fact]
    public void Case_is_ignored_on_request()
    {
        Assert.False(GlobPattern.Matches("A[B-C]*"u8, "abX"u8));
        Assert.True(GlobPattern.Matches("A[B-C]*"u8, "abX"u8, ignoreCase: true));
    }

    [Fact]
    public void Many_stars_do_not_explode()
    {
        string pattern = string.Concat(Enumerable.Repeat("a*", 60)) + "b";
        Assert.False(GlobPattern.Matches(Bytes(pattern), Bytes(new string('a', 20_000))));
    }

    private static byte[] Bytes(string s) => System.Text.Encoding.UTF8.GetBytes(s);
}
