// From bytes of the memcached port to items: lines, the data behind them, and who may speak at all. Sessions are the node's
// own, so that maxclients, idle timeouts and CLIENT LIST know them.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Network;
using Shoal.Server.Sessions;
using Shoal.Store;
using Text = System.Text.Encoding;

namespace Shoal.Server.Memcached;

/// <summary>Serves connections of the memcached port. Engine thread.</summary>
internal sealed unsafe class MemcachedHandler(NodeServices node, ItemOperations items, MemcachedStatistics statistics) : IRequestHandler
{
    private const int MaxLine = 64 * 1024, TurnCommands = 1024;
    private readonly TextProtocol _text = new(node, items, statistics);
    private readonly MetaProtocol _meta = new(node, items, statistics);

    /// <summary>Bytes of an oversized value still to be read over, by connection.</summary>
    private readonly Dictionary<long, long> _swallowing = [];

    public bool Opened(Connection connection)
    {
        if (!Admission.Admit(node, connection)) return false;
        statistics.Connections++;
        statistics.TotalConnections++;
        return true;
    }

    public void Closed(Connection connection)
    {
        _swallowing.Remove(connection.Id);
        if (connection.State is not Session) return;
        statistics.Connections--;
        node.Dispatcher.Closed(connection);
    }

    public int Consume(Connection connection, ReadOnlySpan<byte> bytes)
    {
        if (connection.State is not Session session) return bytes.Length;
        var c = node.Dispatcher.Begin(session, connection.Replies);
        node.Databases.ExpiryMode = node.Dispatcher.ClientExpiry;
        session.LastSeenMs = c.NowMs;
        connection.WantedBytes = 0;
        int used = 0;
        for (int left = TurnCommands; left > 0 && used < bytes.Length; left--)
        {
            int took = One(ref c, connection, bytes[used..]);
            used += took;
            if (took == 0 || connection.IsPaused || connection.IsClosing || connection.IsClosed) break;
        }
        return used;
    }

    /// <summary>One command; how many bytes it took, 0 = it is not whole, or must wait.</summary>
    private int One(ref CommandContext c, Connection connection, ReadOnlySpan<byte> bytes)
    {
        if (_swallowing.Count > 0 && _swallowing.TryGetValue(connection.Id, out long skip))
        {
            int over = (int)Math.Min(skip, bytes.Length);
            if (over == skip) _swallowing.Remove(connection.Id);
            else _swallowing[connection.Id] = skip - over;
            return over;
        }
        int end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            if (bytes.Length <= MaxLine) return 0;
            c.Reply.Line("CLIENT_ERROR line too long"u8);
            connection.CloseAfterReplies();
            return bytes.Length;
        }
        var line = bytes[..end].TrimEnd((byte)'\r');
        bool meta = MetaProtocol.IsMeta(line);
        long length = meta ? MetaProtocol.DataLength(line) : TextProtocol.DataLength(line);
        if (length == -1)
        {
            c.Reply.Line(Replies.BadLine);
            return end + 1;
        }
        if (length == -2) return !MayRun(ref c, line, default) || Run(ref c, line, meta, null, 0) ? end + 1 : 0;
        return WithData(ref c, connection, bytes, line, end + 1, meta, length);
    }

    private int WithData(ref CommandContext c, Connection connection, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> line, int start, bool meta, long length)
    {
        if (length > items.MaxItemBytes)
        {
            c.Reply.Line(Replies.TooLarge);
            _swallowing[connection.Id] = length + 2;
            return start;
        }
        long whole = start + length + 2;
        if (bytes.Length < whole)
        {
            connection.WantedBytes = (int)whole;
            return 0;
        }
        var data = bytes.Slice(start, (int)length);
        if (!bytes[(start + (int)length)..].StartsWith("\r\n"u8))
        {
            c.Reply.Line(Replies.BadChunk);
            // The next line begins behind the first line feed after the promised length.
            int feed = bytes[(start + (int)length)..].IndexOf((byte)'\n');
            return feed < 0 ? bytes.Length : start + (int)length + feed + 1;
        }
        if (!MayRun(ref c, line, data)) return (int)whole;
        fixed (byte* at = bytes) return Run(ref c, line, meta, at + start, (int)length) ? (int)whole : 0;
    }

    private bool Run(ref CommandContext c, ReadOnlySpan<byte> line, bool meta, byte* data, int length)
    {
        if (meta) return _meta.Run(ref c, line, data, length);
        return data == null ? _text.Run(ref c, line) : _text.Store(ref c, line, data, length);
    }

    /// <summary>With a password set, a client says "user password" as the value of its first set (memcached's ASCII authentication).</summary>
    private bool MayRun(ref CommandContext c, ReadOnlySpan<byte> line, ReadOnlySpan<byte> data)
    {
        if (c.Session.Authenticated || !node.Access.Users.LoginRequired) return true;
        if (!line.StartsWith("set "u8))
        {
            c.Reply.Line("CLIENT_ERROR unauthenticated"u8);
            return false;
        }
        var text = Text.UTF8.GetString(data).Trim().Split(' ', 2);
        bool known = text.Length == 2 && node.Access.LogIn(c.Session, Text.UTF8.GetBytes(text[0]), Text.UTF8.GetBytes(text[1]));
        c.Reply.Line(known ? "STORED"u8 : "CLIENT_ERROR authentication failure"u8);
        return false;
    }
}
