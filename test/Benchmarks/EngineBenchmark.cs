// Bytes in, bytes out, no socket: the whole way from receive buffer to reply, timed per command. The best signal for a
// regression, because no kernel and no generator is in it.
using System.Diagnostics;
using System.Text;
using Shoal.Server.Hosting;
using Shoal.Server.Network;

namespace Shoal.Benchmarks;

/// <summary>"Benchmarks engine [keys]".</summary>
internal static class EngineBenchmark
{
    private const int Batch = 64, Rounds = 20_000;

    public static void Run(string[] args)
    {
        int keys = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 100_000;
        using var host = NodeHost.Start(["--port", "0", "--bind", "127.0.0.1", "--save", "", "--warm-up", "no", "--loglevel", "warning"]);
        using var done = new ManualResetEventSlim();
        host.Services.Engine.Post(() =>
        {
            var connection = new MemoryConnection();
            host.Services.Dispatcher.Opened(connection);
            Fill(host, connection, keys);
            Console.WriteLine($"{"command",-10} {"ns/command",12} {"bytes allocated",16}");
            foreach (string command in (string[])["PING", "GET", "SET", "INCR", "HSET", "LPUSH", "SADD", "ZADD"]) Measure(host, connection, command, keys);
            connection.Close();
            host.Services.Dispatcher.Closed(connection);
            done.Set();
        });
        done.Wait();
    }

    private static void Fill(NodeHost host, MemoryConnection connection, int keys)
    {
        for (int i = 0; i < keys; i++)
        {
            host.Services.Dispatcher.Consume(connection, Encode($"SET key:{i:D12} xxxxxxxxxxxxxxxx"));
            connection.Replies.Clear();
        }
    }

    private static void Measure(NodeHost host, MemoryConnection connection, string command, int keys)
    {
        var random = new Random(7);
        byte[][] batches = new byte[256][];
        for (int b = 0; b < batches.Length; b++)
        {
            var all = new MemoryStream();
            for (int i = 0; i < Batch; i++) all.Write(Encode(Text(command, random.Next(keys))));
            batches[b] = all.ToArray();
        }
        long begun = 0, allocated = 0;
        for (int round = -2000; round < Rounds; round++)
        {
            if (round == 0)
            {
                allocated = GC.GetAllocatedBytesForCurrentThread();
                begun = Stopwatch.GetTimestamp();
            }
            host.Services.Dispatcher.Consume(connection, batches[round & 255]);
            connection.Replies.Clear();
        }
        double ns = Stopwatch.GetElapsedTime(begun).TotalNanoseconds / ((double)Rounds * Batch);
        Console.WriteLine($"{command,-10} {ns,12:F1} {GC.GetAllocatedBytesForCurrentThread() - allocated,16}");
    }

    private static string Text(string command, int key) => command switch
    {
        "PING" => "PING",
        "GET" => $"GET key:{key:D12}",
        "SET" => $"SET key:{key:D12} xxxxxxxxxxxxxxxx",
        "INCR" => $"INCR n:{key}",
        "HSET" => $"HSET h:{key} f1 v1 f2 v2",
        "LPUSH" => $"LPUSH l:{key & 1023} v",
        "SADD" => $"SADD s:{key} m",
        _ => $"ZADD z:{key} 1 m:{key & 7}",
    };

    private static byte[] Encode(string command)
    {
        string[] words = command.Split(' ');
        var text = new StringBuilder($"*{words.Length}\r\n");
        foreach (string word in words) text.Append('$').Append(word.Length).Append("\r\n").Append(word).Append("\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
