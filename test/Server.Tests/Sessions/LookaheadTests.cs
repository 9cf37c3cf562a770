// Keys of a pipeline are fetched ahead of their commands once a database is large. Nobody may notice: same replies, same
// order, same errors, wherever a receive happens to end, and no managed memory.
using System.Text;
using Shoal.Server.Network;

namespace Shoal.Server.Tests.Sessions;

[Collection("in-process nodes")]
public sealed class LookaheadTests
{
    private const int Keys = 20_000;

    [Fact]
    public async Task Pipelines_over_many_keys_answer_in_order()
    {
        using var node = new InProcessNode();
        Assert.Equal("", await OnEngine(node, Compare));
    }

    [Fact]
    public async Task Pipelines_over_many_keys_allocate_nothing()
    {
        using var node = new InProcessNode("--slowlog-log-slower-than", "-1");
        Assert.Equal(0L, await OnEngine(node, Allocated));
    }

    /// <summary>Requests of every form, cut at every place: "" or what differed from the expected replies.</summary>
    private static string Compare(InProcessNode node)
    {
        var (requests, replies) = Mixed();
        byte[] bytes = Encoding.ASCII.GetBytes(requests);
        var dispatcher = node.Host.Services.Dispatcher;
        Fill(node);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            var connection = new MemoryConnection();
            dispatcher.Opened(connection);
            int used = dispatcher.Consume(connection, bytes.AsSpan(0, cut));
            if (used < bytes.Length) used += dispatcher.Consume(connection, bytes.AsSpan(used));
            string got = Encoding.ASCII.GetString(connection.Replies.Written);
            connection.Close();
            dispatcher.Closed(connection);
            if (got != replies) return $"cut at {cut}: {got}";
            if (used != bytes.Length) return $"cut at {cut}: used {used} of {bytes.Length}";
        }
        return "";
    }

    private static long Allocated(InProcessNode node)
    {
        Fill(node);
        byte[] batch = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 64).Select(i => Request("GET", $"key:{i * 300}"))));
        var dispatcher = node.Host.Services.Dispatcher;
        var connection = new MemoryConnection();
        dispatcher.Opened(connection);
        long before = 0;
        for (int i = 0; i < 300; i++)
        {
            if (i == 100) before = GC.GetAllocatedBytesForCurrentThread();
            dispatcher.Consume(connection, batch);
            connection.Replies.Clear();
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        connection.Close();
        dispatcher.Closed(connection);
        return allocated;
    }

    private static (string Requests, string Replies) Mixed()
    {
        var requests = new StringBuilder();
        var replies = new StringBuilder();
        void Add(string request, string reply)
        {
            requests.Append(request);
            replies.Append(reply);
        }
        string longKey = new('k', 150);
        Add(Request("DEL", "counter"), ":0\r\n");
        for (int i = 0; i < 20; i++) Add(Request("GET", $"key:{i * 700}"), $"${(i * 700).ToString().Length}\r\n{i * 700}\r\n");
        Add(Request("PING"), "+PONG\r\n");
        Add("PING inline\r\n", "$6\r\ninline\r\n");
        Add(Request("GET"), "-ERR wrong number of arguments for 'get' command\r\n");
        Add(Request("GET", ""), "$-1\r\n");
        Add(Request("GET", longKey), "$-1\r\n");
        Add(Request("MGET", "{a}1", "{a}2", "{a}3", "{a}4", "{a}5", "{a}6", "{a}7", "{a}8", "{a}9", "{a}10"), "*10\r\n" + string.Concat(Enumerable.Repeat("$-1\r\n", 10)));
        for (int i = 1; i <= 5; i++) Add(Request("INCR", "counter"), $":{i}\r\n");
        Add(Request("HGET", "counter", "f"), "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
        Add(Request("MULTI"), "+OK\r\n");
        for (int i = 0; i < 4; i++) Add(Request("INCR", "counter"), "+QUEUED\r\n");
        Add(Request("EXEC"), "*4\r\n:6\r\n:7\r\n:8\r\n:9\r\n");
        for (int i = 0; i < 20; i++) Add(Request("SET", $"key:{i * 900}", $"{i * 900}"), "+OK\r\n");
        Add(Request("DEL", "counter"), ":1\r\n");
        return (requests.ToString(), replies.ToString());
    }

    private static void Fill(InProcessNode node)
    {
        var dispatcher = node.Host.Services.Dispatcher;
        var connection = new MemoryConnection();
        dispatcher.Opened(connection);
        for (int i = 0; i < Keys; i++)
        {
            dispatcher.Consume(connection, Encoding.ASCII.GetBytes(Request("SET", $"key:{i}", $"{i}")));
            connection.Replies.Clear();
        }
        connection.Close();
        dispatcher.Closed(connection);
        Assert.Equal(Keys, node.Host.Services.Databases[0].Count);
    }

    private static string Request(params string[] arguments) =>
        $"*{arguments.Length}\r\n" + string.Concat(arguments.Select(a => $"${a.Length}\r\n{a}\r\n"));

    private static async Task<T> OnEngine<T>(InProcessNode node, Func<InProcessNode, T> run)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Host.Services.Engine.Post(() =>
        {
            try
            {
                result.SetResult(run(node));
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return await result.Task.WaitAsync(TimeSpan.FromSeconds(120));
    }
}
