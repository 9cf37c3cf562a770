// Client state that one connection shows another: pause, kill, reply modes, parked commands, login.
using Shoal.Protocol.Client;

namespace Shoal.Server.Tests.Sessions;

[Collection("in-process nodes")]
public sealed class SessionTests
{
    [Fact]
    public async Task Reply_off_and_skip_drop_replies()
    {
        using var node = new InProcessNode();
        using var raw = await node.OpenAsync();
        await raw.SendAsync("CLIENT REPLY SKIP\r\nPING a\r\nPING b\r\nCLIENT REPLY OFF\r\nPING c\r\nCLIENT REPLY ON\r\nPING d\r\n");
        await raw.ExpectAsync("$1\r\nb\r\n+OK\r\n$1\r\nd\r\n");
    }

    [Fact]
    public async Task Paused_writes_wait_and_then_run_in_order()
    {
        using var node = new InProcessNode();
        using var admin = await node.ConnectAsync();
        using var writer = await node.ConnectAsync();
        await admin.ExecuteAsync("CLIENT", "PAUSE", "60000", "WRITE");
        var first = writer.CallAsync("SET", "k", "1");
        var second = writer.CallAsync("GET", "k");
        Assert.True((await admin.CallAsync("GET", "k")).IsNull);
        Assert.False(first.IsCompleted);
        await admin.ExecuteAsync("CLIENT", "UNPAUSE");
        Assert.True((await first).IsOk);
        Assert.Equal("1", (await second).Text);
    }

    [Fact]
    public async Task Pause_ends_by_itself()
    {
        using var node = new InProcessNode();
        using var client = await node.ConnectAsync();
        await client.ExecuteAsync("CLIENT", "PAUSE", "200");
        Assert.Equal("PONG", (await client.CallAsync("PING")).Text);
    }

    [Fact]
    public async Task Kill_by_id_closes_only_that_client()
    {
        using var node = new InProcessNode();
        using var admin = await node.ConnectAsync();
        using var victim = await node.ConnectAsync();
        string id = (await victim.CallAsync("CLIENT", "ID")).Text;
        Assert.Equal(1, (await admin.CallAsync("CLIENT", "KILL", "ID", id)).Integer);
        await victim.Completed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal("PONG", (await admin.CallAsync("PING")).Text);
        Assert.Equal(0, (await admin.CallAsync("CLIENT", "KILL", "ID", id)).Integer);
    }

    [Fact]
    public async Task Password_changes_apply_to_new_logins_only()
    {
        using var node = new InProcessNode();
        using var admin = await node.ConnectAsync();
        await admin.ExecuteAsync("CONFIG", "SET", "requirepass", "sesame");
        Assert.Equal("PONG", (await admin.CallAsync("PING")).Text);
        using var stranger = await node.ConnectAsync();
        Assert.StartsWith("NOAUTH", (await stranger.CallAsync("PING")).Text);
        Assert.StartsWith("WRONGPASS", (await stranger.CallAsync("AUTH", "open")).Text);
        Assert.True((await stranger.CallAsync("AUTH", "sesame")).IsOk);
        Assert.Equal("PONG", (await stranger.CallAsync("PING")).Text);
    }

    [Fact]
    public async Task Transaction_of_one_client_is_not_split_by_another()
    {
        using var node = new InProcessNode();
        using var a = await node.ConnectAsync();
        using var b = await node.ConnectAsync();
        await a.ExecuteAsync("SET", "n", "0");
        var noise = Task.Run(async () =>
        {
            for (int i = 0; i < 500; i++) await b.CallAsync("INCR", "n");
        });
        for (int i = 0; i < 100; i++)
        {
            var calls = new[] { a.CallAsync("MULTI"), a.CallAsync("INCR", "n"), a.CallAsync("INCR", "n"), a.CallAsync("EXEC") };
            var exec = await calls[3];
            Assert.Equal(exec[0].Integer + 1, exec[1].Integer);
        }
        await noise;
        Assert.Equal("700", (await a.CallAsync("GET", "n")).Text);
    }

