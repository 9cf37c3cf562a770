// A script that does not end: others are told so, it can be killed while it has not written, and the node can be shut down.
using System.Diagnostics;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Scripting;

[Collection("in-process nodes")]
public sealed class BusyScriptTests
{
    private const string Endless = "while true do end";
    private static readonly RespClientOptions Patient = new() { CallTimeout = TimeSpan.FromSeconds(120) };

    [Theory]
    [InlineData("epoll")]
    [InlineData("pipes")]
    public async Task Others_are_told_busy_until_the_script_is_killed(string transport)
    {
        using var node = new InProcessNode("--io-backend", transport, "--busy-reply-threshold", "10");
        using var caller = await node.ConnectAsync(Patient);
        using var other = await node.ConnectAsync(Patient);
        var running = caller.CallAsync("EVAL", Endless, "0");
        await BusyAsync(other);
        Assert.StartsWith("BUSY Redis is busy running a script. You can only call SCRIPT KILL", (await other.CallAsync("GET", "k")).Text);
        Assert.StartsWith("BUSY", (await other.CallAsync("FUNCTION", "KILL")).Text);
        Assert.StartsWith("BUSY", (await other.CallAsync("SHUTDOWN")).Text);
        using var late = await node.ConnectAsync(Patient); // newcomers are let in, too
        Assert.True((await late.CallAsync("MULTI")).IsOk);
        Assert.StartsWith("BUSY", (await late.CallAsync("SET", "k", "1")).Text);
        Assert.StartsWith("EXECABORT Transaction discarded because of: BUSY", (await late.CallAsync("EXEC")).Text);
        Assert.True((await other.CallAsync("SCRIPT", "KILL")).IsOk);
        Assert.StartsWith("ERR Script killed by user with SCRIPT KILL... script: ", (await running).Text);
        Assert.Equal("PONG", (await other.CallAsync("PING")).Text);
        Assert.Equal("PONG", (await caller.CallAsync("PING")).Text);
    }

    [Fact]
    public async Task A_script_cannot_catch_its_own_end()
    {
        using var node = new InProcessNode("--busy-reply-threshold", "10");
        using var caller = await node.ConnectAsync(Patient);
        using var other = await node.ConnectAsync(Patient);
        var running = caller.CallAsync("EVAL", "while true do pcall(function() while true do end end) end", "0");
        await BusyAsync(other);
        Assert.True((await other.CallAsync("SCRIPT", "KILL")).IsOk);
        Assert.StartsWith("ERR Script killed by user", (await running).Text);
    }

    [Fact]
    public async Task What_the_caller_sends_meanwhile_runs_behind_the_script()
    {
        using var node = new InProcessNode("--busy-reply-threshold", "10", "--appendonly", "yes");
        using var raw = await node.OpenAsync();
        using var other = await node.ConnectAsync(Patient);
        await raw.SendAsync("SET before 1\r\nEVAL \"" + Endless + "\" 0\r\n");
        await BusyAsync(other);
        await raw.SendAsync("PING behind\r\n");
        Assert.StartsWith("BUSY", (await other.CallAsync("PING")).Text);
        Assert.True((await other.CallAsync("SCRIPT", "KILL")).IsOk);
        await raw.ExpectAsync("+OK\r\n-ERR Script killed by user with SCRIPT KILL...");
        string rest = await raw.ReadAsync(" script: ".Length + 40 + ", on @user_script:1.\r\n$6\r\nbehind\r\n".Length);
        Assert.EndsWith("\r\n$6\r\nbehind\r\n", rest);
    }

    [Fact]
    public async Task A_function_is_killed_by_function_kill_and_shown_by_stats()
    {
        using var node = new InProcessNode("--busy-reply-threshold", "10");
        using var caller = await node.ConnectAsync(Patient);
        using var other = await node.ConnectAsync(Patient);
        await caller.ExecuteAsync("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('endless', function() while true do end end)");
        var running = caller.CallAsync("FCALL", "endless", "1", "key", "argument");
        await BusyAsync(other);
        Assert.StartsWith("BUSY Redis is busy running a script. You can only call FUNCTION KILL", (await other.CallAsync("SCRIPT", "KILL")).Text);
        var stats = await other.ExecuteAsync("FUNCTION", "STATS");
        Assert.Equal("endless", stats[1][1].Text);
        Assert.Equal(["FCALL", "endless", "1", "key", "argument"], stats[1][3].Items.Select(i => i.Text));
        Assert.True((await other.CallAsync("FUNCTION", "KILL")).IsOk);
        Assert.StartsWith("ERR Script killed by user", (await running).Text);
    }

    [Fact]
    public async Task A_script_that_wrote_goes_on_and_a_shutdown_without_save_forgets_it()
    {
        await using var node = await NodeProcess.StartAsync("--busy-reply-threshold", "10", "--appendonly", "yes", "--save", "");
        using var caller = await node.ConnectAsync(Patient);
        using var other = await node.ConnectAsync(Patient);
        await caller.ExecuteAsync("SET", "kept", "1");
        var running = caller.CallAsync("EVAL", "redis.call('set','half','1') redis.call('set','half2','1') while true do end", "0");
        await BusyAsync(other);
        Assert.StartsWith("UNKILLABLE Sorry the script already executed write commands", (await other.CallAsync("SCRIPT", "KILL")).Text);
        _ = other.CallAsync("SHUTDOWN", "NOSAVE");
        Assert.Equal(0, await node.WaitForExitAsync());
        await Assert.ThrowsAnyAsync<Exception>(async () => (await running).ThrowIfError());
        await node.StartAgainAsync();
        using var after = await node.ConnectAsync();
        Assert.Equal("1", (await after.ExecuteAsync("GET", "kept")).Text);
        Assert.Equal(0, (await after.ExecuteAsync("EXISTS", "half", "half2")).Integer);
    }

    [Fact]
    public async Task A_script_that_hoards_memory_is_stopped()
    {
        using var node = new InProcessNode("--script-memory-limit", "8mb");
        using var client = await node.ConnectAsync(Patient);
        string error = (await client.CallAsync("EVAL", "local t = {} for i = 1, 1e7 do t[i] = 'x' .. i end", "0")).Text;
        Assert.Contains("not enough memory", error, StringComparison.Ordinal);
        Assert.Equal("1", (await client.CallAsync("EVAL", "return 1", "0")).Text);
    }

    /// <summary>Until the node says BUSY: the script has passed the threshold.</summary>
    private static async Task BusyAsync(RespClient client)
    {
        var limit = Stopwatch.StartNew();
        while (!(await client.CallAsync("PING")).Text.StartsWith("BUSY", StringComparison.Ordinal))
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(60), "the node never became busy");
    }
}
