// The memcached port as a part of the node, and CLIENTWORD, the form in which flags travel to files and replicas.
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Memcached;

/// <summary>Listens on memcached-port (0 = off), on the addresses of bind.</summary>
public sealed class MemcachedPart : INodePart
{
    private const int Backlog = 511;
    private LongSetting? _port;
    private LongSetting? _maxItem;
    private ItemOperations? _items;

    public void Register(NodeConfig config, CommandTable commands)
    {
        _port = config.Register(new LongSetting("memcached-port", 0, 0, 65535, live: false));
        _maxItem = config.Register(new LongSetting("memcached-max-item-size", 1 << 20, 1024, 512L << 20, memory: true, apply: bytes =>
        {
            if (_items is not null) _items.MaxItemBytes = bytes;
            return null;
        }));
        commands.Add("clientword", 3, Write | NoScript, Keys.One(1), "string", ClientWord);
    }

    public void Build(NodeServices node)
    {
    }

    public void Start(NodeServices node)
    {
        if (_port!.Value == 0) return;
        _items = new ItemOperations(node) { MaxItemBytes = _maxItem!.Value };
        var handler = new MemcachedHandler(node, _items, new MemcachedStatistics(node));
        var at = BindAddresses.Listen(node.Config, node.Transport, (int)_port.Value, Backlog, node.Loggers.CreateLogger("network"), handler);
        node.Loggers.CreateLogger("node").LogInformation("memcached protocol on {EndPoint}", at);
    }

    /// <summary>CLIENTWORD key word: gives a string the word a memcached client's flags are kept in. Sent by primaries and slot migrations.</summary>
    private static void ClientWord(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long word)) return;
        var e = c.Keys.FindForWrite(c[1], c.Slot);
        if (!StringCommands.IsStringOrAbsent(ref c, e)) return;
        if (e.Exists)
        {
            c.Keys.SetClientWord(ref e, (ulong)word);
            c.Changed();
        }
        if (e.Exists) c.Reply.One();
        else c.Reply.Zero();
    }
}