    [Fact]
    public async Task Info_and_command_answer_what_tools_read()
    {
        using var node = new InProcessNode();
        using var client = await node.ConnectAsync();
        string info = (await client.CallAsync("INFO")).Text;
        foreach (string line in (string[])["redis_version:7.2.4", "redis_mode:standalone", "connected_clients:1", "used_memory:", "maxmemory_policy:noeviction", "total_commands_processed:", "# Keyspace"])
            Assert.Contains(line, info, StringComparison.Ordinal);
        string all = (await client.CallAsync("INFO", "everything")).Text;
        Assert.Contains("cmdstat_info:calls=1", all, StringComparison.Ordinal);
        var get = (await client.CallAsync("COMMAND", "INFO", "get"))[0];
        Assert.Equal("get", get[0].Text);
        Assert.Equal(2, get[1].Integer);
        Assert.Equal(1, get[3].Integer);
        var keys = await client.CallAsync("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2");
        Assert.Equal(["a", "b"], keys.Items.Select(k => k.Text));
    }

    [Fact]
    public async Task Resp3_session_gets_resp3_replies()
    {
        using var node = new InProcessNode();
        using var client = await node.ConnectAsync(new RespClientOptions { Protocol = 3 });
        Assert.Equal(ReplyKind.Map, (await client.CallAsync("CONFIG", "GET", "maxmemory")).Kind);
        Assert.Equal(ReplyKind.Verbatim, (await client.CallAsync("INFO")).Kind);
        Assert.Equal(ReplyKind.Null, (await client.CallAsync("GET", "nothing")).Kind);
    }

    [Fact]
    public async Task A_reply_beyond_the_output_limit_closes_its_client_and_nobody_else()
    {
        using var node = new InProcessNode("--client-output-buffer-limit", "normal", "1000000", "0", "0");
        using var greedy = await node.ConnectAsync();
        await greedy.ExecuteAsync("SADD", "s", "a", "b");
        await Assert.ThrowsAnyAsync<Exception>(() => greedy.CallAsync("SRANDMEMBER", "s", "-4000000000000000000"));
        using var modest = await node.ConnectAsync();
        Assert.Equal("2", (await modest.CallAsync("SCARD", "s")).Text);
        Assert.Contains("client_output_buffer_limit_disconnections:1", (await modest.CallAsync("INFO", "stats")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slow_commands_are_remembered()
    {
        using var node = new InProcessNode("--slowlog-log-slower-than", "20000");
        using var client = await node.ConnectAsync();
        await client.ExecuteAsync("DEBUG", "SLEEP", "0.05");
        var slow = await client.CallAsync("SLOWLOG", "GET");
        Assert.Equal("DEBUG", slow[0][3][0].Text.ToUpperInvariant());
        Assert.True(slow[0][2].Integer >= 20000);
        await client.ExecuteAsync("SLOWLOG", "RESET");
        Assert.Equal(0, (await client.CallAsync("SLOWLOG", "LEN")).Integer);
    }
}

/// <summary>appendfsync always: an answer means the disk has it, and nothing waits that wrote nothing.</summary>
[Collection("in-process nodes")]
public sealed class HeldReplyTests
{
    [Theory]
    [InlineData("epoll")]
    [InlineData("pipes")]
    public async Task Replies_come_in_order_and_reads_are_not_stuck(string backend)
    {
        using var folder = new Shoal.TestKit.TempFolder();
        using var node = new InProcessNode("--io-backend", backend, "--dir", folder.Path, "--appendonly", "yes", "--appendfsync", "always");
        using var client = await node.ConnectAsync();
        Assert.Equal("PONG", (await client.CallAsync("PING")).Text);
        var calls = new List<Task<Reply>>();
        for (int i = 0; i < 500; i++)
        {
            calls.Add(client.CallAsync("SET", "k", $"{i}"));
            calls.Add(client.CallAsync("GET", "k"));
        }
        for (int i = 0; i < 500; i++)
        {
            Assert.True((await calls[i * 2]).IsOk);
            Assert.Equal($"{i}", (await calls[i * 2 + 1]).Text);
        }
        Assert.Equal("PONG", (await client.CallAsync("PING")).Text);
    }
}
