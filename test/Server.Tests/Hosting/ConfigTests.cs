// redis.conf: what is accepted, what stops the start and with which words, what CONFIG REWRITE leaves.
using Shoal.Server.Hosting;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Hosting;

[Collection("in-process nodes")]
public sealed class ConfigTests
{
    private static NodeConfig Settings()
    {
        var config = new NodeConfig();
        IgnoredSettings.Register(config);
        _ = new ServerSettings(config);
        return config;
    }

    private static void Read(NodeConfig config, params string[] lines) => ConfigFile.Read(config, "test.conf", lines);

    [Fact]
    public void Words_quotes_comments_and_units()
    {
        var config = Settings();
        Read(config, "# comment", "", "  PORT 7000", "maxmemory 2gb", "requirepass \"a b\\x41\"", "bind 127.0.0.1 ::1", "tcp-backlog 128",
            "client-output-buffer-limit normal 1mb 512kb 10", "client-output-buffer-limit pubsub 0 0 0", "save 900 1", "loglevel VERBOSE");
        Assert.Equal(7000, config.Long("port"));
        Assert.Equal(2L << 30, config.Long("maxmemory"));
        Assert.Equal("a bA", config.Text("requirepass"));
        Assert.Equal(["127.0.0.1", "::1"], config.Words("bind"));
        Assert.Equal(8, config.Words("client-output-buffer-limit").Count);
        Assert.Equal("verbose", config.Text("loglevel"));
    }

    [Theory]
    [InlineData("nosuch yes", "Bad directive or wrong number of arguments")]
    [InlineData("port 70000", "argument must be between 0 and 65535 inclusive")]
    [InlineData("port many", "argument couldn't be parsed into an integer")]
    [InlineData("port 1 2", "wrong number of arguments")]
    [InlineData("maxmemory lots", "argument must be a memory value")]
    [InlineData("maxmemory-policy sometimes", "argument(s) must be one of the following*")]
    [InlineData("protected-mode perhaps", "argument must be 'yes' or 'no'")]
    [InlineData("requirepass \"half", "Unbalanced quotes in configuration line")]
    [InlineData("client-output-buffer-limit nobody 0 0 0", "Invalid client class specified in buffer limit configuration.")]
    public void Bad_lines_name_file_line_and_reason(string line, string reason)
    {
        var error = Assert.Throws<ConfigException>(() => Read(Settings(), "# first", line));
        Assert.Equal(2, error.Line);
        if (reason.EndsWith('*')) Assert.StartsWith(reason[..^1], error.Message);
        else Assert.Equal(reason, error.Message);
        Assert.Contains("at line 2 of test.conf", error.Report, StringComparison.Ordinal);
        Assert.Contains(line, error.Report, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_directive_of_a_stock_redis_conf_is_known()
    {
        var config = Settings();
        foreach (string name in "appendonly appendfsync save dbfilename replicaof masterauth cluster-enabled cluster-node-timeout lfu-log-factor activedefrag tls-port loadmodule io-threads notify-keyspace-events zset-max-ziplist-entries lazyfree-lazy-expire oom-score-adj-values latency-tracking-info-percentiles rename-command".Split(' '))
            Assert.NotNull(config.Find(name));
    }

    [Fact]
    public void Arguments_override_the_file_and_includes_are_read()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("more.conf"), "databases 4\n");
        File.WriteAllText(folder.File("node.conf"), $"port 7000\nmaxmemory 1mb\ninclude {folder.File("more.conf")}\nbind 10.0.0.1\n");
        var config = Settings();
        string? file = ConfigFile.ReadArguments(config, [folder.File("node.conf"), "--port", "7001", "--bind", "127.0.0.1", "127.0.0.2", "--requirepass", ""]);
        Assert.Equal(folder.File("node.conf"), file);
        Assert.Equal(7001, config.Long("port"));
        Assert.Equal(4, config.Long("databases"));
        Assert.Equal(1 << 20, config.Long("maxmemory"));
        Assert.Equal(["127.0.0.1", "127.0.0.2"], config.Words("bind"));

        // An include on the command line, too; a pattern that matches nothing is none.
        config = Settings();
        ConfigFile.ReadArguments(config, ["--include", folder.File("mo*.conf"), "--include", folder.File("nowhere/*.conf"), "--port", "7002"]);
        Assert.Equal((4, 7002), (config.Long("databases"), config.Long("port")));
    }

    [Fact]
    public async Task Rewrite_keeps_comments_and_writes_what_changed()
    {
        using var folder = new TempFolder();
        string file = folder.File("node.conf");
        File.WriteAllText(file, "# my node\nmaxmemory 1mb\n\nhz 15 \n");
        using (var host = NodeHost.Start([file, "--port", "0", "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning", "--warm-up", "no"]))
        {
            using var client = await Protocol.Client.RespClient.ConnectAsync("127.0.0.1", host.EndPoint!.Port);
            await client.ExecuteAsync("CONFIG", "SET", "maxmemory", "5mb", "requirepass", "a b");
            await client.ExecuteAsync("CONFIG", "REWRITE");
        }
        string text = File.ReadAllText(file);
        Assert.StartsWith("# my node\nmaxmemory 5242880\n\nhz 15\n", text);
        Assert.Contains("requirepass \"a b\"\n", text, StringComparison.Ordinal);
        var again = Settings();
        ConfigFile.Read(again, file);
        Assert.Equal("a b", again.Text("requirepass"));
    }

    [Fact]
    public void Refused_config_set_changes_nothing()
    {
        var config = Settings();
        Assert.NotNull(config.Change([("hz", "20"), ("maxmemory", "nonsense")]));
        Assert.Equal(10, config.Long("hz"));
        Assert.NotNull(config.Change([("port", "1")]));
        Assert.NotNull(config.Change([("hz", "20"), ("hz", "30")]));
        Assert.Null(config.Change([("hz", "20")]));
        Assert.Equal(20, config.Long("hz"));
    }
}
