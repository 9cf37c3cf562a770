// Runs every hot command a few hundred times in the first seconds of the node's life, so that the runtime's tiers and
// profile-guided optimisation are behind us when load comes: else the first busy seconds pay for them in tail latency. It
// works on a keyspace, journal and command table of its own, in slices between turns, and leaves nothing behind.
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Journal;
using Shoal.Server.Network;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Hosting;

internal sealed class WarmUp : IDisposable
{
    private const int Rounds = 150;

    private static readonly string[] Commands =
    [
        "PING", "SET key:1 value", "GET key:1", "GET key:nothere", "SET key:2 10", "INCR key:2", "MSET a 1 b 2 c 3", "MGET a b c", "EXISTS a",
        "EXPIRE a 100", "TTL a", "DEL a b", "SET key:3 value EX 100", "HSET h f1 v1 f2 v2", "HGET h f1", "HGETALL h", "LPUSH l v", "RPUSH l v",
        "LPOP l", "LRANGE l 0 10", "SADD s m1 m2", "SISMEMBER s m1", "SPOP s", "ZADD z 1 m1 2 m2", "ZSCORE z m1", "ZRANGE z 0 -1", "ZPOPMIN z", "SET big " + Big,
        "GET big",
    ];

    private readonly NodeServices _scratch;
    private readonly MemoryConnection _connection = new();
    private readonly byte[] _batch;
    private IDisposable? _timer;
    private int _round;

    private WarmUp(NodeServices node)
    {
        var table = new CommandTable();
        SessionCommands.Register(table);
        CommandFamilies.Register(table);
        _scratch = new NodeServices
        {
            Config = node.Config, Commands = table, Time = node.Time, Loggers = NullLoggerFactory.Instance, Limits = new RespLimits(),
            Engine = node.Engine, Transport = node.Transport, Databases = new Databases(new Arena(new ArenaOptions { ReserveBytes = 64L << 20, HugePages = false }), 1),
            Journal = new WriteJournal(), Shutdown = new Shutdown(NullLogger.Instance),
        };
        _scratch.Access = new Security.AccessControl(_scratch);
        _scratch.Sessions = new SessionRegistry(_scratch);
        _scratch.Dispatcher = new Dispatcher(_scratch);
        _batch = Encode();
    }

    private static string Big => new('x', 600);

    /// <summary>Begins on the engine thread.</summary>
    public static void Begin(NodeServices node)
    {
        var warmUp = new WarmUp(node);
        warmUp._scratch.Dispatcher.Opened(warmUp._connection);
        warmUp._timer = node.Engine.Every(TimeSpan.FromMilliseconds(10), warmUp.Step);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _connection.Close();
        _scratch.Dispatcher.Closed(_connection);
        _scratch.Journal.Dispose();
        _scratch.Databases.Dispose();
    }

    private void Step()
    {
        _scratch.Databases.NowMs = _scratch.NowMs;
        _scratch.Dispatcher.Consume(_connection, _batch);
        _connection.Replies.Clear();
        if (++_round == Rounds) Dispose();
    }

    private static byte[] Encode()
    {
        using var buffer = new NativeBuffer(4096);
        foreach (string command in Commands)
        {
            string[] words = command.Split(' ');
            RequestWriter.Header(buffer, words.Length);
            foreach (string word in words) RequestWriter.Bulk(buffer, System.Text.Encoding.ASCII.GetBytes(word));
        }
        return buffer.Written.ToArray();
    }
}
