using System.Diagnostics;
using System.Text;

namespace Shoal.Lua.Tests;

/// <summary>
/// Scripts whose whole output is known. `libraries.expected` was printed by Redis 7.0.15 (its Lua, cjson, cmsgpack, bit and struct),
/// the other two by PUC Lua 5.1.5; where lua5.1 is installed their scripts are also compared with it as it runs now.
/// </summary>
public class GoldenTests
{
    [Theory]
    [InlineData("language")]
    [InlineData("semantics")]
    [InlineData("libraries")]
    public void A_script_prints_what_the_original_prints(string name)
    {
        var script = new Script();
        script.Run(File.ReadAllBytes(Script.PathOf(name + ".lua")));
        AssertLines(File.ReadAllText(Script.PathOf(name + ".expected"), Encoding.Latin1), script.Printed);
    }

    [Theory]
    [InlineData("language")]
    [InlineData("semantics")]
    public void The_installed_lua_prints_the_same(string name)
    {
        const string lua = "/usr/bin/lua5.1";
        if (!File.Exists(lua)) return;   // the golden file above stands in for it
        string source = Script.PathOf(name + ".lua"), copy = Path.Combine(Directory.CreateTempSubdirectory("shoal-lua").FullName, "user_script");
        File.Copy(source, copy);
        using var process = Process.Start(new ProcessStartInfo(lua, "user_script")
        {
            WorkingDirectory = Path.GetDirectoryName(copy)!,
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.Latin1,
        })!;
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Directory.Delete(Path.GetDirectoryName(copy)!, recursive: true);
        var script = new Script();
        script.Run(File.ReadAllBytes(source), "@user_script");
        AssertLines(printed.Replace("lua5.1: ", "", StringComparison.Ordinal), script.Printed);
    }

    private static void AssertLines(string expected, string actual)
    {
        string[] a = expected.TrimEnd('\n').Split('\n'), b = actual.TrimEnd('\n').Split('\n');
        for (int i = 0; i < Math.Min(a.Length, b.Length); i++) Assert.True(a[i] == b[i], $"line {i + 1}\nexpected: {a[i]}\nactual:   {b[i]}");
        Assert.Equal(a.Length, b.Length);
    }
}
