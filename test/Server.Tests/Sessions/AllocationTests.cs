// The promise of the data path: commands allocate nothing on the managed heap. Driven through an in-memory connection,
// so that the whole way from bytes to reply is measured and nothing else.
using System.Text;
using Shoal.Server.Network;

namespace Shoal.Server.Tests.Sessions;

[Collection("in-process nodes")]
public sealed class AllocationTests
{
    [Theory]
    [InlineData("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")]
    [InlineData("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")]
    [InlineData("*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n")]
    [InlineData("*1\r\n$4\r\nPING\r\n")]
    [InlineData("*2\r\n$3\r\nGET\r\n$7\r\nnothere\r\n")]
    public async Task Commands_allocate_nothing(string request)
    {
        // A call the machine happened to interrupt would be remembered as slow, and remembering allocates.
        using var node = new InProcessNode("--slowlog-log-slower-than", "-1");
        byte[] batch = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(request, 64)));
        var measured = new TaskCompletionSource<long>();
        node.Host.Services.Engine.Post(() =>
        {
            var services = node.Host.Services;
            var connection = new MemoryConnection();
            services.Dispatcher.Opened(connection);
            // What a command allocates shows in every window; what happens once (a type's first use, wherever a busy machine
            // puts it) shows in one.
            long allocated = long.MaxValue;
            for (int window = 0; window < 5; window++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < 100; i++)
                {
                    services.Dispatcher.Consume(connection, batch);
                    connection.Replies.Clear();
                }
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            connection.Close();
            services.Dispatcher.Closed(connection);
            measured.SetResult(allocated);
        });
        Assert.Equal(0, await measured.Task.WaitAsync(TimeSpan.FromSeconds(60)));
    }
}
