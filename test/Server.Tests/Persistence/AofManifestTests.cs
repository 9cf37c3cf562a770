using Shoal.Server.Persistence.AppendOnly;

namespace Shoal.Server.Tests.Persistence;

public class AofManifestTests
{
    private const string Usual = """
        file appendonly.aof.2.base.rdb seq 2 type b
        file appendonly.aof.1.base.rdb seq 1 type h
        file appendonly.aof.4.incr.aof seq 4 type i
        file appendonly.aof.5.incr.aof seq 5 type i

        """;

    [Fact]
    public void A_manifest_of_Redis_is_read()
    {
        Assert.True(AofManifest.TryParse(Usual, out var manifest, out _));
        Assert.Equal("appendonly.aof.2.base.rdb", manifest.Base!.Name);
        Assert.True(manifest.Base.IsSnapshot);
        Assert.Equal([4L, 5L], manifest.Increments.Select(f => f.Sequence));
        Assert.Equal(["appendonly.aof.1.base.rdb"], manifest.History.Select(f => f.Name));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var manifest = AofManifest.Empty.WithIncrement("my \"own\" file", out var first);
        manifest = manifest.WithIncrement("my \"own\" file", out var second).Rewritten(manifest.NextBase("my \"own\" file", true), second);
        Assert.True(AofManifest.TryParse(manifest.Format(), out var back, out string error), error);
        Assert.Equal(manifest.Format(), back.Format());
        Assert.Equal([first with { Type = AofFileType.History }], back.History);
        Assert.Equal([second], back.Increments);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("file a seq 1 type i", "not complete")]
    [InlineData("file a seq 1\n", "format")]
    [InlineData("file a seq x type i\n", "format")]
    [InlineData("file a seq 1 type z\n", "format")]
    [InlineData("file ../a seq 1 type i\n", "format")]
    [InlineData("\n", "format")]
    [InlineData("file \"a seq 1 type i\n", "format")]
    [InlineData("file a seq 1 type b\nfile b seq 2 type b\n", "duplicate")]
    [InlineData("file a seq 2 type i\nfile b seq 1 type i\n", "monotonic")]
    public void A_broken_manifest_is_refused_with_the_reason(string text, string reason)
    {
        Assert.False(AofManifest.TryParse(text, out _, out string error));
        Assert.Contains(reason, error);
    }

    [Fact]
    public void Comments_and_newer_keys_are_read_over()
    {
        Assert.True(AofManifest.TryParse("# note\nfile a.1.incr.aof seq 1 type i startoffset 0\n", out var manifest, out string error), error);
        Assert.Single(manifest.Increments);
    }
}
