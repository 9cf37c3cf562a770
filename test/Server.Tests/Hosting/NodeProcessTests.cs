// The node as a process: how it starts, refuses to start, reports its health and ends.
using System.Diagnostics;
using System.Net.Sockets;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Hosting;

[Collection("in-process nodes")]
public sealed class NodeProcessTests
{
    [Fact]
    public async Task Terminates_cleanly_on_sigterm()
    {
        await using var node = await NodeProcess.StartAsync();
        Assert.Equal(0, await node.TerminateAsync());
        Assert.Contains("Shutting down: SIGTERM", node.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shutdown_command_ends_the_process()
    {
        await using var node = await NodeProcess.StartAsync();
        using var client = await node.ConnectAsync();
        var call = client.CallAsync("SHUTDOWN", "NOSAVE");
        Assert.Equal(0, await node.WaitForExitAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => call);
    }

    [Fact]
    public async Task Unknown_directive_stops_the_start_with_file_line_and_reason()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("bad.conf"), "port 0\nnosuch yes\n");
        var (code, output) = await RunAsync(folder.File("bad.conf"));
        Assert.Equal(1, code);
        Assert.Contains($"Reading the configuration file, at line 2 of {folder.File("bad.conf")}", output, StringComparison.Ordinal);
        Assert.Contains(">>> 'nosuch yes'", output, StringComparison.Ordinal);
        Assert.Contains("Bad directive or wrong number of arguments", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Value_out_of_bounds_on_the_command_line_stops_the_start()
    {
        var (code, output) = await RunAsync("--maxmemory-policy", "sometimes");
        Assert.Equal(1, code);
        Assert.Contains(">>> 'maxmemory-policy sometimes'", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Taken_port_stops_the_start_with_a_reason()
    {
        await using var node = await NodeProcess.StartAsync();
        var (code, output) = await RunAsync("--port", $"{node.Port}", "--bind", "127.0.0.1");
        Assert.Equal(1, code);
        Assert.Contains("Could not create server TCP listening socket", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_is_printed()
    {
        var (code, output) = await RunAsync("--version");
        Assert.Equal(0, code);
        Assert.StartsWith("Shoal node v=", output);
    }

    [Fact]
    public async Task Health_tells_busy_from_hung()
    {
        int port = FreePort.Take();
        await using var node = await NodeProcess.StartAsync("--health-port", $"{port}", "--health-deadline", "2");
        Assert.StartsWith("HTTP/1.1 200", await GetAsync(port, "/livez"));
        Assert.StartsWith("HTTP/1.1 200", await GetAsync(port, "/readyz"));
        Assert.StartsWith("HTTP/1.1 404", await GetAsync(port, "/other"));
        using var client = await node.ConnectAsync(new Protocol.Client.RespClientOptions { CallTimeout = TimeSpan.FromSeconds(60) });
        var sleep = client.CallAsync("DEBUG", "SLEEP", "8");
        var limit = Stopwatch.StartNew();
        string seen = "";
        while (limit.Elapsed < TimeSpan.FromSeconds(7) && !seen.StartsWith("HTTP/1.1 503", StringComparison.Ordinal)) seen = await GetAsync(port, "/livez");
        Assert.StartsWith("HTTP/1.1 503", seen);
        Assert.Contains("hung", seen, StringComparison.Ordinal);
        await sleep;
        limit.Restart();
        while (limit.Elapsed < TimeSpan.FromSeconds(10) && !seen.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)) seen = await GetAsync(port, "/livez");
        Assert.StartsWith("HTTP/1.1 200", seen);
    }

    [FactNeeds("redis-cli")]
    public async Task Redis_cli_speaks_to_it()
    {
        await using var node = await NodeProcess.StartAsync();
        using var cli = Process.Start(new ProcessStartInfo("redis-cli", ["-p", $"{node.Port}", "SET", "k", "v"]) { RedirectStandardOutput = true })!;
        Assert.Equal("OK", (await cli.StandardOutput.ReadToEndAsync()).Trim());
    }

    [FactNeeds("redis-benchmark")]
    public async Task Redis_benchmark_runs()
    {
        await using var node = await NodeProcess.StartAsync();
        using var bench = Process.Start(new ProcessStartInfo("redis-benchmark", ["-p", $"{node.Port}", "-t", "ping,set,get,incr", "-n", "2000", "-P", "8", "--csv"]) { RedirectStandardOutput = true })!;
        string output = await bench.StandardOutput.ReadToEndAsync();
        await bench.WaitForExitAsync();
        Assert.Equal(0, bench.ExitCode);
        Assert.Contains("\"GET\"", output, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using var folder = new TempFolder();
        string dll = Path.Combine(AppContext.BaseDirectory, "shoal-node.dll");
        var start = new ProcessStartInfo("dotnet", [dll, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.Path };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await error);
    }

    private static async Task<string> GetAsync(int port, string path)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        using var raw = new RawSocket(socket);
        return await raw.ReadToEndAsync();
    }
}
