// The servers scripts run against, started once for all scripts that need no settings of their own.
using System.Text.RegularExpressions;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Conformance;

/// <summary>Shared servers of a test run.</summary>
public sealed class Servers : IAsyncLifetime
{
    private readonly List<NodeProcess> _started = [];

    /// <summary>Ours.</summary>
    public Target Shoal { get; private set; } = null!;

    /// <summary>The real one, or null when there is none here.</summary>
    public Target? Redis { get; private set; }

    /// <summary>True when a reference server is there; known before tests start.</summary>
    public static bool HasReference => Reference is not null || Tools.Find("redis-server") is not null;

    private static string? Reference => Environment.GetEnvironmentVariable("SHOAL_REFERENCE") is { Length: > 0 } r ? r : null;

    public async Task InitializeAsync()
    {
        Shoal = await StartAsync("shoal", []).ConfigureAwait(false);
        if (Reference is { } given)
        {
            string[] parts = given.Split(':');
            Redis = await DescribeAsync("redis", parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
        }
        else if (HasReference) Redis = await StartAsync("redis", []).ConfigureAwait(false);
    }

    public async Task DisposeAsync()
    {
        foreach (var node in _started) await node.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A server of its own with settings.</summary>
    public async Task<Target> StartAsync(string server, string[] settings)
    {
        var node = server == "shoal"
            ? await NodeProcess.StartAsync(settings).ConfigureAwait(false)
            : await NodeProcess.StartReferenceAsync("redis-server", settings).ConfigureAwait(false);
        lock (_started) _started.Add(node);
        var shared = server == "shoal" ? Shoal : Redis;
        return shared is null
            ? await DescribeAsync(server, "127.0.0.1", node.Port).ConfigureAwait(false)
            : shared with { Host = "127.0.0.1", Port = node.Port };
    }

    private static async Task<Target> DescribeAsync(string name, string host, int port)
    {
        using var client = await RespClient.ConnectAsync(host, port).ConfigureAwait(false);
        var info = await client.ExecuteAsync("INFO", "server").ConfigureAwait(false);
        var version = Regex.Match(info.Text, @"redis_version:(\d+\.\d+\.\d+)").Groups[1].Value;
        return new Target(name, host, port, Version.Parse(version));
    }
}
