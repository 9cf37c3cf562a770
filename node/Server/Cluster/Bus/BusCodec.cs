// Reads and writes bus messages in the format tabled at the head of BusMessage.cs. Nothing a peer sends may throw:
// a message that does not add up is refused with a reason, and the link that sent it is closed.
using System.Buffers.Binary;
using System.Text;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Server.Cluster.Bus;

internal static class BusCodec
{
    public const int HeaderBytes = 2256;
    public const int GossipBytes = 104;
    public const int NodeIdBytes = 40;
    /// <summary>Longest message taken from a peer; heartbeats of a thousand nodes stay far below.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Longest channel message taken: as long as a client's may be (proto-max-bulk-len), twice.</summary>
    public const int MaxPublishBytes = 1024 * 1024 * 1024;

    private const int IpBytes = 46;
    private const int UpdateBytes = 8 + NodeIdBytes + SlotSet.ByteCount;
    private static ReadOnlySpan<byte> Signature => "RCmb"u8;

    /// <summary>Total length of the message starting here; 0 = not enough bytes to tell; -1 = not a bus message.</summary>
    public static int FrameLength(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8) return 0;
        if (!bytes[..4].SequenceEqual(Signature)) return -1;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (length > MaxPublishBytes) return -1;
        if (bytes.Length < 14) return 0;
        bool publishes = (BusMessageType)U16(bytes, 12) is BusMessageType.Publish or BusMessageType.PublishShard;
        return length < HeaderBytes || (!publishes && length > MaxBytes) ? -1 : (int)length;
    }

    public static byte[] Encode(BusMessage m)
    {
        var extensions = m.IsHeartbeat ? Extensions(m) : [];
        int bodyBytes = m.Type switch
        {
            BusMessageType.Ping or BusMessageType.Pong or BusMessageType.Meet => m.Gossip.Count * GossipBytes + extensions.Sum(e => e.Length),
            BusMessageType.Fail => NodeIdBytes,
            BusMessageType.Publish or BusMessageType.PublishShard => 8 + m.Channel.Length + m.Payload.Length,
            BusMessageType.Update => UpdateBytes,
            _ => 0,
        };
        var bytes = new byte[HeaderBytes + bodyBytes];
        WriteHeader(m, extensions.Count, bytes);
        var body = bytes.AsSpan(HeaderBytes);
        switch (m.Type)
        {
            case BusMessageType.Ping or BusMessageType.Pong or BusMessageType.Meet:
                foreach (var entry in m.Gossip)
                {
                    WriteGossip(entry, body);
                    body = body[GossipBytes..];
                }
                foreach (byte[] extension in extensions)
                {
                    extension.CopyTo(body);
                    body = body[extension.Length..];
                }
                break;
            case BusMessageType.Fail:
                WriteText(m.FailedNode ?? "", body[..NodeIdBytes]);
                break;
            case BusMessageType.Publish or BusMessageType.PublishShard:
                BinaryPrimitives.WriteInt32BigEndian(body, m.Channel.Length);
                BinaryPrimitives.WriteInt32BigEndian(body[4..], m.Payload.Length);
                m.Channel.CopyTo(body[8..]);
                m.Payload.CopyTo(body[(8 + m.Channel.Length)..]);
                break;
            case BusMessageType.Update when m.Update is { } claim:
                BinaryPrimitives.WriteUInt64BigEndian(body, claim.ConfigEpoch);
                WriteText(claim.NodeId, body.Slice(8, NodeIdBytes));
                claim.Slots.CopyTo(body[(8 + NodeIdBytes)..]);
                break;
        }
        return bytes;
    }

    /// <summary>Reads one whole message (as long as <see cref="FrameLength"/> says).</summary>
    public static BusMessage? TryDecode(ReadOnlySpan<byte> bytes, out string? error)
    {
        error = null;
        if (bytes.Length < HeaderBytes || FrameLength(bytes) != bytes.Length) { error = "bad length"; return null; }
        if (U16(bytes, 8) != 1) { error = $"protocol version {U16(bytes, 8)}"; return null; }
        string sender = ReadText(bytes.Slice(40, NodeIdBytes));
        if (!NodesLine.IsNodeId(sender)) { error = "bad sender id"; return null; }
        string primary = ReadText(bytes.Slice(2128, NodeIdBytes));
        if (primary.Length > 0 && !NodesLine.IsNodeId(primary)) { error = "bad primary id"; return null; }
        var header = new BusMessage
        {
            Type = (BusMessageType)U16(bytes, 12),
            Sender = sender,
            CurrentEpoch = U64(bytes, 16),
            ConfigEpoch = U64(bytes, 24),
            Offset = (long)U64(bytes, 32),
            Slots = SlotSet.FromBitmap(bytes.Slice(80, SlotSet.ByteCount)),
            PrimaryId = primary.Length > 0 ? primary : null,
            Ip = ReadText(bytes.Slice(2168, IpBytes)),
            Port = U16(bytes, 10),
            OtherPort = U16(bytes, 2246),
            BusPort = U16(bytes, 2248),
            Flags = (BusNodeFlags)U16(bytes, 2250),
            ClusterOk = bytes[2252] == 0,
            MessageFlags = (BusMessageFlags)bytes[2253],
        };
        return DecodeBody(header, bytes, out error);
    }

    private static BusMessage? DecodeBody(BusMessage header, ReadOnlySpan<byte> bytes, out string? error)
    {
        error = null;
        var body = bytes[HeaderBytes..];
        switch (header.Type)
        {
            case BusMessageType.Ping or BusMessageType.Pong or BusMessageType.Meet:
                return DecodeHeartbeat(header, body, U16(bytes, 14), U16(bytes, 2214), out error);
            case BusMessageType.Fail when body.Length == NodeIdBytes:
                return header with { FailedNode = ReadText(body) };
            case BusMessageType.Publish or BusMessageType.PublishShard when body.Length >= 8:
                long channel = BinaryPrimitives.ReadUInt32BigEndian(body), payload = BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
                if (8 + channel + payload != body.Length) break;
                return header with { Channel = body.Slice(8, (int)channel).ToArray(), Payload = body[(8 + (int)channel)..].ToArray() };
            case BusMessageType.Update when body.Length == UpdateBytes:
                string id = ReadText(body.Slice(8, NodeIdBytes));
                if (!NodesLine.IsNodeId(id)) break;
                return header with { Update = new SlotClaim(id, U64(body, 0), SlotSet.FromBitmap(body[(8 + NodeIdBytes)..])) };
            case BusMessageType.FailoverAuthRequest or BusMessageType.FailoverAuthAck or BusMessageType.MfStart when body.Length == 0:
            case > BusMessageType.Update and not BusMessageType.PublishShard:
                return header; // module messages and types of a later version: the header still counts as a sign of life
        }
        error = $"bad body of {header.Type}";
        return null;
    }

    private static BusMessage? DecodeHeartbeat(BusMessage header, ReadOnlySpan<byte> body, int count, int extensions, out string? error)
    {
        error = null;
        if (body.Length < count * GossipBytes) { error = "gossip section cut short"; return null; }
        var gossip = new GossipEntry[count];
        for (int i = 0; i < count; i++)
        {
            gossip[i] = ReadGossip(body.Slice(i * GossipBytes, GossipBytes));
            if (!NodesLine.IsNodeId(gossip[i].NodeId)) { error = "bad node id in gossip"; return null; }
        }
        var message = header with { Gossip = gossip };
        body = body[(count * GossipBytes)..];
        if ((header.MessageFlags & BusMessageFlags.Extensions) == 0) extensions = 0;
        List<ForgottenNode>? forgotten = null;
        for (; extensions > 0; extensions--)
        {
            if (body.Length < 8) { error = "extension cut short"; return null; }
            uint length = BinaryPrimitives.ReadUInt32BigEndian(body);
            if (length < 8 || length % 8 != 0 || length > body.Length) { error = "bad extension length"; return null; }
            var content = body[8..(int)length];
            switch (U16(body, 4))
            {
                case 0: message = message with { Hostname = ReadText(content) }; break;
                case 1: message = message with { HumanName = ReadText(content) }; break;
                case 2 when content.Length >= NodeIdBytes + 8:
                    (forgotten ??= []).Add(new ForgottenNode(ReadText(content[..NodeIdBytes]), U64(content, NodeIdBytes)));
                    break;
                case 3 when content.Length >= NodeIdBytes: message = message with { ShardId = ReadText(content[..NodeIdBytes]) }; break;
            }
            body = body[(int)length..];
        }
        if (body.Length != 0) { error = "bytes left over"; return null; }
        return forgotten is null ? message : message with { Forgotten = forgotten };
    }

    private static void WriteHeader(BusMessage m, int extensions, Span<byte> to)
    {
        Signature.CopyTo(to);
        BinaryPrimitives.WriteInt32BigEndian(to[4..], to.Length);
        Put16(to, 8, 1);
        Put16(to, 10, m.Port);
        Put16(to, 12, (int)m.Type);
        Put16(to, 14, m.Gossip.Count);
        BinaryPrimitives.WriteUInt64BigEndian(to[16..], m.CurrentEpoch);
        BinaryPrimitives.WriteUInt64BigEndian(to[24..], m.ConfigEpoch);
        BinaryPrimitives.WriteInt64BigEndian(to[32..], m.Offset);
        WriteText(m.Sender, to.Slice(40, NodeIdBytes));
        m.Slots.CopyTo(to.Slice(80, SlotSet.ByteCount));
        if (m.PrimaryId is not null) WriteText(m.PrimaryId, to.Slice(2128, NodeIdBytes));
        WriteText(m.Ip, to.Slice(2168, IpBytes - 1));
        Put16(to, 2214, extensions);
        Put16(to, 2246, m.OtherPort);
        Put16(to, 2248, m.BusPort);
        Put16(to, 2250, (int)m.Flags);
        to[2252] = m.ClusterOk ? (byte)0 : (byte)1;
        to[2253] = (byte)(extensions > 0 ? m.MessageFlags | BusMessageFlags.Extensions : m.MessageFlags);
    }

    private static void WriteGossip(GossipEntry entry, Span<byte> to)
    {
        WriteText(entry.NodeId, to[..NodeIdBytes]);
        BinaryPrimitives.WriteUInt32BigEndian(to[40..], entry.PingSent);
        BinaryPrimitives.WriteUInt32BigEndian(to[44..], entry.PongReceived);
        WriteText(entry.Ip, to.Slice(48, IpBytes - 1));
        Put16(to, 94, entry.Port);
        Put16(to, 96, entry.BusPort);
        Put16(to, 98, (int)entry.Flags);
        Put16(to, 100, entry.OtherPort);
    }

    private static GossipEntry ReadGossip(ReadOnlySpan<byte> from) => new(
        ReadText(from[..NodeIdBytes]), BinaryPrimitives.ReadUInt32BigEndian(from[40..]), BinaryPrimitives.ReadUInt32BigEndian(from[44..]),
        ReadText(from.Slice(48, IpBytes)), U16(from, 94), U16(from, 96), (BusNodeFlags)U16(from, 98), U16(from, 100));

    private static List<byte[]> Extensions(BusMessage m)
    {
        var list = new List<byte[]>();
        if (m.Hostname is not null) list.Add(Extension(0, Encoding.UTF8.GetBytes(m.Hostname + "\0")));
        if (m.HumanName is not null) list.Add(Extension(1, Encoding.UTF8.GetBytes(m.HumanName + "\0")));
        foreach (var node in m.Forgotten)
        {
            var content = new byte[NodeIdBytes + 8];
            WriteText(node.NodeId, content.AsSpan(0, NodeIdBytes));
            BinaryPrimitives.WriteUInt64BigEndian(content.AsSpan(NodeIdBytes), node.TtlSeconds);
            list.Add(Extension(2, content));
        }
        if (m.ShardId is not null) list.Add(Extension(3, Encoding.ASCII.GetBytes(m.ShardId)));
        return list;
    }

    private static byte[] Extension(int type, byte[] content)
    {
        var bytes = new byte[8 + (content.Length + 7) / 8 * 8];
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length);
        Put16(bytes, 4, type);
        content.CopyTo(bytes, 8);
        return bytes;
    }

    private static string ReadText(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    private static void WriteText(string text, Span<byte> field)
    {
        Span<byte> utf8 = Encoding.UTF8.GetBytes(text);
        utf8[..Math.Min(utf8.Length, field.Length)].CopyTo(field);
    }

    private static ushort U16(ReadOnlySpan<byte> from, int at) => BinaryPrimitives.ReadUInt16BigEndian(from[at..]);
    private static ulong U64(ReadOnlySpan<byte> from, int at) => BinaryPrimitives.ReadUInt64BigEndian(from[at..]);
    private static void Put16(Span<byte> to, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)value);
}
