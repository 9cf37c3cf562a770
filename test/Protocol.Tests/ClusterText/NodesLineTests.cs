// CLUSTER NODES lines: what Redis 7 prints parses and prints back byte for byte, and damage is named.
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Protocol.Tests.ClusterText;

public sealed class NodesLineTests
{
    private const string A = "07c37dfeb235213a872192d90877d0cd55635b91";
    private const string B = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    [Theory]
    [InlineData(A + " 127.0.0.1:30004@31004,hostname4 slave " + B + " 0 1426238317239 4 connected")]
    [InlineData(B + " 127.0.0.1:30002@31002,,shard-id=" + A + " master - 0 1426238316232 2 connected 5461-10922")]
    [InlineData(A + " 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460 7000 [93->-" + B + "] [77-<-" + B + "]")]
    [InlineData(A + " ::1:30001@31001 master,fail? - 1426238316230 0 18446744073709551615 disconnected")]
    [InlineData(A + " :0@0 master,fail,noaddr - 0 0 0 disconnected")]
    [InlineData(A + " 10.0.0.1:0@0 noflags - 0 0 0 disconnected")]
    [InlineData(A + " 127.0.0.1:7000@17000,,tls-port=7001,shard-id=" + B + " myself,slave,nofailover " + B + " 0 0 3 connected")]
    public void PrintsWhatItParsed(string line) => Assert.Equal(line, NodesLine.Parse(line).ToString());

    [Fact]
    public void FieldsLandWhereTheyBelong()
    {
        var line = NodesLine.Parse(A + " 10.1.2.3:6379@16379,node-1.svc,shard-id=" + B + " myself,master - 5 6 7 connected 0-2 9 [5->-" + B + "]");
        Assert.Equal(("10.1.2.3", 6379, 16379, "node-1.svc", B), (line.Ip, line.Port, line.BusPort, line.Hostname, line.ShardId));
        Assert.True(line.IsMyself && line.IsPrimary && !line.IsReplica && line.Connected);
        Assert.Equal((5L, 6L, 7UL), (line.PingSentMs, line.PongReceivedMs, line.ConfigEpoch));
        Assert.Equal(SlotSet.OfSlots([0, 1, 2, 9]), line.Slots);
        Assert.Equal(new OpenSlot(5, false, B), Assert.Single(line.OpenSlots));
    }

    [Theory]
    [InlineData("", "fewer than 8")]
    [InlineData("xyz 127.0.0.1:1@2 master - 0 0 1 connected", "node id")]
    [InlineData(A + " 127.0.0.1 master - 0 0 1 connected", "address")]
    [InlineData(A + " 127.0.0.1:99999@1 master - 0 0 1 connected", "address")]
    [InlineData(A + " 127.0.0.1:1@2 king - 0 0 1 connected", "flag")]
    [InlineData(A + " 127.0.0.1:1@2 master zz 0 0 1 connected", "primary id")]
    [InlineData(A + " 127.0.0.1:1@2 master - x 0 1 connected", "time")]
    [InlineData(A + " 127.0.0.1:1@2 master - 0 0 -1 connected", "epoch")]
    [InlineData(A + " 127.0.0.1:1@2 master - 0 0 1 maybe", "link state")]
    [InlineData(A + " 127.0.0.1:1@2 master - 0 0 1 connected 1-99999", "slot range")]
    [InlineData(A + " 127.0.0.1:1@2 master - 0 0 1 connected [5-x-" + B + "]", "open slot")]
    [InlineData(A + " 127.0.0.1:1@2 master - 0 0 1 connected [5-]", "open slot")]
    public void DamageIsNamed(string line, string field)
    {
        Assert.False(NodesLine.TryParse(line, out _, out string? error));
        Assert.Contains(field, error);
    }
}
