// How messages reach sockets: in order behind the publisher's own replies, together at the end of a turn, never beyond the
// output limit, and without allocating per message.
using System.Text;
using Shoal.Server.Network;

namespace Shoal.Server.Tests.PubSub;

[Collection("in-process nodes")]
public sealed class DeliveryTests
{
    [Theory]
    [InlineData("epoll", "no")]
    [InlineData("pipes", "no")]
    [InlineData("epoll", "yes")]
    [InlineData("pipes", "yes")]
    public async Task Messages_keep_their_order_through_turns_and_held_replies(string backend, string appendOnly)
    {
        using var node = new InProcessNode("--io-backend", backend, "--appendonly", appendOnly, "--appendfsync", "always");
        using (var client = await node.ConnectAsync())
            while ((await client.CallAsync("PING")).IsError) await Task.Yield(); // LOADING
        using var subscriber = await node.OpenAsync();
        using var publisher = await node.OpenAsync();
        await subscriber.SendAsync("SUBSCRIBE c\r\n");
        await subscriber.ExpectAsync("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
        var requests = new StringBuilder();
        var messages = new StringBuilder();
        var replies = new StringBuilder();
        for (int i = 1000; i < 4000; i++)
        {
            requests.Append("SET k ").Append(i).Append("\r\nPUBLISH c ").Append(i).Append("\r\n");
            messages.Append("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n").Append(i).Append("\r\n");
            replies.Append("+OK\r\n:1\r\n");
        }
        await publisher.SendAsync(requests.ToString());
        await publisher.ExpectAsync(replies.ToString());
        await subscriber.ExpectAsync(messages.ToString());
    }

    [Fact]
    public async Task A_subscriber_that_does_not_read_is_closed_at_its_limit()
    {
        using var node = new InProcessNode("--client-output-buffer-limit", "pubsub 1mb 0 0");
        using var deaf = await node.OpenAsync();
        using var client = await node.ConnectAsync();
        await deaf.SendAsync("SUBSCRIBE c\r\n");
        await deaf.ExpectAsync("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
        string message = new('x', 256 * 1024);
        for (int i = 0; i < 1000; i++)
            if ((await client.ExecuteAsync("PUBLISH", "c", message)).Integer == 0) break;
        Assert.Equal(0, (await client.ExecuteAsync("PUBSUB", "NUMSUB", "c")).Items[1].Integer);
        Assert.Contains("client_output_buffer_limit_disconnections:1", (await client.ExecuteAsync("INFO", "stats")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$5\r\nhello\r\n")]
    [InlineData("*3\r\n$7\r\nPUBLISH\r\n$6\r\nnobody\r\n$5\r\nhello\r\n")]
    [InlineData("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")]
    public async Task Publishing_allocates_nothing(string request)
    {
        using var node = new InProcessNode("--slowlog-log-slower-than", "-1", "--notify-keyspace-events", "KEA");
        byte[] batch = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(request, 64)));
        var measured = new TaskCompletionSource<long>();
        node.Host.Services.Engine.Post(() =>
        {
            var dispatcher = node.Host.Services.Dispatcher;
            var publisher = new MemoryConnection();
            var two = new MemoryConnection();
            dispatcher.Opened(publisher);
            dispatcher.Opened(two);
            dispatcher.Consume(two, "SUBSCRIBE c\r\nPSUBSCRIBE c* __key*\r\n"u8);
            long before = 0;
            for (int i = 0; i < 300; i++)
            {
                if (i == 100) before = GC.GetAllocatedBytesForCurrentThread();
                dispatcher.Consume(publisher, batch);
                publisher.Replies.Clear();
                two.Replies.Clear();
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            publisher.Close();
            two.Close();
            dispatcher.Closed(publisher);
            dispatcher.Closed(two);
            measured.SetResult(allocated);
        });
        Assert.Equal(0, await measured.Task.WaitAsync(TimeSpan.FromSeconds(60)));
    }
}
