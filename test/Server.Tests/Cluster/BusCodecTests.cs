// The bus format: golden bytes at the offsets Redis fixes by static assertion, round trips, and damage that may not throw.
using System.Buffers.Binary;
using System.Text;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Tests.Cluster;

public sealed class BusCodecTests
{
    private const string A = "07c37dfeb235213a872192d90877d0cd55635b91";
    private const string B = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    private static BusMessage Ping() => new()
    {
        Type = BusMessageType.Ping, Sender = A, CurrentEpoch = 0x0102030405060708, ConfigEpoch = 9, Offset = 77, Slots = SlotSet.OfSlots([0, 16383]),
        PrimaryId = B, Ip = "10.1.2.3", Port = 6379, OtherPort = 6380, BusPort = 16379, Flags = BusNodeFlags.Replica | BusNodeFlags.Myself,
        ClusterOk = true, MessageFlags = BusMessageFlags.Extensions,
        Gossip = [new GossipEntry(B, 11, 12, "10.9.8.7", 7000, 17000, BusNodeFlags.Primary | BusNodeFlags.PFail, 7001)],
        Hostname = "node-1.svc", ShardId = B, Forgotten = [new ForgottenNode(A, 59)],
    };

    [Fact]
    public void HeaderFieldsLieWhereRedisPutsThem()
    {
        var bytes = BusCodec.Encode(Ping());
        Assert.Equal("RCmb", Encoding.ASCII.GetString(bytes, 0, 4));
        Assert.Equal(2256 + 104 + (8 + 16) + (8 + 48) + (8 + 40), bytes.Length);
        Assert.Equal(bytes.Length, (int)BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)));
        Assert.Equal([0, 1], bytes[8..10]);
        Assert.Equal([0x18, 0xEB], bytes[10..12]);
        Assert.Equal([0, 0], bytes[12..14]);
        Assert.Equal([0, 1], bytes[14..16]);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], bytes[16..24]);
        Assert.Equal(9, bytes[31]);
        Assert.Equal(77, bytes[39]);
        Assert.Equal(A, Encoding.ASCII.GetString(bytes, 40, 40));
        Assert.Equal((1, 0x80), (bytes[80], bytes[80 + 2047]));
        Assert.Equal(B, Encoding.ASCII.GetString(bytes, 2128, 40));
        Assert.Equal("10.1.2.3\0", Encoding.ASCII.GetString(bytes, 2168, 9));
        Assert.Equal([0, 3], bytes[2214..2216]);
        Assert.Equal([0x18, 0xEC, 0x3F, 0xFB, 0, 18, 0, 4], bytes[2246..2254]);
        var gossip = bytes.AsSpan(2256, 104);
        Assert.Equal(B, Encoding.ASCII.GetString(gossip[..40]));
        Assert.Equal((11, 12), (gossip[43], gossip[47]));
        Assert.Equal("10.9.8.7\0", Encoding.ASCII.GetString(gossip.Slice(48, 9)));
        Assert.Equal([0x1B, 0x58, 0x42, 0x68, 0, 5, 0x1B, 0x59], gossip.Slice(94, 8).ToArray());
        var hostname = bytes.AsSpan(2360, 24);
        Assert.Equal([0, 0, 0, 24, 0, 0], hostname[..6].ToArray());
        Assert.Equal("node-1.svc\0", Encoding.ASCII.GetString(hostname.Slice(8, 11)));
    }

    public static TheoryData<string> Types => new(Enum.GetNames<BusMessageType>());

    [Theory]
    [MemberData(nameof(Types))]
    public void EveryTypeComesBackAsSent(string name)
    {
        var type = Enum.Parse<BusMessageType>(name);
        var sent = Ping() with { Type = type };
        if (!sent.IsHeartbeat) sent = sent with { Gossip = [], Hostname = null, ShardId = null, Forgotten = [] };
        if (type == BusMessageType.Fail) sent = sent with { FailedNode = B };
        if (type == BusMessageType.Update) sent = sent with { Update = new SlotClaim(B, 42, SlotSet.OfSlots([1, 2, 3])) };
        if (type is BusMessageType.Publish or BusMessageType.PublishShard) sent = sent with { Channel = [1, 2], Payload = [3, 0, 5] };
        var got = BusCodec.TryDecode(BusCodec.Encode(sent), out string? error);
        Assert.Null(error);
        Assert.Equivalent(sent, got);
    }

    [Fact]
    public void DamageIsRefusedNotThrown()
    {
        var good = BusCodec.Encode(Ping());
        var random = new Random(7);
        for (int i = 0; i < 5000; i++)
        {
            var bad = (byte[])good.Clone();
            for (int n = random.Next(1, 6); n > 0; n--) bad[random.Next(8, bad.Length)] = (byte)random.Next(256);
            BusCodec.TryDecode(bad, out _);
            int cut = random.Next(0, bad.Length);
            Assert.Null(BusCodec.TryDecode(bad.AsSpan(0, cut), out _));
        }
        Assert.Equal(-1, BusCodec.FrameLength("GET / HTTP/1.1"u8));
        Assert.Equal(0, BusCodec.FrameLength("RCm"u8));
        Assert.Equal(-1, BusCodec.FrameLength("RCmb\u007f\0\0\0"u8));
    }
}
