// One test per script and server.
using Shoal.TestKit;

namespace Shoal.Conformance;

public sealed class ConformanceTests(Servers servers) : IClassFixture<Servers>
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "scripts");

    public static TheoryData<string> Scripts()
    {
        var data = new TheoryData<string>();
        if (!Directory.Exists(Folder)) return data;
        foreach (string file in Directory.EnumerateFiles(Folder, "*.resp", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            data.Add(Path.GetRelativePath(Folder, file));
        return data;
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public Task Shoal(string script) => RunAsync(script, "shoal", servers.Shoal);

    [TheoryNeeds("redis-server")]
    [MemberData(nameof(Scripts))]
    public Task Redis(string script) => RunAsync(script, "redis", servers.Redis!);

    private async Task RunAsync(string file, string server, Target shared)
    {
        var script = Script.Read(Path.Combine(Folder, file));
        var target = script.Start is { } settings ? await servers.StartAsync(server, settings) : shared;
        using var runner = new ScriptRunner(target);
        await runner.RunAsync(script);
    }
}
