// Bytes to Reply, incrementally. A first pass finds the end of the frame and remembers where it stopped, so a large
// reply that arrives in a thousand reads is scanned once, not a thousand times; only a complete frame is materialised.
using System.Buffers.Text;

namespace Shoal.Protocol.Client;

/// <summary>
/// Parser of one reply stream. Offer it everything received and not yet consumed, always from the start of a frame.
/// Not thread-safe; one per connection.
/// </summary>
public sealed class ReplyReader
{
    private const int MaxDepth = 64;
    private const int MaxElements = 64 * 1024 * 1024;
    private readonly int maxBulkBytes;
    private int scanned;        // bytes of the current frame already understood
    private long remaining = 1; // values still missing to complete the frame

    /// <summary>A reader that refuses bulks above <paramref name="maxBulkBytes"/> (Redis's own limit is 512 MB).</summary>
    public ReplyReader(int maxBulkBytes = 512 * 1024 * 1024) => this.maxBulkBytes = maxBulkBytes;

    /// <summary>
    /// Reads the frame at the start of <paramref name="bytes"/>. False when it is incomplete: call again with the same
    /// bytes and more behind them. On true, <paramref name="consumed"/> bytes belong to <paramref name="reply"/>.
    /// </summary>
    /// <exception cref="RespException">The bytes are not RESP; the connection is unusable.</exception>
    public bool TryRead(ReadOnlySpan<byte> bytes, out Reply reply, out int consumed)
    {
        while (remaining > 0)
        {
            if (!TrySkipOne(bytes))
            {
                reply = Reply.NullReply;
                consumed = 0;
                return false;
            }
        }

        var position = 0;
        reply = Materialise(bytes[..scanned], ref position, 0);
        consumed = scanned;
        scanned = 0;
        remaining = 1;
        return true;
    }

    private bool TrySkipOne(ReadOnlySpan<byte> bytes)
    {
        var rest = bytes[scanned..];
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            return rest.Length <= 64 * 1024 ? false : throw new RespException("reply line longer than 64 KB");
        }

        if (end < 2 || rest[end - 1] != '\r')
        {
            throw new RespException("reply line does not end in CRLF");
        }

        var line = rest[1..(end - 1)];
        switch (rest[0])
        {
            case (byte)'+' or (byte)'-' or (byte)':' or (byte)'_' or (byte)',' or (byte)'#' or (byte)'(':
                remaining--;
                scanned += end + 1;
                return true;
            case (byte)'$' or (byte)'=' or (byte)'!':
                var length = Count(line, maxBulkBytes);
                var whole = end + 1L + (length < 0 ? 0 : length + 2L);
                if (rest.Length < whole)
                {
                    return false;
                }

                remaining--;
                scanned += (int)whole;
                return true;
            case (byte)'*' or (byte)'~' or (byte)'>':
                remaining += Math.Max(0, Count(line, MaxElements)) - 1;
                scanned += end + 1;
                return true;
            case (byte)'%':
                remaining += (2L * Math.Max(0, Count(line, MaxElements))) - 1;
                scanned += end + 1;
                return true;
            case (byte)'|': // an attribute precedes the value it describes: it does not count as one
                remaining += 2L * Math.Max(0, Count(line, MaxElements));
                scanned += end + 1;
                return true;
            default:
                throw new RespException($"unknown reply type '{(char)rest[0]}'");
        }
    }

    private static Reply Materialise(ReadOnlySpan<byte> bytes, ref int position, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new RespException("reply nested too deeply");
        }

        var type = bytes[position];
        var line = bytes[(position + 1)..];
        line = line[..(line.IndexOf((byte)'\n') - 1)];
        position += line.Length + 3;
        switch (type)
        {
            case (byte)'+':
                return Reply.Scalar(ReplyKind.Simple, line);
            case (byte)'-':
                return Reply.Scalar(ReplyKind.Error, line);
            case (byte)':':
                return Reply.Number(ReplyKind.Integer, Number(line));
            case (byte)'_':
                return Reply.NullReply;
            case (byte)',':
                return Reply.Scalar(ReplyKind.Double, line);
            case (byte)'(':
                return Reply.Scalar(ReplyKind.BigNumber, line);
            case (byte)'#':
                return Reply.Number(ReplyKind.Boolean, line is [(byte)'t'] ? 1 : 0);
            case (byte)'$':
                return Bulk(ReplyKind.Bulk, bytes, line, ref position, 0);
            case (byte)'=':
                return Bulk(ReplyKind.Verbatim, bytes, line, ref position, 4);
            case (byte)'!':
                return Bulk(ReplyKind.Error, bytes, line, ref position, 0);
            case (byte)'*':
                return Aggregate(ReplyKind.Array, bytes, line, ref position, depth, 1);
            case (byte)'~':
                return Aggregate(ReplyKind.Set, bytes, line, ref position, depth, 1);
            case (byte)'>':
                return Aggregate(ReplyKind.Push, bytes, line, ref position, depth, 1);
            case (byte)'%':
                return Aggregate(ReplyKind.Map, bytes, line, ref position, depth, 2);
            default:
                Aggregate(ReplyKind.Map, bytes, line, ref position, depth, 2);
                return Materialise(bytes, ref position, depth + 1);
        }
    }

    private static Reply Bulk(
        ReplyKind kind, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> line, ref int position, int prefix)
    {
        var length = (int)Number(line);
        if (length < 0)
        {
            return Reply.NullReply;
        }

        var payload = bytes.Slice(position, length);
        position += length + 2;
        return Reply.Scalar(kind, payload[Math.Min(prefix, length)..]);
    }

    private static Reply Aggregate(
        ReplyKind kind, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> line, ref int position, int depth, int perElement)
    {
        var count = (int)Number(line);
        if (count < 0)
        {
            return Reply.NullReply;
        }

        var items = new Reply[count * perElement];
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = Materialise(bytes, ref position, depth + 1);
        }

        return Reply.Aggregate(kind, items);
    }

    private static int Count(ReadOnlySpan<byte> line, int max)
    {
        var n = Number(line);
        return n >= -1 && n <= max ? (int)n : throw new RespException($"reply length {n} is out of bounds");
    }

    private static long Number(ReadOnlySpan<byte> line)
    {
        if (line is [(byte)'+', ..])
        {
            line = line[1..];
        }

        return Utf8Parser.TryParse(line, out long n, out var used) && used == line.Length
            ? n
            : throw new RespException("reply length or integer is not a number");
    }
}
