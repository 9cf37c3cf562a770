// A client application in another language, running against the cluster while we do things to it.
using System.Diagnostics;
using System.Text.Json;
using Shoal.TestKit;

namespace Shoal.Integration.EndToEnd;

/// <summary>What an application reported at its end.</summary>
public sealed record ApplicationReport(long Acked, long Writes, Dictionary<string, int> Errors, List<string> Missing);

/// <summary>One of the programs in <c>clients/</c>.</summary>
public sealed class Application : IAsyncDisposable
{
    private readonly Process process;

    private Application(string name, Process process) => (Name, this.process) = (name, process);

    /// <summary>File name of the program.</summary>
    public string Name { get; }

    /// <summary>The folder test/install-tools.sh put the npm packages in; null when it did not run.</summary>
    public static string? Packages
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } x ? x
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            var named = Environment.GetEnvironmentVariable("SHOAL_CLIENTS") ?? Path.Combine(cache, "shoal-clients");
            var modules = Path.Combine(named, "node_modules");
            return Directory.Exists(Path.Combine(modules, "ioredis")) ? modules : null;
        }
    }

    /// <summary>The programs this machine can run.</summary>
    public static IReadOnlyList<string> Available()
    {
        var found = new List<string>();
        if (Packages is not null && Tools.Find("node") is not null) found.AddRange(["ioredis.cjs", "node-redis.cjs"]);
        if (File.Exists("/usr/bin/python3") && Directory.Exists("/usr/lib/python3/dist-packages/redis")) found.Add("redis-py.py");
        return found;
    }

    /// <summary>Starts a program and waits until it has begun to write.</summary>
    public static async Task<Application> StartAsync(string name, NodeAddress node)
    {
        var script = Path.Combine(NodeProcess.RepositoryRoot(), "test", "Integration", "EndToEnd", "clients", name);
        var interpreter = name.EndsWith(".py", StringComparison.Ordinal) ? "/usr/bin/python3" : "node";
        var process = Shell.Start(interpreter, [script, node.Host, node.Port.ToString()],
            Packages is { } p ? new Dictionary<string, string> { ["NODE_PATH"] = p } : null);
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var first = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
        return first == "ready" ? new Application(name, process) : throw new InvalidOperationException($"{name} did not start: {first}");
    }

    /// <summary>Ends its input, which makes it read everything back, and returns what it found.</summary>
    public async Task<ApplicationReport> StopAsync()
    {
        process.StandardInput.Close();
        var line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(3));
        return JsonSerializer.Deserialize<ApplicationReport>(line ?? "null", JsonSerializerOptions.Web)
            ?? throw new InvalidOperationException($"{Name} reported nothing");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill();
        process.Dispose();
        return ValueTask.CompletedTask;
    }
}
