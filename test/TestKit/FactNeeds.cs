// Tests that look at us with somebody else's tool run where the tool is, and say why they did not elsewhere.
using Xunit;

namespace Shoal.TestKit;

/// <summary>A fact that is skipped when one of the named tools is not on PATH.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactNeedsAttribute : FactAttribute
{
    public FactNeedsAttribute(params string[] tools)
    {
        string? missing = Array.Find(tools, t => Tools.Find(t) is null);
        if (missing is not null) Skip = $"{missing} is not on PATH";
    }
}

/// <summary>A theory that is skipped when one of the named tools is not on PATH.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TheoryNeedsAttribute : TheoryAttribute
{
    public TheoryNeedsAttribute(params string[] tools)
    {
        string? missing = Array.Find(tools, t => Tools.Find(t) is null);
        if (missing is not null) Skip = $"{missing} is not on PATH";
    }
}

/// <summary>Looks tools up on PATH.</summary>
public static class Tools
{
    /// <summary>Full path of <paramref name="tool"/>, or null.</summary>
    public static string? Find(string tool)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
        {
            if (folder.Length == 0) continue;
            string path = Path.Combine(folder, tool);
            if (File.Exists(path)) return path;
        }
        return null;
    }
}
